// The two requests of a file on its way in: the check of its beginning, and the upload, which is tried until it is there.

export const SAMPLE_BYTES = 262144; // 256 KB: more is not needed to know delimiter, charset and columns
const LONGEST_QUERY = 4000; // characters: a longer column map goes as a field of a form
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;
const PASSES = new Set([408, 409, 425, 429, 500, 502, 503, 504, 507]); // what may be otherwise the next time
const PACKINGS = [["gzip", [0x1f, 0x8b]], ["zstd", [0x28, 0xb5, 0x2f, 0xfd]]];

export async function check(each, values) {
  const sample = each.file.slice(0, SAMPLE_BYTES);
  const beginning = new Uint8Array(await sample.slice(0, 4).arrayBuffer());
  const packing = PACKINGS.find(([, marks]) => marks.every((mark, index) => beginning[index] === mark));
  each.packing = packing?.[0];
  const query = withFile(each, values);
  for (const name of ["review", "label", "preflight"]) query.delete(name);
  query.set("sample", "true"); // also of a small file: only then it says what the file seems to be
  const { body, target } = packed(query, sample, each, "/v1/checks");
  const answer = await fetch(target, { method: "POST", body, headers: headersOf(each, body), credentials: "same-origin" });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw { status: answer.status, ...told };
  return told;
}

// { done: a promise of the import, stop(): gives it up }. `tell.progress(share)`, `tell.trouble(text)`.
export function upload(each, values, tell) {
  let xhr = null;
  let timer = 0;
  let isStopped = false;
  let waitMs = FIRST_WAIT_MS;
  let giveUp;
  const done = new Promise((resolve, reject) => {
    giveUp = reject;
    begin();

    function begin() {
      const { body, target } = packed(withFile(each, values), each.file, each, "/v1/imports");
      xhr = new XMLHttpRequest();
      xhr.open("POST", target);
      for (const [name, value] of Object.entries(headersOf(each, body))) xhr.setRequestHeader(name, value);
      xhr.setRequestHeader("Idempotency-Key", each.key);
      xhr.upload.addEventListener("progress", ({ loaded, total }) => tell.progress(total ? Math.min(1, loaded / total) : 0));
      xhr.addEventListener("load", answered);
      xhr.addEventListener("error", () => again("The line broke"));
      xhr.send(body); // the browser reads the file piece by piece
    }

    function answered() {
      let told = {};
      try { told = JSON.parse(xhr.responseText); } catch { /* a proxy's page */ }
      if (xhr.status === 202) resolve(told);
      else if (!PASSES.has(xhr.status) || told.code === "idempotency_key_reused") reject({ status: xhr.status, ...told });
      else again(told.title ?? `The service answered ${xhr.status}`, 1000 * Number(xhr.getResponseHeader("Retry-After")));
    }

    function again(why, asked = 0) {
      if (isStopped) return;
      const wait = Math.max(asked || 0, waitMs);
      waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
      tell.trouble(`${why.replace(/\.$/, "")}. Trying again in ${Math.ceil(wait / 1000)}\u202fs; the file is not sent twice.`);
      timer = setTimeout(begin, wait);
    }
  });
  return {
    done,
    stop() {
      isStopped = true;
      clearTimeout(timer);
      xhr?.abort();
      giveUp({ title: "Stopped. Nothing of it was kept." });
    },
  };
}

// A problem as a sentence.
export function explain(problem) {
  if (problem.status === 401) return "Your session is over. Sign in again in another tab, then take the file once more.";
  if (problem instanceof TypeError) return "The service cannot be reached. Change anything to try again.";
  return problem.detail ?? problem.title ?? `The service answered ${problem.status ?? "nothing"}.`;
}

function withFile(each, values) {
  const query = new URLSearchParams(values);
  query.set("format", each.format);
  query.set("charset", each.charset);
  if (each.map.size) query.set("column_map", JSON.stringify(Object.fromEntries(each.map)));
  return query;
}

function packed(query, bytes, each, path) {
  if (String(query).length <= LONGEST_QUERY) return { body: bytes, target: `${path}?${query}` };
  const body = new FormData();
  for (const [name, value] of query) body.append(name, value);
  body.append("file", bytes, each.file.name);
  return { body, target: path };
}

function headersOf(each, body) {
  const csrf = document.querySelector("meta[name=csrf]")?.content;
  const headers = csrf ? { "X-CSRF-Token": csrf } : {};
  headers.Accept = "application/json";
  if (body instanceof FormData) return headers;
  headers["Content-Type"] = "application/octet-stream";
  headers["Content-Disposition"] = `attachment; filename*=UTF-8''${encodeURIComponent(each.file.name).replace(/['()*]/g, escaped)}`;
  if (each.packing) headers["Content-Encoding"] = each.packing;
  return headers;
}

function escaped(letter) {
  return `%${letter.charCodeAt(0).toString(16).toUpperCase()}`;
}
