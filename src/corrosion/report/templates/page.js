"use strict";
// What every page does but that of an inspection, which has a script of its own.
const HOLD = 250; // milliseconds
const large = document.getElementById("enlarged");

// ---- a tap switches the marks upon a photograph, a hold shows the other for as long as it lasts

function mark(photo, on = !photo.classList.contains("marked")) {
  photo.classList.toggle("marked", on);
  photo.querySelector(".frame").setAttribute("aria-pressed", on);
}
let held = false;
document.addEventListener("pointerdown", (event) => {
  const photo = event.target.closest(".frame")?.closest(".photo");
  held = false;
  if (!photo?.querySelector(".layer")) return;
  const timer = setTimeout(() => { held = true; mark(photo); }, HOLD);
  const end = () => {
    clearTimeout(timer);
    if (held) mark(photo);
    for (const name of ["pointerup", "pointercancel"]) removeEventListener(name, end);
  };
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, end);
});
document.addEventListener("contextmenu", (event) => { if (held) event.preventDefault(); });
document.addEventListener("click", (event) => {
  const photo = event.target.closest(".photo"), all = event.target.closest("[data-marks]");
  if (all) {
    const on = all.getAttribute("aria-pressed") !== "true";
    all.setAttribute("aria-pressed", on);
    for (const one of all.closest("section").querySelectorAll(".photo:has(.layer)")) mark(one, on);
  }
  if (!photo || event.target.closest("a")) return;
  if (event.target.closest(".corner") || !photo.querySelector(".layer")) enlarge(photo);
  else if (event.target.closest(".frame") && !held) mark(photo);
  held = false;
});

// ---- as large as the window: one photograph, or those that belong together

function enlarge(photo) {
  if (large.open) return;
  const together = photo.closest(".together")?.querySelectorAll(".photo") ?? [photo];
  const shown = document.createElement("div"), close = document.createElement("button");
  shown.className = "shown";
  shown.append(...[...together].map((one) => one.cloneNode(true)));
  close.type = "button";
  close.textContent = "Close";
  close.onclick = () => large.close();
  large.replaceChildren(shown, close);
  large.showModal();
}

// ---- tables that go on sideways say so; an anchor opens what it lies in; paper shows all

const widths = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    const box = target.closest(".scroll");
    box.classList.toggle("goes-on", box.scrollWidth > box.clientWidth + 1);
  }
});
for (const box of document.querySelectorAll(".scroll")) {
  widths.observe(box);
  if (box.firstElementChild) widths.observe(box.firstElementChild);
}
function reveal() {
  const at = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let one = at; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  at?.scrollIntoView();
}
addEventListener("hashchange", reveal);
if (location.hash) reveal();
addEventListener("beforeprint", () => { for (const one of document.querySelectorAll("details")) one.open = true; });
