// News without a reload: the page is fetched again, and only those of its regions (data-live, with an id) are replaced
// that have changed. Nothing moves that somebody is about to press, reads out by a selection, or types in.

import { renewTimes } from "./times.js";

const SOON_MS = 5000; // after a change
const QUIET_MS = 10000; // after none; the longer nothing changes, the longer
const QUIET_MOST_MS = 20000;
const MOST_MS = 60000; // while the service does not answer
const ACTIVE = "a, button, summary, input, select, textarea";

let fingerprint = null;
let waitMs = SOON_MS;
let quietMs = QUIET_MS;
let timer = 0;
let lostAt = null;

// The page whose news are shown: this one; another where this one answers a form; none where it tells of a problem.
const address = document.body.dataset.follows ?? location.href;

export function follow() {
  if (!address || !document.querySelector("[data-live]")) return;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) look();
  });
  timer = setTimeout(look, SOON_MS);
}

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    waitMs = await renew();
    tell(null);
  } catch {
    waitMs = Math.min(MOST_MS, waitMs * 2);
    tell(lostAt ?? new Date());
  }
  timer = setTimeout(look, waitMs);
}

async function renew() {
  const headers = { Accept: "text/html" };
  if (fingerprint) headers["If-None-Match"] = fingerprint;
  const answer = await fetch(address, { headers, cache: "no-store", credentials: "same-origin" });
  if (answer.status === 304) {
    const ms = quietMs;
    quietMs = Math.min(QUIET_MOST_MS, quietMs * 1.5);
    return ms;
  }
  quietMs = QUIET_MS;
  if (answer.redirected) location.reload(); // the session is over
  if (!answer.ok) throw new Error(String(answer.status));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const isComplete = replaceRegions(fresh);
  fingerprint = isComplete ? answer.headers.get("ETag") : null;
  return SOON_MS;
}

// True when every region that has changed was replaced.
function replaceRegions(fresh) {
  renewTimes(document);
  renewTimes(fresh);
  let isComplete = true;
  for (const region of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(region.id);
    if (!next || same(region, next)) continue;
    if (isInUse(region)) isComplete = false;
    else steadily(() => replace(region, next));
  }
  return isComplete;
}

function same(region, next) {
  return withoutState(region) === withoutState(next) && region.className === next.className;
}

// What the visitor has opened is no difference.
function withoutState(region) {
  return region.innerHTML.replaceAll(' open=""', "");
}

function isInUse(region) {
  if (region.contains(document.activeElement)) return true;
  if (region.querySelector(`details.deed[open], :is(${ACTIVE}):hover`)) return true;
  const selection = getSelection();
  const isSelected = selection && !selection.isCollapsed;
  return Boolean(isSelected && (region.contains(selection.anchorNode) || region.contains(selection.focusNode)));
}

function replace(region, next) {
  const open = [...region.querySelectorAll("details[open][id]")].map((details) => details.id);
  const checked = [...region.querySelectorAll("input:checked[id]")].map((input) => input.id);
  region.className = next.className;
  region.replaceChildren(...next.childNodes);
  for (const id of checked) {
    const input = document.getElementById(id);
    if (input) input.checked = true;
  }
  for (const id of open) {
    const details = document.getElementById(id);
    if (details) details.open = true;
  }
  region.dispatchEvent(new CustomEvent("renewed", { bubbles: true }));
}

// What is under the pointer, or has the focus, stays where it is on the screen.
function steadily(change) {
  const hovered = document.querySelector(`:is(${ACTIVE}):hover`);
  const held = hovered ?? (document.activeElement === document.body ? null : document.activeElement);
  const before = held?.getBoundingClientRect().top;
  change();
  if (held?.isConnected) scrollBy(0, held.getBoundingClientRect().top - before);
}

function tell(since) {
  if (String(since) === String(lostAt)) return;
  lostAt = since;
  const place = document.getElementById("live-status");
  const hour = since?.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  place.textContent = since ? `The service has not answered since ${hour}: this is how it was then.` : "";
}
