
// ---- one photograph, as large as the window

function enlarge() {
  const card = shown[current];
  if (!card) return;
  const frame = element("div", { className: "frame" }), stage = element("div", { className: "stage", tabIndex: 0, role: "group", ariaLabel: `picture of ${card.name}` }, frame);
  const layers = [card.evidence, card.rust].filter(Boolean).map((src) => element("img", { className: "layer", alt: "", src }));
  if (card.small || card.original) {
    const base = element("img", { alt: card.name, src: card.original || card.small });
    base.onerror = () => { base.onerror = null; if (card.small) base.src = card.small; }; // a kind that browsers don't show, or a video
    base.draggable = false;
    frame.append(base, ...layers);
  } else frame.append(element("p", { textContent: card.error || "no picture" }));
  const slider = element("input", { type: "range", min: 0, max: 100, value: 50, ariaLabel: "marks up to here" });
  const clip = () => layers.forEach((layer) => { layer.style.clipPath = `inset(0 0 0 ${slider.value}%)`; });
  slider.oninput = clip;
  clip();
  const middle = zooming(stage, frame);
  enlarge.zoom = middle;
  const button = (label, act, title = "") => element("button", { type: "button", textContent: label, title, onclick: act });
  const link = (label, href) => (href ? element("a", { href, target: "_blank", rel: "noopener", textContent: label }) : "");
  const boxes = (card.boxes || []).slice(0, 12).map((box, number) => `${number + 1}: ${box.join(", ")}`).join("; ");
  const facts = [
    (card.why || []).join(" "), kindly(card, "Kind told by the network"), rusted(card), outlined(card), (card.grades || []).join(", "), card.tiles,
    boxes && `Boxes (left, top, width, height in pixels): ${boxes}`, card.error,
    [card.asset, card.taken, card.camera].filter(Boolean).join(", "), card.place, card.path,
    card.unlike === undefined ? "" : `Distance to the training photographs: ${card.unlike.toFixed(2)} (above 1: unlike them)`,
  ].filter(Boolean);
  const given = element("span", { className: "given" }), noted = element("p"), verdicts = element("span", { className: "verdicts" });
  for (const name of ["corroded", "not", "review"]) {
    const made = button(LABELS[name], () => say(name));
    made.dataset.act = name;
    verdicts.append(made);
  }
  if (KINDS.length && card.p !== undefined) verdicts.append(kindChoice(card.name, (change) => judge(card, change)));
  enlarge.tell = () => { // the verdict as it stands
    const said = verdictOf(card), who = [said.inspector, (said.when || "").slice(0, 10)].filter(Boolean).join(", ");
    given.textContent = said.verdict ? `Verdict: ${inWords(said)}${who ? ` (${who})` : ""}` : "No verdict yet";
    given.classList.toggle("is-given", Boolean(said.verdict));
    noted.textContent = said.note ? `Note: ${said.note}` : "";
    for (const one of verdicts.querySelectorAll("button")) one.setAttribute("aria-pressed", said.verdict === one.dataset.act);
    showKind(verdicts.querySelector("select"), said);
  };
  enlarge.tell();
  large.replaceChildren(
    element("div", { className: "line" },
      element("strong", { textContent: `${card.n + 1} \u00b7 ${card.name}: ${card.chance || ""}${decided(card)}` }),
      given, verdicts),
    stage,
    element("div", { className: "line" }, button("\u2190", () => choose(current - 1), "k"), button("\u2192", () => choose(current + 1), "j"),
      button("\u2212", () => middle(0.8)), button("+", () => middle(1.25)), layers.length ? slider : "",
      link("original", card.original), link("overlay", card.overlay), link("outline", card.outline), button("Close", () => large.close(), "Esc")),
    heard, element("div", { className: "more" }, noted, ...facts.map((fact) => element("p", { textContent: fact }))),
  );
  offerSurface(card, stage, frame);
  if (!large.open) large.showModal();
  stage.focus(); // not a verdict's button: Enter again must not judge
}

// ---- what is pressed and clicked

const KEYS = {
  j: () => choose(current + 1), k: () => choose(current - 1), c: () => say("corroded"), n: () => say("not"),
  r: () => say("review"), u: () => say(""), m: note, o: () => shown[current] && flip(shown[current]), s: save,
  Enter: () => large.open || enlarge(), z: () => large.open || enlarge(), "?": () => $("keys").showModal(), "+": () => enlarge.zoom?.(1.25), "-": () => enlarge.zoom?.(0.8),
  "/": () => { fold(false); $("search").focus(); }, ...keysOfKinds(say),
};
document.addEventListener("keydown", (event) => {
  const inDialog = $("noting").open || $("keys").open;
  if (event.ctrlKey || event.metaKey || event.altKey || inDialog || !(event.key in KEYS)) return;
  if (event.target.closest("input:not([type=range]), textarea, select") || (event.key === "Enter" && event.target.closest("button, a, summary"))) return;
  event.preventDefault();
  KEYS[event.key]();
});
function fold(closed) { $("filters").hidden = closed; $("toggle").setAttribute("aria-expanded", !closed); }
$("toggle").onclick = () => fold(!$("filters").hidden);
$("help").onclick = KEYS["?"];
$("save").onclick = save;
$("keep").onclick = () => { note.keep?.(); $("noting").close(); };
$("discard").onclick = () => { note.keep = null; $("noting").close(); };
$("noting").onclose = () => note.keep?.(); // by Escape too: what was typed is lost only by Discard
addEventListener("pagehide", () => { if ($("noting").open) note.keep?.(); });
document.querySelector("[data-close]").onclick = () => $("keys").close();
for (const button of document.querySelectorAll("[data-filter]")) button.onclick = () => show(button.dataset.filter);
for (const id of ["sort", "decision", "review", "verdict", "asset", "kind"]) if ($(id)) $(id).onchange = refresh;
$("search").oninput = refresh;
if ($("view")) $("view").onchange = layOut;
$("inspector").onchange = () => { try { localStorage.setItem("corrosion-inspector", $("inspector").value.trim()); } catch { keeps = false; } };
for (const point of document.querySelectorAll("[data-numbers]")) point.onclick = () => goTo(...point.dataset.numbers.split(" "));
let held = 0;
grid.addEventListener("pointerdown", (event) => {
  const on = event.target.closest(".picture"), card = event.target.closest(".card");
  if (!on || !card.classList.contains("has-layers")) return;
  held = 0;
  const timer = setTimeout(() => { held = 1; card.classList.toggle("flipped"); }, 250);
  const end = () => {
    clearTimeout(timer);
    if (held) card.classList.toggle("flipped", flipped.has(shown[card.dataset.index]?.n));
    for (const name of ["pointerup", "pointercancel"]) removeEventListener(name, end);
  };
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, end);
});
grid.addEventListener("contextmenu", (event) => { if (held) event.preventDefault(); });
grid.addEventListener("click", (event) => {
  const made = event.target.closest(".card");
  if (!made) return;
  if (event.target.closest("select")) return choose(Number(made.dataset.index), false);
  // who clicked a button goes on by keys: Enter enlarges then, and does not press it again
  if (event.detail) document.activeElement.blur();
  const card = shown[made.dataset.index], act = event.target.closest("[data-act]")?.dataset.act;
  choose(Number(made.dataset.index), false);
  if (act === "flip") flip(card);
  else if (act === "note") note();
  else if (act in SAID) judge(card, { verdict: verdictOf(card).verdict === act ? "" : act });
  else if (act === "enlarge" || (event.target.closest(".picture") && !held)) enlarge();
  held = 0;
});

// ---- the window

const RUSH = 3; // pixels a millisecond
let waiting = false, before = { at: 0, top: 0 };
function rest() {
  rushing = false;
  for (const image of grid.querySelectorAll("img[data-src]")) { image.src = image.dataset.src; delete image.dataset.src; }
}
addEventListener("scroll", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame((at) => {
    waiting = false;
    rushing = Math.abs(scrollY - before.top) > RUSH * Math.max(at - before.at, 1) && at - before.at < 500;
    before = { at, top: scrollY };
    if (!rushing) rest();
    draw();
    clearTimeout(rest.timer);
    if (rushing) rest.timer = setTimeout(rest, 120);
  });
}, { passive: true });
new ResizeObserver(() => { if (!printing && grid.clientWidth !== layOut.width) { layOut.width = grid.clientWidth; fitAssets(); layOut(); } }).observe(grid);
addEventListener("beforeprint", () => { printing = true; fitAssets("18cm"); layOut(); }); // A4, upright
addEventListener("afterprint", () => { printing = false; fitAssets(); layOut(); });
addEventListener("beforeunload", (event) => { if (!keeps && unsaved()) event.preventDefault(); });
addEventListener("storage", (event) => { if (event.key === KEY) { load(); layOut(); count(); } });

if ($("view")) $("view").value = narrow.matches ? "photo" : "both";
fold(narrow.matches);
load();
count();
refresh();
if (DATA.inspector && value("inspector") !== DATA.inspector) {
  tell(`Verdicts are signed by ${value("inspector")}, the name given before in this browser; this inspection names ${DATA.inspector}.`);
}
if (!keeps) tell("This browser keeps nothing here: save verdicts before you leave the page.", true);
