
// ---- the surface that shares refer to: regions drawn on the enlarged photograph

const SURFACES = `${KEY}:surfaces`, STEP = 0.01, NEAR = 12; // a share of the picture; pixels
const SVG = "http://www.w3.org/2000/svg";
let regionsKept = {}, regionsSaved = true, drawing = null; // what draws on the photograph that is enlarged

function loadRegions() {
  try { regionsKept = JSON.parse(localStorage.getItem(SURFACES) || "{}"); } catch { regionsKept = {}; }
}
const regionsOf = (card) => regionsKept[idOf(card)] ?? card.drawn ?? [];
function keepRegions(card, regions) {
  regionsKept[idOf(card)] = regions;
  regionsSaved = false;
  try { localStorage.setItem(SURFACES, JSON.stringify(regionsKept)); } catch { tell("This browser keeps nothing here: save surfaces before you leave the page.", true); }
}
function saveSurfaces() {
  const surfaces = CARDS.filter((card) => regionsOf(card).length).map((card) => (
    { path: card.path, time: card.time || "", sha256: card.sha256 || "", regions: regionsOf(card) }));
  const address = URL.createObjectURL(new Blob([`${JSON.stringify({ surfaces })}\n`], { type: "application/json" }));
  element("a", { href: address, download: "surfaces.json" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
  regionsSaved = true;
  return `Saved: surfaces.json (${surfaces.length}), among your downloads. Measure by corrosion inspection-report FOLDER --surface surfaces.json.`;
}

/** What draws regions on one enlarged photograph; it is gone with the next one. */
function surfacePen(card, stage, frame) {
  const svg = document.createElementNS(SVG, "svg"), base = frame.querySelector("img");
  const said = element("span", { className: "surface-said", role: "status" });
  let on = false, open = [], at = [0.5, 0.5], byKeys = false, size = [1, 1], down = null;
  svg.classList.add("surface");
  svg.setAttribute("aria-hidden", "true");
  frame.append(svg);
  const shape = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    svg.append(made);
  };
  const inPicture = (corners) => corners.map(([x, y]) => `${x * size[0]},${y * size[1]}`).join(" ");
  const show = () => {
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${size[0]} ${size[1]}`);
    for (const region of regionsOf(card)) {
      for (const name of ["under", "over"]) shape("polygon", { points: inPicture(region), class: name });
    }
    for (const name of ["under", "over"]) if (open.length) shape("polyline", { points: inPicture(open), class: name });
    const dot = Math.max(...size) / 150;
    for (const [x, y] of open) shape("circle", { cx: x * size[0], cy: y * size[1], r: dot });
    if (on && byKeys) {
      const [x, y] = [at[0] * size[0], at[1] * size[1]], arm = 4 * dot;
      for (const name of ["under", "over"]) shape("path", { d: `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`, class: name });
    }
    const count = regionsOf(card).length;
    buttons.draw.setAttribute("aria-pressed", on);
    buttons.close.hidden = buttons.undo.hidden = !on;
    buttons.close.disabled = open.length < 3;
    buttons.whole.hidden = !count;
    buttons.save.disabled = regionsSaved && !CARDS.some((one) => regionsOf(one).length);
    if (on) said.textContent = "Click or tap corners of the surface (or arrows and Space); Enter closes it, Backspace takes one back, Esc ends.";
    else said.textContent = count ? `Surface: ${count} drawn region${count > 1 ? "s" : ""}` : "Surface: the whole photograph";
  };
  const sized = () => { if (base?.naturalWidth) size = [base.naturalWidth, base.naturalHeight]; show(); };
  const add = (x, y) => {
    open.push([x, y].map((one) => Math.round(1e5 * Math.min(1, Math.max(0, one))) / 1e5));
    show();
  };
  const close = () => {
    if (open.length < 3) return;
    keepRegions(card, [...regionsOf(card), open]);
    open = [];
    show();
  };
  const undo = () => {
    if (open.length) open.pop();
    else if (regionsOf(card).length) { open = regionsOf(card).at(-1); keepRegions(card, regionsOf(card).slice(0, -1)); }
    show();
  };
  const draw = (now = !on) => { on = now; if (!on) open = []; stage.classList.toggle("draws", on); show(); stage.focus(); };
  const button = (textContent, onclick, title = "") => element("button", { type: "button", textContent, onclick, title });
  const buttons = {
    draw: button("Draw surface", () => draw(), "d"), close: button("Close region", close, "Enter"), undo: button("Undo", undo, "Backspace"),
    whole: button("Whole photograph", () => { keepRegions(card, []); open = []; show(); }),
    save: button("Save surfaces", () => { close(); const told = saveSurfaces(); show(); said.textContent = told; tell(told); }),
  };
  stage.addEventListener("pointerdown", (event) => { down = event.isPrimary ? [event.clientX, event.clientY] : null; });
  stage.addEventListener("pointerup", (event) => {
    if (!on || !down || Math.hypot(event.clientX - down[0], event.clientY - down[1]) > 5) return; // it was dragged
    const matrix = svg.getScreenCTM(), to = (x, y) => new DOMPoint(x, y).matrixTransform(matrix);
    byKeys = false;
    if (open.length > 2) {
      const first = to(open[0][0] * size[0], open[0][1] * size[1]);
      if (Math.hypot(first.x - event.clientX, first.y - event.clientY) < NEAR) return close();
    }
    const here = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    add(here.x / size[0], here.y / size[1]);
  });
  const move = (x, y, fine) => {
    byKeys = true;
    at = [at[0] + x * STEP * (fine ? 0.2 : 1), at[1] + y * STEP * (fine ? 0.2 : 1)].map((one) => Math.min(1, Math.max(0, one)));
    show();
  };
  const keys = {
    ArrowLeft: (fine) => move(-1, 0, fine), ArrowRight: (fine) => move(1, 0, fine), ArrowUp: (fine) => move(0, -1, fine), ArrowDown: (fine) => move(0, 1, fine),
    " ": () => { byKeys = true; add(...at); }, Enter: close, Backspace: undo, Escape: () => draw(false),
  };
  if (base) { base.addEventListener("load", sized); sized(); }
  return {
    line: element("div", { className: "line surfaces" }, buttons.draw, buttons.close, buttons.undo, buttons.whole, said, buttons.save),
    draw, press: (event) => {
      if (!on || !(event.key in keys) || (event.target.closest("button, input") && event.key !== "Escape")) return false;
      keys[event.key](event.shiftKey);
      return true;
    },
  };
}

/** Offer to draw on the photograph that was enlarged, where a share of it was measured. */
function offerSurface(card, stage, frame) {
  drawing = null;
  if (card.share === undefined && !card.rust && !card.outline) return;
  drawing = surfacePen(card, stage, frame);
  stage.after(drawing.line);
}
document.addEventListener("keydown", (event) => { // before the keys of the page
  if (!drawing || !large.open || event.ctrlKey || event.metaKey || event.altKey || $("noting").open || $("keys").open) return;
  if (event.key === "d" && !event.target.closest("input:not([type=range]), textarea")) drawing.draw();
  else if (!drawing.press(event)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
addEventListener("storage", (event) => { if (event.key === SURFACES) loadRegions(); });
loadRegions();
