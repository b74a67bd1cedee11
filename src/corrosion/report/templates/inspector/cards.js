"use strict";
// Photographs as cards, one of them enlarged, and what an inspector says of them. Everything from
// outside (names, notes) reaches the page as textContent, never as HTML.

const chance = (value) => ({ "1.000": ">0.999", "0.000": "<0.001" })[value.toFixed(3)] || value.toFixed(3);
function summary(photo) {
  if (photo.error) return `failed: ${photo.error}`;
  return photo.p === undefined ? "waiting" : `${chance(photo.p)} ${DECISIONS[Number(photo.detected)]}`;
}
function placeOf(photo) {
  if (photo.latitude === undefined) return "";
  const height = photo.altitude === undefined ? "" : `, ${photo.altitude.toFixed(0)} m`;
  const towards = photo.direction === undefined ? "" : `, looking ${photo.direction.toFixed(0)}\u00b0`;
  return `${photo.latitude.toFixed(6)}, ${photo.longitude.toFixed(6)}${height}${towards}`;
}
const rusted = (photo) => (photo.share === undefined ? "" : `Rusted: ${(100 * photo.share).toFixed(1)} % of the picture`);
const kindly = (photo, title) => (photo.kind === undefined ? "" : `${title}: ${photo.kind} (${chance(photo.kind_probability)})${GUESSED ? ", a guess" : ""}`);
const when = (photo) => (photo.taken_at || "").slice(0, 16).replace("T", " ");
const line = (className, text) => (text ? element("div", { className, textContent: text }) : "");

function picture(photo, className) {
  const made = element("div", { className: `picture ${className}` });
  if (!photo.addresses) made.append(element("div", { className: photo.error ? "missing" : "waiting", textContent: photo.error || "waiting" }));
  else made.append(element("img", { src: photo.addresses.thumbnail, alt: className === "first" ? photo.path : `${photo.path} with marks` }));
  for (const layer of ["evidence", "rust"]) {
    if (photo.addresses?.[layer]) made.append(element("img", { className: "layer", src: photo.addresses[layer], alt: "" }));
  }
  return made;
}
/** Buttons and, where the network tells kinds, a choice of them. */
function verdictsOf(photo) {
  const made = element("div", { className: "verdicts", role: "group", ariaLabel: `verdict on ${photo.path}` });
  for (const [name, label] of Object.entries(LABELS)) {
    const button = element("button", { type: "button", textContent: label, title: { corroded: "c", not: "n", review: "r", note: "m" }[name] });
    button.dataset.act = name;
    button.onclick = (event) => {
      choose(PHOTOS.indexOf(photo), false);
      if (name === "note") return note();
      judge(photo, { verdict: photo.said.verdict === name ? "" : name });
      if (event.detail) $("large").querySelector(".stage")?.focus(); // who clicked goes on by keys: Enter must not judge again
    };
    made.append(button);
  }
  if (KINDS.length && photo.p !== undefined) {
    made.append(kindChoice(photo.path, (change) => { choose(PHOTOS.indexOf(photo), false); judge(photo, change); }));
  }
  press(made, photo);
  return made;
}
function press(verdicts, { said }) { // as it stands
  for (const button of verdicts.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", button.dataset.act === "note" ? Boolean(said.note) : said.verdict === button.dataset.act);
  }
  showKind(verdicts.querySelector("select"), said);
}

/** Draw a photograph's card, in the place of the one of before. */
function show(photo) {
  const index = PHOTOS.indexOf(photo), seen = Boolean(photo.addresses);
  const corner = element("div", { className: "corner" });
  if (seen) {
    corner.append(
      element("button", { type: "button", title: "photograph or marks (o)", textContent: "\u25d0", ariaLabel: `switch marks of ${photo.path}`, onclick: () => flip(photo) }),
      element("button", { type: "button", title: "enlarge (Enter)", textContent: "\u2922", ariaLabel: `enlarge ${photo.path}`, onclick: () => { choose(index, false); enlarge(); } }));
  }
  const pictures = element("div", { className: "pictures" }, picture(photo, "first"), seen ? picture(photo, "second") : "", corner);
  const decision = element("div", { className: "decision" }, photo.p === undefined ? "" : element("b", { textContent: `${chance(photo.p)} ` }),
    photo.p === undefined ? (photo.error ? "failed" : "waiting") : DECISIONS[Number(photo.detected)]);
  const made = element("article", { className: "card", role: "listitem", tabIndex: -1 },
    pictures,
    element("div", { className: "facts" }, decision, ...(photo.why || []).map((reason) => line("why", reason)), line("why", photo.decoding), line("kind", kindly(photo, "Kind")), line("share", rusted(photo)),
      line("missing", photo.error), line("name", photo.path), line("where", when(photo)), line("where", placeOf(photo)),
      line("noted", photo.said.note && `Note: ${photo.said.note}`)),
    verdictsOf(photo));
  made.classList.toggle("detected", Boolean(photo.detected));
  made.classList.toggle("failed", Boolean(photo.error));
  made.classList.toggle("flipped", flipped.has(photo));
  made.classList.toggle("current", index === current);
  made.setAttribute("aria-label", [photo.path, summary(photo), ...(photo.why || []), photo.decoding, photo.said.verdict && `verdict: ${inWords(photo.said)}`].filter(Boolean).join("; "));
  if (seen) hold(pictures, made, photo);
  const controls = (card) => [...card.querySelectorAll("button, select")];
  const focused = photo.card?.contains(document.activeElement) ? controls(photo.card).indexOf(document.activeElement) : null;
  if (photo.card) photo.card.replaceWith(made);
  else $("cards").append(made);
  photo.card = made;
  if (focused !== null) (controls(made)[focused] || made).focus({ preventScroll: true });
}

/** Holding a picture switches its marks as long as it is held; a tap enlarges. */
function hold(pictures, made, photo) {
  let timer = 0, held = false;
  pictures.onpointerdown = () => { held = false; timer = setTimeout(() => { held = true; made.classList.toggle("flipped"); }, 250); };
  pictures.onpointerup = pictures.onpointercancel = pictures.onpointerleave = () => { clearTimeout(timer); made.classList.toggle("flipped", flipped.has(photo)); };
  pictures.oncontextmenu = (event) => { if (held) event.preventDefault(); };
  pictures.onclick = (event) => { if (!held && !event.target.closest("button")) { choose(PHOTOS.indexOf(photo), false); enlarge(); } };
}
function flip(photo) {
  if (!flipped.delete(photo)) flipped.add(photo);
  photo.card.classList.toggle("flipped", flipped.has(photo));
}
function choose(index, scroll = true) {
  if (!PHOTOS.length) return;
  PHOTOS[current]?.card?.classList.remove("current");
  const before = current;
  current = Math.min(Math.max(index, 0), PHOTOS.length - 1);
  const { card } = PHOTOS[current];
  card.classList.add("current");
  if (scroll && !$("large").open) card.focus();
  if ($("large").open && current !== before) enlarge();
}

// ---- what an inspector says

function judge(photo, change) {
  photo.said = revised(photo.said, change);
  show(photo);
  count();
  if ($("large").open) enlarge.tell();
  if ("note" in change) return;
  const words = `${photo.path}: ${inWords(photo.said) || "verdict taken back"}`;
  tell(words);
  if ($("large").open) hear(words); // the message is behind the dialog
}
function say(verdict, kind = null) {
  const photo = PHOTOS[current];
  if (!photo) return;
  judge(photo, { verdict, kind: kind ?? photo.said.kind });
  if (verdict) choose(current + 1);
}
function note() {
  const photo = PHOTOS[current];
  if (!photo) return;
  $("noted").textContent = photo.path;
  $("note").value = photo.said.note || "";
  note.keep = () => { const typed = $("note").value.trim(); if (typed !== (photo.said.note || "")) judge(photo, { note: typed }); };
  $("noting").showModal();
}

// ---- one photograph, as large as the window

function enlarge() {
  const photo = PHOTOS[current];
  if (!photo?.addresses) return;
  const stage = element("div", { className: "stage", tabIndex: 0, role: "group", ariaLabel: `picture of ${photo.path}, ${summary(photo)}` });
  const frame = element("div", { className: "frame" }), original = URL.createObjectURL(photo.file);
  const base = element("img", { alt: photo.path, src: original, draggable: false, onload: () => URL.revokeObjectURL(original), onerror: () => { base.onerror = null; base.src = photo.addresses.thumbnail; } });
  const layers = ["evidence", "rust"].filter((name) => photo.addresses[name]).map((name) => element("img", { className: "layer", alt: "", draggable: false, src: photo.addresses[name] }));
  frame.append(base, ...layers);
  stage.append(frame);
  const slider = element("input", { type: "range", min: 0, max: 100, value: enlarge.upTo ?? 50, ariaLabel: "marks right of here" });
  slider.oninput = () => { enlarge.upTo = slider.value; for (const layer of layers) layer.style.clipPath = `inset(0 0 0 ${slider.value}%)`; };
  slider.oninput();
  const middle = zooming(stage, frame);
  enlarge.zoom = middle;
  const button = (label, title, onclick) => element("button", { type: "button", textContent: label, title, ariaLabel: title, onclick });
  const facts = [...(photo.why || []), photo.decoding, kindly(photo, "Kind told by the network"), rusted(photo), [photo.taken_at, photo.camera].filter(Boolean).join(", "), placeOf(photo),
    photo.unlike === undefined ? "" : `Distance to the training photographs: ${photo.unlike.toFixed(2)} (above 1: unlike them)`,
    photo.sha256 && `SHA-256 ${photo.sha256}`].filter(Boolean);
  const verdicts = verdictsOf(photo), noted = element("p");
  enlarge.tell = () => {
    press(verdicts, photo);
    noted.textContent = photo.said.note ? `Note: ${photo.said.note}` : "";
  };
  enlarge.tell();
  $("large").replaceChildren(
    element("div", { className: "line" }, element("strong", { textContent: `${photo.path}: ${summary(photo)}` }), verdicts),
    stage,
    element("div", { className: "line" }, button("\u2190", "previous (k)", () => choose(current - 1)), button("\u2192", "next (j)", () => choose(current + 1)),
      button("\u2212", "smaller (-)", () => middle(0.8)), button("+", "larger (+)", () => middle(1.25)), slider, button("Close", "close (Esc)", () => $("large").close())),
    heard, element("div", { className: "more" }, noted, ...facts.map((fact) => element("p", { textContent: fact }))));
  if (!$("large").open) $("large").showModal();
  stage.focus(); // not a verdict's button: Enter again must not judge
}
