"use strict";
// Everything from outside (names, notes, reasons) reaches the page as textContent or as an address
// that Python has quoted, never as HTML.
const DATA = JSON.parse(document.getElementById("data").textContent);
const CARDS = DATA.cards, KINDS = DATA.kinds, KEY = `corrosion-verdicts-${DATA.key}`;
const $ = (id) => document.getElementById(id);
const grid = $("cards"), large = $("large"), bar = $("bar"), narrow = matchMedia("(max-width: 40rem)");

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

// ---- verdicts: kept in the browser at once, saved as a file when asked for

let kept = {}, keeps = true, handle = null;
const idOf = (card) => `${card.path}\n${card.time || ""}`;

function load() {
  try { kept = JSON.parse(localStorage.getItem(KEY) || "{}"); } catch { keeps = false; }
  let known = "";
  try { known = localStorage.getItem("corrosion-inspector") || ""; } catch { keeps = false; }
  $("inspector").value = known || DATA.inspector; // who judges in this browser comes before who was named
}
function keep() {
  try { localStorage.setItem(KEY, JSON.stringify(kept)); keeps = true; } catch { keeps = false; }
  if (!keeps) tell("This browser keeps nothing here: save verdicts before you leave the page.", true);
}
function verdictOf(card) {
  const mine = kept[idOf(card)], [verdict, note, inspector, when, kind] = card.said || ["", "", "", "", ""];
  if (mine && !(mine.saved && when > mine.when)) return mine; // else somebody has said more since
  return { verdict, kind, note, inspector, when };
}
function judge(card, change) {
  const said = revised(verdictOf(card), change);
  kept[idOf(card)] = said;
  if (!kept[idOf(card)].verdict && !kept[idOf(card)].note && !card.said) delete kept[idOf(card)];
  keep();
  redraw(card);
  count();
  if (!("note" in change)) hear(`${card.name}: ${inWords(said) || "no verdict"}`);
  if (handle) { clearTimeout(judge.timer); judge.timer = setTimeout(() => write(handle), 1000); }
}
const unsaved = () => Object.values(kept).filter((one) => !one.saved).length;

function csv() {
  const cell = (value) => {
    let text = String(value ?? "");
    if (/^[=+\-@\t\r]/.test(text)) text = ` ${text}`; // no spreadsheet takes it for a formula
    return /[",;\n\r]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const rows = CARDS.filter((card) => kept[idOf(card)]).map((card) => {
    const row = { path: card.path, time: card.time, sha256: card.sha256, ...kept[idOf(card)] };
    return VERDICT_COLUMNS.map((name) => cell(row[name])).join(",");
  });
  return `${[VERDICT_COLUMNS.join(","), ...rows].join("\n")}\n`;
}
async function write(file) {
  try {
    const stream = await file.createWritable();
    await stream.write(csv());
    await stream.close();
    saved(file.name);
  } catch (error) { handle = null; tell(`Not saved: ${error.message}. Save again.`, true); }
}
async function save() {
  if (!Object.keys(kept).length) return tell("There is no verdict to save yet: c, n and r give one.");
  if (window.showSaveFilePicker && !handle) {
    try {
      handle = await showSaveFilePicker({
        suggestedName: "verdicts.csv", types: [{ accept: { "text/csv": [".csv"] } }],
      });
    } catch (error) { if (error.name === "AbortError") return; }
  }
  if (handle) return write(handle);
  const address = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  element("a", { href: address, download: "verdicts.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
  saved("verdicts.csv, among your downloads");
}
function saved(where) {
  for (const one of Object.values(kept)) one.saved = true;
  keep();
  count();
  tell(`Saved: ${where}. Merge it by corrosion verdicts FOLDER verdicts.csv.`);
}
function tell(text, bad = false) { $("message").textContent = text; $("message").className = bad ? "bad" : ""; }
function count() {
  $("judged").textContent = CARDS.filter((card) => verdictOf(card).verdict).length;
  $("save").textContent = unsaved() ? `Save verdicts (${unsaved()})` : "Save verdicts";
}

// ---- sorting and filtering

const last = (value) => value ?? -Infinity, text = (value) => value || "\uffff";
const logit = (p) => Math.log(Math.max(p, 1e-9) / Math.max(1 - p, 1e-9));
const doubt = (card) => (card.p === undefined ? Infinity : Math.abs(logit(card.p) - logit(DATA.threshold)));
const ORDERS = {
  probability: (a, b) => last(b.p) - last(a.p),
  clear: (a, b) => (a.p ?? Infinity) - (b.p ?? Infinity),
  share: (a, b) => last(b.share) - last(a.share),
  uncertainty: (a, b) => doubt(a) - doubt(b),
  unlike: (a, b) => last(b.unlike) - last(a.unlike),
  asset: (a, b) => text(a.asset).localeCompare(text(b.asset), undefined, { numeric: true }) || last(b.p) - last(a.p),
  time: (a, b) => text(a.taken).localeCompare(text(b.taken)),
  given: () => 0,
};
const value = (id) => ($(id) ? $(id).value : "");
let shown = [], current = 0, place = null; // numbers of the photographs of a place that was chosen on the map

function wanted(card) {
  const said = verdictOf(card), decision = value("decision"), review = value("review"), judged = value("verdict");
  if (place && !place.has(card.n)) return false;
  if (decision === "failed" && !card.error) return false;
  if (decision === "detected" && !card.detected) return false;
  if (decision === "none" && (card.detected || card.p === undefined)) return false;
  if (review === "review" && !card.why) return false;
  if (review === "unlike" && !card.isUnlike) return false;
  if (judged === "without" && said.verdict) return false;
  if (judged === "with" && !said.verdict) return false;
  if (judged in SAID && said.verdict !== judged) return false;
  if (judged === "against" && !against(card, said)) return false;
  if (value("asset") && (card.asset || "no asset") !== value("asset")) return false;
  if (value("kind") && (said.kind || card.kindName) !== value("kind")) return false;
  const words = value("search").toLowerCase().split(/\s+/).filter(Boolean);
  const where = [`#${card.n + 1}`, card.path, card.name, card.asset, card.kindName, said.kind, card.error, card.camera, said.note].join(" ").toLowerCase();
  return words.every((word) => where.includes(word));
}
function against(card, said) {
  if (said.verdict === (card.detected ? "not" : "corroded")) return true;
  return Boolean(said.kind && card.kindName && said.kind !== card.kindName);
}
function refresh() {
  const order = ORDERS[value("sort")], both = (a, b) => order(a, b) || a.n - b.n;
  shown = CARDS.filter(wanted).sort((a, b) => { const by = both(a, b); return Number.isNaN(by) ? a.n - b.n : by; });
  current = 0;
  $("shown").textContent = shown.length === CARDS.length ? `${shown.length} shown` : `${shown.length} of ${CARDS.length} shown`;
  if (place) $("shown").append(", of one place ", element("button", { type: "button", textContent: "Show all", onclick: () => show("all") }));
  const above = grid.getBoundingClientRect().top - bar.offsetHeight - 8;
  layOut();
  if (above < 0) scrollBy(0, above); // to the first
}
function show(filter, numbers = null) {
  place = numbers;
  for (const id of ["decision", "review", "verdict", "asset", "kind", "search"]) if ($(id)) $(id).value = "";
  if (filter === "detected" || filter === "failed") $("decision").value = filter;
  if (filter === "review") $("review").value = filter;
  if (filter === "judged") $("verdict").value = "with";
  refresh();
}

