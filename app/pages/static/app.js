// What every page does in the browser, beside what it does without: times in words, and news without a reload.

import { follow } from "./live.js";
import { keepTimes } from "./times.js";

keepTimes(document);
follow();

// One deed is open at a time, and Escape closes it.
document.addEventListener("toggle", (event) => {
  const deed = event.target;
  if (!(deed instanceof HTMLDetailsElement) || !deed.classList.contains("deed") || !deed.open) return;
  for (const other of document.querySelectorAll("details.deed[open]")) if (other !== deed) other.open = false;
}, true);
document.addEventListener("keydown", (event) => {
  const deed = event.key === "Escape" && document.querySelector("details.deed[open]");
  if (!deed) return;
  deed.open = false;
  deed.querySelector("summary").focus();
});
// A form that is on its way is not sent twice.
document.addEventListener("submit", (event) => {
  const button = event.target.querySelector("button[type=submit]");
  if (button) setTimeout(() => { button.disabled = true; button.dataset.sent = ""; });
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button[data-sent]")) button.disabled = false;
});
