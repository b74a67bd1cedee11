"use strict";
const $ = (id) => document.getElementById(id);
const KNOWN = JSON.parse($("corrosion").textContent), NOTES = JSON.parse($("notes").textContent);
const DECISIONS = ["no corrosion", "corrosion detected"]; // as corrosion.evaluation.decisions
const KINDS = KNOWN.kinds, GUESSED = "guessed" in $("cards").dataset, PHOTOS = [], flipped = new Set();
let current = 0;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}
function tell(text, bad = false) { $("message").textContent = text; $("message").className = bad ? "bad" : ""; }
