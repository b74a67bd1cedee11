"use strict";
// Everything from outside (names, notes, reasons) reaches the page as textContent or as an address
// that Python has quoted, never as HTML.
const DATA = JSON.parse(document.getElementById("data").textContent);
const CARDS = DATA.cards, KEY = `corrosion-verdicts-${DATA.key}`;
const $ = (id) => document.getElementById(id);
const SAID = { corroded: "corroded", not: "not corroded", review: "review" };
const LABELS = { corroded: "Corroded", not: "Not", review: "Review", note: "Note" };
const COLUMNS = ["path", "time", "sha256", "verdict", "note", "inspector", "when"];
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
  const mine = kept[idOf(card)], [verdict, note, inspector, when] = card.said || ["", "", "", ""];
  if (mine && !(mine.saved && when > mine.when)) return mine; // else somebody has said more since
  return { verdict, note, inspector, when };
}
function judge(card, change) {
  const before = verdictOf(card), when = new Date().toISOString().replace(/\.\d+Z/, "Z");
  kept[idOf(card)] = { ...before, ...change, inspector: $("inspector").value.trim(), when, saved: false };
  if (!kept[idOf(card)].verdict && !kept[idOf(card)].note && !card.said) delete kept[idOf(card)];
  keep();
  redraw(card);
  count();
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
    return COLUMNS.map((name) => cell(row[name])).join(",");
  });
  return `${[COLUMNS.join(","), ...rows].join("\n")}\n`;
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
let shown = [], current = 0;

function wanted(card) {
  const said = verdictOf(card), decision = value("decision"), review = value("review"), judged = value("verdict");
  if (decision === "failed" && !card.error) return false;
  if (decision === "detected" && !card.detected) return false;
  if (decision === "none" && (card.detected || card.p === undefined)) return false;
  if (review === "review" && !card.why) return false;
  if (review === "unlike" && !card.isUnlike) return false;
  if (judged === "without" && said.verdict) return false;
  if (judged === "with" && !said.verdict) return false;
  if (judged === "against" && said.verdict !== (card.detected ? "not" : "corroded")) return false;
  if (value("asset") && (card.asset || "no asset") !== value("asset")) return false;
  const words = value("search").toLowerCase().split(/\s+/).filter(Boolean);
  const where = [card.path, card.name, card.asset, card.error, card.camera, said.note].join(" ").toLowerCase();
  return words.every((word) => where.includes(word));
}
function refresh() {
  const order = ORDERS[value("sort")], both = (a, b) => order(a, b) || a.n - b.n;
  shown = CARDS.filter(wanted).sort((a, b) => { const by = both(a, b); return Number.isNaN(by) ? a.n - b.n : by; });
  current = 0;
  $("shown").textContent = shown.length === CARDS.length ? `${shown.length} shown` : `${shown.length} of ${CARDS.length} shown`;
  const above = grid.getBoundingClientRect().top - bar.offsetHeight - 8;
  layOut();
  if (above < 0) scrollBy(0, above); // to the first
}
function show(filter) {
  for (const id of ["decision", "review", "verdict", "asset", "search"]) if ($(id)) $(id).value = "";
  if (filter === "detected" || filter === "failed") $("decision").value = filter;
  if (filter === "review") $("review").value = filter;
  if (filter === "judged") $("verdict").value = "with";
  refresh();
}

// ---- cards: only those in view are elements

const FACTS = 206, GAP = 14;
const drawn = new Map(), flipped = new Set();
let columns = 1, wide = 300, tall = 400, printing = false;
let rushing = false; // past cards that nobody can look at: their pictures wait until it slows down

function layOut() {
  const both = value("view") === "both", least = both ? 430 : 290, room = grid.clientWidth;
  columns = Math.max(1, Math.floor((room + GAP) / (least + GAP)));
  wide = (room - GAP * (columns - 1)) / columns;
  tall = Math.round((both ? wide / 2 : wide) * 0.75) + FACTS;
  grid.dataset.view = value("view") || "photo";
  grid.style.setProperty("--facts", `${FACTS}px`);
  grid.style.height = `${Math.ceil(shown.length / columns) * (tall + GAP)}px`;
  for (const card of drawn.values()) card.remove();
  drawn.clear();
  draw();
}
function draw() {
  let first = 0, end = shown.length;
  if (!printing) {
    const top = -grid.getBoundingClientRect().top, row = tall + GAP;
    first = Math.max(0, Math.floor(top / row) - 1) * columns;
    end = Math.min(end, (Math.floor((top + innerHeight) / row) + 2) * columns);
  }
  for (const [index, card] of drawn) if (index < first || index >= end) { card.remove(); drawn.delete(index); }
  for (let index = first; index < end; index++) {
    if (drawn.has(index)) continue;
    const card = build(shown[index], index);
    drawn.set(index, card);
    grid.append(card);
  }
}
function picture(card, which) {
  const made = element("div", { className: `picture ${which}` });
  const image = (src, name, alt) => {
    const img = element("img", { className: name, loading: printing ? "eager" : "lazy", decoding: "async", alt });
    if (rushing) img.dataset.src = src; else img.src = src;
    return img;
  };
  if (card.small || card.original) made.append(image(card.small || card.original, "photograph", which === "first" ? card.name : ""));
  else made.append(element("p", { className: "missing", textContent: card.error || "no picture" }));
  if (card.evidence) made.append(image(card.evidence, "layer", ""));
  if (card.rust) made.append(image(card.rust, "layer", ""));
  return made;
}
const percent = (share) => (share === undefined ? "" : `${(100 * share).toFixed(1)} %`);
function rusted(card) {
  if (card.share === undefined) return "";
  return `rusted ${percent(card.share)} (${percent(card.low)} to ${percent(card.high)})`;
}
function decided(card) {
  if (card.p === undefined) return "failed";
  return ` ${card.detected ? "corrosion detected" : "no corrosion"}`;
}
const line = (className, content, title = content) => (content ? element("div", { className, title, textContent: content }) : "");

function build(card, index) {
  const layers = card.evidence || card.rust;
  const made = element("article", { role: "listitem", className: "card" });
  made.classList.toggle("detected", Boolean(card.detected));
  made.classList.toggle("failed", card.p === undefined);
  made.classList.toggle("has-layers", Boolean(layers));
  made.classList.toggle("flipped", flipped.has(card.n));
  made.classList.toggle("current", index === current);
  made.dataset.index = index;
  if (!printing) {
    made.style.width = `${wide}px`;
    made.style.height = `${tall}px`;
    made.style.transform = `translate(${(index % columns) * (wide + GAP)}px, ${Math.floor(index / columns) * (tall + GAP)}px)`;
  }
  const corner = element("div", { className: "corner" },
    layers ? element("button", { type: "button", title: "photograph or marks (o)", textContent: "\u25d0", ariaLabel: "switch marks" }) : "",
    element("button", { type: "button", title: "enlarge (Enter)", textContent: "\u2922", ariaLabel: "enlarge" }));
  corner.firstChild.dataset.act = layers ? "flip" : "enlarge";
  corner.lastChild.dataset.act = "enlarge";
  const top = element("div", { className: "decision" }, card.p === undefined ? "" : element("b", { textContent: card.p.toFixed(3) }), decided(card));
  const where = [card.folder, card.asset, (card.taken || "").slice(0, 16).replace("T", " ")].filter(Boolean).join(" \u00b7 ");
  const more = [...(card.grades || []), card.tiles].filter(Boolean).join(" \u00b7 ");
  const verdicts = element("div", { className: "verdicts" });
  for (const [act, label] of Object.entries(LABELS)) {
    const button = element("button", { type: "button", textContent: label, title: { corroded: "c", not: "n", review: "r", note: "m" }[act] });
    button.dataset.act = act;
    verdicts.append(button);
  }
  made.append(element("div", { className: "pictures" }, picture(card, "first"), layers && value("view") === "both" ? picture(card, "second") : "", corner),
    element("div", { className: "facts" }, top, line("chip", (card.why || []).join(" ")), line("found", rusted(card)), line("found", more),
      card.p === undefined ? "" : line("missing", card.error),
      line("name", card.name, card.path), line("where", where), element("div", { className: "said" }), verdicts));
  press(made, card);
  return made;
}
function press(made, card) {
  const said = verdictOf(card), words = said.verdict ? `Verdict: ${SAID[said.verdict]}` : "";
  made.querySelector(".said").textContent = // on paper
    [words, said.note && `Note: ${said.note}`, (words || said.note) && said.inspector].filter(Boolean).join("; ");
  for (const button of made.querySelectorAll(".verdicts button")) {
    const on = button.dataset.act === "note" ? Boolean(said.note) : said.verdict === button.dataset.act;
    button.setAttribute("aria-pressed", on);
    if (button.dataset.act === "note" && said.note) button.title = said.note;
  }
}
function redraw(card) {
  const made = drawn.get(shown.indexOf(card));
  if (made) press(made, card);
  if (large.open && shown[current] === card) enlarge.tell();
}
function choose(index, scroll = true) {
  if (!shown.length) return;
  drawn.get(current)?.classList.remove("current");
  current = Math.min(Math.max(index, 0), shown.length - 1);
  if (scroll) {
    if (grid.contains(document.activeElement)) document.activeElement.blur(); // its card is left
    const top = grid.getBoundingClientRect().top + Math.floor(current / columns) * (tall + GAP);
    const head = bar.offsetHeight + 8;
    if (top < head) scrollBy(0, top - head);
    else if (top + tall > innerHeight) scrollBy(0, Math.min(top - head, top + tall + GAP - innerHeight));
    draw();
  }
  drawn.get(current)?.classList.add("current");
  if (large.open) enlarge();
}
function flip(card) {
  if (!flipped.delete(card.n)) flipped.add(card.n);
  drawn.get(shown.indexOf(card))?.classList.toggle("flipped", flipped.has(card.n));
}
function say(verdict) {
  const card = shown[current];
  if (!card) return;
  judge(card, { verdict });
  if (verdict) choose(current + 1);
}
function note() {
  const card = shown[current];
  if (!card) return;
  $("noted").textContent = card.name;
  $("note").value = verdictOf(card).note;
  $("noting").showModal();
  note.keep = () => {
    const typed = $("note").value.trim();
    if (typed !== verdictOf(card).note) judge(card, { note: typed });
  };
}
