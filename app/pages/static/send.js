// Files on their way in: dropped, looked at by how they begin, mapped, and uploaded one after the other.
// A file is never read whole: 256 KB of it here, the rest by the browser itself while it sends.

import { check, explain, SAMPLE_BYTES, upload } from "./send_api.js";
import { firstRows } from "./send_sample.js";
import { count, fileSize } from "./send_words.js";

const form = document.getElementById("send");
const input = document.getElementById("file");
const list = document.getElementById("files");
const go = document.getElementById("go");
const offers = document.getElementById("offers");
const SETTLED_MS = 400; // after a change, before it is checked again
const EXAMPLES = 3;
const files = [];
let isUploading = false;
let offered = "";

for (const each of document.querySelectorAll(".by-itself")) {
  each.hidden = true;
  for (const field of each.querySelectorAll("[name]")) field.disabled = true;
}
input.multiple = true;
input.required = false;
input.addEventListener("change", () => { take(input.files); input.value = ""; });
document.addEventListener("dragover", (event) => { event.preventDefault(); form.classList.add("is-over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) form.classList.remove("is-over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("is-over");
  take(event.dataTransfer.files);
});
form.addEventListener("change", (event) => {
  if (event.target === input || event.target.closest("#files")) return;
  renewOffers();
  renewGo();
  const decides = ["label", "priority", "review"];
  if (!decides.includes(event.target.name)) for (const each of files) if (!each.isOver) later(each);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  event.stopPropagation(); // app.js would switch the button off
  sendAll();
});
addEventListener("beforeunload", (event) => { if (isUploading) event.preventDefault(); });
renewOffers();
renewGo();

// What the form says, for a request: without what is another object type's, and without what is empty.
function parameters() {
  const values = new URLSearchParams();
  const type = form.querySelector("[name=object_type]:checked").value;
  for (const field of form.querySelectorAll("[name]:not(:disabled)")) {
    if (["csrf", "back", "file"].includes(field.name) || field.closest("#files")) continue;
    if (field.type === "radio" && !field.checked) continue;
    const kind = field.closest(".kind")?.querySelector("[name=object_type]").value;
    if ((!kind || kind === type || field.type === "radio") && field.value) values.set(field.name, field.value);
  }
  return values;
}

function take(chosen) {
  for (const file of chosen) {
    const card = document.getElementById("file-card").content.cloneNode(true).firstElementChild;
    const each = {
      file, card, format: "csv", charset: "utf-8", map: new Map(), suggested: new Set(), rows: new Map(),
      isGuessed: false, isChecked: false, isOver: false, key: randomKey(), turn: 0,
    };
    part(each, "name").textContent = file.name;
    part(each, "size").textContent = fileSize(file.size);
    card.querySelector(".remove").addEventListener("click", () => remove(each));
    for (const name of ["format", "charset"]) {
      part(each, name).addEventListener("change", (event) => {
        each[name] = event.target.value;
        each.isGuessed = true; // from here on a person says it
        look(each, { anew: true });
      });
    }
    card.querySelector(".leave-out").addEventListener("click", () => leaveOut(each));
    files.push(each);
    list.append(card);
    look(each, { anew: true });
  }
  renewGo();
}

function remove(each) {
  each.upload?.stop();
  each.turn += 1;
  files.splice(files.indexOf(each), 1);
  each.card.remove();
  renewGo();
  input.focus();
}

function part(each, name) {
  return each.card.querySelector(`.file-${name}`);
}

function later(each) {
  clearTimeout(each.timer);
  each.isChecked = false;
  each.timer = setTimeout(() => look(each), SETTLED_MS);
}

// Ask what the file's beginning seems to be, then again with what it seems to be, then with the columns as mapped.
async function look(each, { anew = false } = {}) {
  const turn = each.turn += 1;
  each.isChecked = false;
  each.problem = null;
  if (anew) { each.map.clear(); each.suggested.clear(); }
  say(each, "Looking at how it begins…");
  renewGo();
  try {
    let found = await check(each, parameters());
    if (turn !== each.turn) return;
    if (!each.isGuessed && guess(each, found.guessed)) found = await check(each, parameters());
    each.isGuessed = true;
    if (turn !== each.turn) return;
    if (suggest(each, found)) found = await check(each, parameters());
    if (turn !== each.turn) return;
    each.found = found;
    each.isChecked = true;
    await show(each);
  } catch (problem) {
    if (turn !== each.turn) return;
    each.problem = problem;
    complain(each, problem.errors?.length ? problem.errors : []);
    say(each, explain(problem));
  }
  renewGo();
}

function guess(each, guessed) {
  const format = guessed?.format ?? each.format;
  const charset = guessed?.charset ?? each.charset;
  const isOther = format !== each.format || charset !== each.charset;
  Object.assign(each, { format, charset });
  return isOther;
}

// Take the nearest right name for each column that Marketo has none for, where no other column has it.
function suggest(each, found) {
  const taken = new Set(found.columns.filter((column) => !column.mistake).map((column) => low(column.field)));
  for (const field of each.map.values()) taken.add(low(field));
  let isNew = false;
  for (const column of found.columns) {
    if (!column.mistake || !column.suggestion || each.map.has(column.name) || taken.has(low(column.suggestion))) continue;
    taken.add(low(column.suggestion));
    each.map.set(column.name, column.suggestion);
    each.suggested.add(column.name);
    isNew = true;
  }
  return isNew;
}

async function show(each) {
  const { found } = each;
  for (const name of ["format", "charset"]) choose(part(each, name), each[name]);
  part(each, "found").hidden = !found.columns.length;
  const examples = await firstRows(each, EXAMPLES);
  drawColumns(each, examples);
  const open = undecided(each);
  const whole = found.mistakes.filter((mistake) => !mistake.column || !each.rows.has(mistake.column));
  complain(each, whole);
  const rows = each.file.size > SAMPLE_BYTES ? `the first ${count(found.rows, "row")}` : count(found.rows, "row");
  const odd = found.remarks_total ? `${count(found.remarks_total, "thing")} to look at in ${rows}: ${remark(found.remarks[0])}`
    : `Nothing odd in ${rows}.`;
  const twice = found.repeated_keys ? ` ${count(found.repeated_keys, "row")} of them ${found.repeated_keys === 1 ? "has" : "have"} a key that an earlier row has.` : "";
  const noHeader = found.guessed && !found.guessed.header ? " Its first line seems to hold values: are the names missing?" : "";
  if (open.length) say(each, `${count(open.length, "column")} to decide: choose Marketo's field, or leave it out.`);
  else if (found.mistakes.some(({ code }) => code === "missing_column")) {
    say(each, `A column is missing that Marketo finds its records by. If another one holds it, write its field beside it.${noHeader}`);
  } else if (found.mistakes_total) say(each, `It cannot be taken so.${noHeader}`);
  else say(each, `Ready. ${odd}${twice}${noHeader}`);
  const button = each.card.querySelector(".leave-out");
  button.hidden = open.length < 2;
  button.textContent = `Leave out all ${open.length}`;
}

function remark({ row, column, message }) {
  return [row && `row ${row}`, message.startsWith(column) ? "" : column, message].filter(Boolean).join(", ") + ".";
}

function undecided(each) {
  return each.found.columns.filter((column) => column.mistake && each.map.get(column.name) !== null);
}

function leaveOut(each) {
  for (const column of undecided(each)) each.map.set(column.name, null);
  look(each);
}

// Rows stay where they are, so that whoever is typing in one goes on typing.
function drawColumns(each, examples) {
  const body = each.card.querySelector("tbody");
  const names = each.found.columns.map((column) => column.name);
  if (names.join("\n") !== [...each.rows.keys()].join("\n")) {
    body.replaceChildren();
    each.rows.clear();
  }
  each.found.columns.forEach((column, index) => {
    let row = each.rows.get(column.name);
    if (!row) each.rows.set(column.name, row = newRow(each, column.name, body));
    row.values.textContent = examples.map((cells) => cells[index]).filter(Boolean).join(" · ") || "–";
    const isOut = each.map.get(column.name) === null;
    const field = each.map.get(column.name) ?? column.field ?? (column.mistake ? "" : column.name);
    if (document.activeElement !== row.field) row.field.value = isOut ? "" : field;
    row.field.disabled = isOut;
    row.out.checked = isOut;
    row.state.className = `column-state ${column.mistake && !isOut ? "mistake" : "quiet"}`;
    row.state.textContent = stateOf(each, column, isOut);
  });
}

function stateOf(each, column, isOut) {
  if (isOut) return "left out";
  if (column.mistake) return column.mistake;
  const type = column.data_type ? `, ${column.data_type}` : "";
  if (each.suggested.has(column.name)) return `suggested${type}`;
  return column.field ? `✓${type}` : "not checked";
}

function newRow(each, name, body) {
  const line = body.insertRow();
  const head = document.createElement("th");
  head.scope = "row";
  const bdi = document.createElement("bdi");
  bdi.textContent = name;
  head.append(bdi);
  line.append(head);
  const values = line.insertCell();
  values.className = "examples";
  const field = Object.assign(document.createElement("input"), { autocomplete: "off", spellcheck: false, maxLength: 255 });
  field.setAttribute("list", "fields");
  field.setAttribute("aria-label", `Marketo's field for ${name}`);
  field.addEventListener("change", () => {
    if (field.value.trim()) each.map.set(name, field.value.trim());
    else each.map.delete(name);
    each.suggested.delete(name);
    later(each);
  });
  line.insertCell().append(field);
  const out = Object.assign(document.createElement("input"), { type: "checkbox" });
  out.setAttribute("aria-label", `Leave out ${name}`);
  out.addEventListener("change", () => {
    if (out.checked) each.map.set(name, null);
    else each.map.delete(name);
    each.suggested.delete(name);
    later(each);
  });
  line.insertCell().append(out);
  const state = line.insertCell();
  return { values, field, out, state };
}

function choose(select, value) {
  if (![...select.options].some((option) => option.value === value)) select.add(new Option(value, value));
  select.value = value;
}

function complain(each, mistakes) {
  part(each, "mistakes").replaceChildren(...mistakes.map(({ row, column, field, message }) => {
    const item = document.createElement("li");
    item.className = "mistake";
    const where = [row && `Row ${row}`, column ?? field].filter(Boolean).join(", ");
    item.textContent = where && !message.includes(column ?? field ?? where) ? `${where}: ${message}` : message;
    return item;
  }));
}

function say(each, text) {
  part(each, "says").textContent = text;
}

function isReady(each) {
  return !each.isOver && each.isChecked && !each.found.mistakes_total && !undecided(each).length;
}

function renewGo() {
  const open = files.filter((each) => !each.isOver);
  const ready = open.filter(isReady);
  go.disabled = isUploading || !ready.length || ready.length < open.length;
  const whether = form.querySelector("[name=review]:checked").value === "true" ? "Upload" : "Upload and send";
  go.textContent = open.length ? `${whether} ${count(open.length, "file")}` : whether;
  const left = open.length - ready.length;
  document.getElementById("go-hint").textContent =
    isUploading ? "Stay on this page until all is uploaded." : !open.length ? "Choose a file first."
      : left ? `${count(left, "file")} not ready yet.` : "";
}

// One after the other, each until it is there, or refused.
async function sendAll() {
  const values = parameters();
  const ready = files.filter(isReady);
  if (isUploading || !ready.length) return;
  isUploading = true;
  const done = [];
  for (const each of ready) {
    renewGo();
    if (!files.includes(each)) continue;
    const made = await sendOne(each, values);
    if (made) done.push(made);
  }
  isUploading = false;
  renewGo();
  const isReview = values.get("review") === "true";
  if (done.length === 1 && files.length === 1) location.assign(isReview ? `/send/${done[0].id}` : `/imports/${done[0].id}`);
}

async function sendOne(each, values) {
  const bar = part(each, "progress");
  bar.hidden = false;
  part(each, "found").hidden = true;
  each.card.querySelector(".remove").textContent = "Stop";
  each.upload = upload(each, values, {
    progress(share) {
      bar.querySelector(".fill").setAttribute("width", `${(share * 100).toFixed(1)}%`);
      bar.querySelector("svg").setAttribute("aria-label", `Uploaded: ${Math.floor(share * 100)} %`);
      say(each, share < 1 ? `Uploading, ${Math.floor(share * 100)} %.` : "All of it is there. Every row is looked at…");
    },
    trouble(text) { say(each, text); },
  });
  try {
    const made = await each.upload.done;
    finish(each, made, values.get("review") === "true");
    return made;
  } catch (problem) {
    bar.hidden = true;
    part(each, "found").hidden = false;
    each.card.querySelector(".remove").textContent = "Take it off";
    each.isChecked = false;
    each.key = randomKey(); // a refused upload does not use its key up, and a mended one is another request
    complain(each, problem.errors?.length ? problem.errors : []);
    say(each, explain(problem));
    return null;
  }
}

function finish(each, made, isReview) {
  each.isOver = true;
  each.card.querySelector(".remove").hidden = true;
  const link = document.createElement("a");
  link.className = "button";
  link.href = isReview ? `/send/${made.id}` : `/imports/${made.id}`;
  link.textContent = isReview ? `Look at import ${made.id}, then send it` : `Import ${made.id}`;
  part(each, "links").replaceChildren(link);
  const stored = `${count(made.file.rows, "row")} stored as import ${made.id}.`;
  say(each, isReview ? `${stored} Nothing is sent before you say so.` : `${stored} It goes to Marketo in its turn.`);
}

// What Marketo has, as far as it is known: names of objects, and fields to choose from.
async function renewOffers() {
  const values = parameters();
  const query = new URLSearchParams({ object_type: values.get("object_type") });
  for (const name of ["instance", ...[...form.querySelectorAll("[data-object]")].map((field) => field.name)]) {
    if (values.get(name)) query.set(name, values.get(name));
  }
  if (offered === (offered = String(query))) return;
  const answer = await fetch(`/send/offers?${query}`, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  if (!answer.ok || answer.redirected || offered !== String(query)) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  offers.replaceChildren(...fresh.querySelectorAll("datalist"));
}

function low(text) {
  return String(text ?? "").toLowerCase();
}

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
