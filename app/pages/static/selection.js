// How many imports are selected, and all of a page at once. Everything else works without.

const form = document.getElementById("selection");
const status = document.getElementById("selected");

function boxes() { return [...document.querySelectorAll("input[form=selection]")]; }

function tell() {
  const all = boxes();
  const count = all.filter((box) => box.checked).length;
  const words = count ? `${count} selected` : status.dataset.none;
  if (status.textContent !== words) status.textContent = words;
  for (const button of form.querySelectorAll("button")) button.disabled = !count;
  const every = document.getElementById("pick-all");
  if (!every) return;
  every.checked = count > 0 && count === all.length;
  every.indeterminate = count > 0 && count < all.length;
}

// A live change brings a table without it.
function offerAll() {
  const place = document.querySelector("th.pick");
  if (!place || document.getElementById("pick-all")) return;
  const every = Object.assign(document.createElement("input"), { type: "checkbox", id: "pick-all" });
  every.setAttribute("aria-label", "Select all imports on this page");
  every.addEventListener("change", () => {
    for (const box of boxes()) box.checked = every.checked;
    tell();
  });
  place.replaceChildren(every);
}

function begin() { offerAll(); tell(); }

if (form) {
  begin();
  document.addEventListener("change", tell);
  document.addEventListener("renewed", begin);
  addEventListener("pageshow", begin);
}
