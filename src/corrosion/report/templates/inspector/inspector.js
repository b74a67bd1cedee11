"use strict";
// Photographs in, looked at one after the other; keys and buttons.

const waiting = [];
let network = null, working = false;

/** A name that no other photograph has: cameras of telephones call all of theirs image.jpg. */
function nameFor(file) {
  const given = (file.webkitRelativePath || file.name || "photograph").replace(/[\p{C}\\]/gu, "_"), safe = /^[=+\-@]/.test(given) ? `./${given}` : given;
  const [, stem, ending] = /^(.*?)(\.[^.]*)?$/s.exec(safe), taken = new Set(PHOTOS.map((photo) => photo.path));
  let name = safe;
  for (let number = 2; taken.has(name); number++) name = `${stem} (${number})${ending || ""}`;
  return name;
}
function add(files) {
  for (const file of files) {
    const photo = { number: PHOTOS.length, path: nameFor(file), file, said: {} };
    PHOTOS.push(photo);
    waiting.push(photo);
    show(photo);
  }
  count();
  work();
}
async function work() {
  if (working || !network) return;
  working = true;
  document.body.setAttribute("aria-busy", "true");
  for (let photo = waiting.shift(); photo; photo = waiting.shift()) {
    await new Promise((done) => setTimeout(done)); // lets the page draw, and answer to keys
    try {
      await look(photo, network);
    } catch (error) {
      photo.error = error.message;
    }
    show(photo);
    count();
  }
  working = false;
  document.body.removeAttribute("aria-busy");
}
function count() {
  const done = PHOTOS.filter((photo) => photo.p !== undefined || photo.error), judged = PHOTOS.filter((photo) => photo.said.verdict).length;
  const of = (what) => PHOTOS.filter(what).length, failed = of((photo) => photo.error), review = of((photo) => photo.why?.length);
  $("status").textContent = !PHOTOS.length ? "" : [
    waiting.length || done.length < PHOTOS.length ? `${done.length} of ${PHOTOS.length} photographs looked at` : `${done.length} photographs looked at`,
    `corrosion detected in ${of((photo) => photo.detected)}`, review && `${review} for an inspector`, failed && `${failed} failed`, judged && `${judged} with a verdict`,
  ].filter(Boolean).join("; ");
  for (const id of ["save-verdicts", "save-table", "save-all"]) $(id).disabled = !done.length;
  $("drop").hidden = PHOTOS.length > 0;
}
const unsaved = () => PHOTOS.some((photo) => isJudged(photo) && !photo.said.saved);

// ---- saving

function saved(name) {
  for (const { said } of PHOTOS) said.saved = true;
  tell(`Saved: ${name}, among your downloads.`);
}
function saveVerdicts() {
  if (!PHOTOS.some(isJudged)) return tell("There is no verdict to save yet: c, n and r give one.");
  download(new Blob([verdictTable()], { type: "text/csv" }), "verdicts.csv");
  saved("verdicts.csv");
}
function saveTable() {
  download(new Blob([resultTable()], { type: "text/csv" }), "predictions.csv");
  tell("Saved: predictions.csv, among your downloads. Verdicts are a table of their own.");
}
async function saveAll() {
  download(await zip(folder()), "inspection.zip");
  saved("inspection.zip");
}

// ---- keys, buttons, files

const KEYS = {
  j: () => choose(current + 1), k: () => choose(current - 1), c: () => say("corroded"), n: () => say("not"), r: () => say("review"),
  u: () => say(""), m: note, o: () => PHOTOS[current]?.addresses && flip(PHOTOS[current]), s: saveVerdicts,
  Enter: () => $("large").open || enlarge(), "?": () => $("keys").showModal(), "+": () => enlarge.zoom?.(1.25), "-": () => enlarge.zoom?.(0.8),
  ...keysOfKinds(say),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("noting").open || $("keys").open || !(event.key in KEYS)) return;
  if (!$("by-keys").checked && event.key !== "Enter") return;
  if (event.target.closest("input:not([type=range]), textarea, select") || (event.key === "Enter" && event.target.closest("button, a, summary, label"))) return;
  event.preventDefault();
  KEYS[event.key]();
});
for (const id of ["camera", "files"]) {
  $(id).onchange = () => { add($(id).files); $(id).value = ""; };
}
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => { event.preventDefault(); add(event.dataTransfer.files); });
$("help").onclick = () => $("keys").showModal();
$("close-keys").onclick = () => $("keys").close();
$("view").onchange = () => { $("cards").dataset.view = $("view").value; };
$("save-verdicts").onclick = saveVerdicts;
$("save-table").onclick = saveTable;
$("save-all").onclick = saveAll;
$("keep").onclick = () => $("noting").close();
$("discard").onclick = () => { note.keep = null; $("noting").close(); };
$("noting").onclose = () => { note.keep?.(); note.keep = null; }; // by Escape too: what was typed is lost only by Discard
addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); });

$("view").value = matchMedia("(max-width: 40rem)").matches ? "marks" : "both";
$("view").onchange();
count();
openNetwork().then((opened) => { network = opened; $("ready").textContent = "Ready."; work(); }, (error) => {
  $("ready").textContent = `This page can't run here: ${error.message}. It needs a browser of 2023 or later, as Chrome 113, Firefox 115 or Safari 17.`;
  $("ready").className = "bad";
});
