// ---- cards: only those in view are elements

const GAP = 14, LINE = 20, FIXED = 140; // pixels: between cards, of a line, of what each card has
const CHOICE = 46, BESIDE = 430; // of the choice of kinds, and from which width on it stands beside the verdicts
const LOW = 0.4, HIGH = 0.75, ALONE = 1.1; // height of pictures over their width: at least, at most, and at most in a single column
const drawn = new Map(), flipped = new Set();
let columns = 1, wide = 300, printing = false;
let tops = [0]; // where each row begins, in pixels, and behind the last where it would
let rushing = false; // past cards that nobody can look at: their pictures wait until it slows down

function layOut() {
  const both = value("view") === "both", least = both ? 430 : 290, room = grid.clientWidth;
  columns = Math.max(1, Math.floor((room + GAP) / (least + GAP)));
  wide = (room - GAP * (columns - 1)) / columns;
  const kindsBelow = KINDS.length > 0 && wide < BESIDE;
  grid.dataset.view = value("view") || "photo";
  grid.classList.toggle("kinds-below", kindsBelow);
  tops = [0];
  // a row is as high as its card with the most words and its highest picture need
  for (let first = 0; first < shown.length; first += columns) {
    const row = shown.slice(first, first + columns), across = both ? wide / 2 : wide;
    const words = Math.max(...row.map((card) => height(card, wide - 28)));
    const tall = Math.round(across * Math.max(...row.map(pictureShape))) + words + FIXED + (kindsBelow ? CHOICE : 0);
    tops.push(tops.at(-1) + tall + GAP);
  }
  grid.style.height = `${tops.at(-1)}px`;
  for (const card of drawn.values()) card.remove();
  drawn.clear();
  draw();
}
function pictureShape(card) {
  if (!card.small && !card.original) return LOW;
  return Math.min(Math.max(card.shape ?? HIGH, LOW), columns > 1 ? HIGH : ALONE);
}
const rowOf = (index) => Math.floor(index / columns);
const tallness = (row) => tops[row + 1] - tops[row] - GAP;
function rowAt(y) { // the row in which a height lies, by halves
  let low = 0, high = Math.max(tops.length - 2, 0);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= y) low = middle; else high = middle - 1;
  }
  return low;
}
function draw() {
  let first = 0, end = shown.length;
  if (!printing) {
    const top = -grid.getBoundingClientRect().top;
    first = Math.max(0, rowAt(top) - 1) * columns;
    end = Math.min(end, (rowAt(top + innerHeight) + 2) * columns);
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
  const source = card.small || card.original, none = element("p", { className: "missing", textContent: "no picture" });
  if (source) {
    const img = image(source, "photograph", which === "first" ? card.name : "");
    img.onerror = () => img.replaceWith(none); // broken, or of a kind that browsers don't show
    made.append(img);
  } else made.append(none);
  if (card.evidence) made.append(image(card.evidence, "layer", ""));
  if (card.rust) made.append(image(card.rust, "layer", ""));
  return made;
}
function percent(share) {
  if (share === undefined) return "";
  return share > 0 && share < 0.0005 ? "<0.1 %" : `${(100 * share).toFixed(1)} %`;
}
function rusted(card) {
  if (card.share === undefined) return "";
  const between = card.low === undefined ? "" : ` (${DATA.level} between ${percent(card.low)} and ${percent(card.high)})`;
  return `Rusted: ${percent(card.share)} of the ${card.surface ? card.surface.replace("of the ", "") : "picture"}${between}`;
}
const kindly = (card, title) => (card.kind ? `${title}: ${card.kind}` : "");
const outlined = (card) => (card.detected && card.share === 0 ? "Detected, but no rust could be outlined." : "");
// what may take several lines
function sentences(card) {
  return [["chip", (card.why || []).join(" ")], ["found", kindly(card, "Kind")], ["found", rusted(card)], ["found", outlined(card)],
    ["found", (card.grades || []).join(" \u00b7 ")], ["found", card.tiles], ["missing", card.error]];
}
const widths = new Map(), pen = document.createElement("canvas").getContext("2d");
function width(word, weight) {
  const key = weight + word;
  if (!widths.has(key)) {
    pen.font = `${weight} 14.72px ${getComputedStyle(document.body).fontFamily}`;
    widths.set(key, pen.measureText(word).width);
  }
  return widths.get(key);
}
function linesOf(text, weight, room) { // as a browser wraps them, which takes 4 at the most, as in the style
  const space = width(" ", weight);
  let count = 1, used = 0;
  for (const word of text.split(" ")) {
    const wide = width(word, weight);
    if (used > 0 && used + space + wide > room) { count += 1; used = 0; }
    used += (used > 0 ? space : 0) + wide;
    while (used > room) { count += 1; used -= room; } // a word longer than a line
  }
  return Math.min(4, count);
}
let heights = { room: 0, of: new Map() }; // of the words of cards with so much room
function height(card, room) {
  if (heights.room !== room) heights = { room, of: new Map() };
  if (heights.of.has(card)) return heights.of.get(card);
  const tall = ([name, text]) => (text ? LINE * (name === "chip" ? linesOf(text, 600, room - 15) : linesOf(text, 400, room)) + 3 : 0);
  const found = sentences(card).reduce((sum, one) => sum + tall(one), 0) + (card.place ? LINE + 3 : 0);
  heights.of.set(card, found);
  return found;
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
    made.style.height = `${tallness(rowOf(index))}px`;
    made.style.transform = `translate(${(index % columns) * (wide + GAP)}px, ${tops[rowOf(index)]}px)`;
  }
  const corner = element("div", { className: "corner" },
    layers ? element("button", { type: "button", title: "photograph or marks (o)", textContent: "\u25d0", ariaLabel: "switch marks" }) : "",
    element("button", { type: "button", title: "enlarge (Enter)", textContent: "\u2922", ariaLabel: "enlarge" }));
  corner.firstChild.dataset.act = layers ? "flip" : "enlarge";
  corner.lastChild.dataset.act = "enlarge";
  const top = element("div", { className: "decision" }, card.p === undefined ? "" : element("b", { textContent: card.chance }), decided(card));
  const where = [card.folder, card.asset === card.folder ? "" : card.asset, (card.taken || "").slice(0, 16).replace("T", " ")].filter(Boolean).join(" \u00b7 ");
  const verdicts = element("div", { className: "verdicts" });
  for (const [act, label] of Object.entries(LABELS)) {
    const button = element("button", { type: "button", textContent: label, title: { corroded: "c", not: "n", review: "r", note: "m" }[act] });
    button.dataset.act = act;
    verdicts.append(button);
  }
  if (KINDS.length && card.p !== undefined) verdicts.append(kindChoice(card.name, (change) => judge(card, change)));
  made.append(element("div", { className: "pictures" }, picture(card, "first"), layers && value("view") === "both" ? picture(card, "second") : "", corner),
    element("div", { className: "facts" }, top, ...sentences(card).map(([name, words]) => line(`wraps ${name}`, words)),
      line("name", `${card.n + 1} \u00b7 ${card.name}`, card.path), line("where", where), line("where", card.place), element("div", { className: "said" }), verdicts));
  press(made, card);
  return made;
}
function press(made, card) {
  const said = verdictOf(card), words = said.verdict ? `Verdict: ${inWords(said)}` : "";
  showKind(made.querySelector("select.kind"), said);
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
    const row = rowOf(current), top = grid.getBoundingClientRect().top + tops[row], tall = tallness(row);
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
function say(verdict, kind = null) {
  const card = shown[current];
  if (!card) return;
  judge(card, { verdict, kind: kind ?? verdictOf(card).kind });
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
