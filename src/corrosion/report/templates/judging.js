
// ---- what pages on which an inspector judges photographs have in common

const SAID = { corroded: "corroded", not: "not corroded", review: "review" };
const LABELS = { corroded: "Corroded", not: "Not", review: "Review", note: "Note" };
const VERDICT_COLUMNS = ["path", "time", "sha256", "verdict", "kind", "note", "inspector", "when"];
const OTHER = "other"; // corrosion of a kind that the network does not know
const heard = $("heard");
const now = () => new Date().toISOString().replace(/\.\d+Z/, "Z");

/** What an inspector has said, {verdict, kind, note ...}, with a change to it. */
function revised(said, change) {
  const revision = { ...said, ...change, inspector: $("inspector").value.trim(), when: now(), saved: false };
  if (revision.verdict !== "corroded") revision.kind = ""; // what is not corroded has none
  return revision;
}
function inWords(said) {
  const kind = said.kind === OTHER ? "another kind" : said.kind;
  return said.verdict ? SAID[said.verdict] + (kind ? `: ${kind}` : "") : "";
}

/** A choice of the kinds that the network knows; `say` takes what the choice changes. */
function kindChoice(name, say) {
  const choice = element("select", { className: "kind", ariaLabel: `kind of corrosion of ${name}`, title: "choosing one says corroded" },
    new Option("choose the kind", ""), ...KINDS.map((kind) => new Option(kind, kind)), new Option("another kind", OTHER));
  choice.onchange = () => say(choice.value ? { verdict: "corroded", kind: choice.value } : { kind: "" });
  return choice;
}
function showKind(choice, said) {
  if (!choice) return;
  choice.value = said.kind || "";
  choice.classList.toggle("is-given", Boolean(said.kind));
}
/** What the keys 0 to 9 do: `say` takes a verdict and a kind. */
function keysOfKinds(say) {
  const kinds = KINDS.length ? [OTHER, ...KINDS].slice(0, 10) : [];
  return Object.fromEntries(kinds.map((kind, number) => [number, () => say("corroded", kind)]));
}

function hear(text) { // for screen readers, which hear what changes in the dialog that is open, or on the page
  ($("large").open ? $("large") : $("bar")).append(heard);
  heard.textContent = "";
  setTimeout(() => { heard.textContent = text; }, 100);
}
