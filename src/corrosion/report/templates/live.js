"use strict";
/* The live page: asks for the newest frame, again and again, once the one before is shown. */

const element = (id) => document.getElementById(id);
let token = "", seen = 0, running = false, sounded = null;

function say(text, bad = false) {
  if (element("message").textContent !== text) element("message").textContent = text;
  element("message").classList.toggle("bad", bad);
}

function pause(seconds) {
  return new Promise((resume) => setTimeout(resume, 1000 * seconds));
}

async function follow() {
  if (running) return;
  running = true;
  while (running) {
    let response;
    try {
      response = await fetch(`live/state?after=${seen}`,
        { headers: token ? { Authorization: `Bearer ${token}` } : {} });
    } catch {
      say("The service can't be reached.", true);
      await pause(2);
      continue;
    }
    if (response.status === 401) {
      running = false;
      element("unlock").hidden = false;
      element("live").hidden = true;
      element("token").focus();
      say(token ? "That is not the token of this service." : "", true);
      return;
    }
    if (response.ok) {
      show(await response.json());
    } else {
      say(`The service answers ${response.status}.`, true);
      await pause(2);
    }
  }
}

function show(state) {
  if (state.number < seen) seen = 0; // another service than before
  element("unlock").hidden = true;
  element("live").hidden = false;
  element("source").textContent = state.source;
  if (element("cautions").childElementCount !== state.cautions.length) {
    element("cautions").replaceChildren(...state.cautions.map((caution) => {
      const one = document.createElement("p");
      one.className = "warning";
      one.textContent = caution;
      return one;
    }));
  }
  element("rate").textContent = `${state.rate.toFixed(1)} frames/s`;
  if (state.preview) {
    seen = state.number;
    element("preview").src = state.preview;
    element("overlay").src = state.overlay || state.preview;
  }
  element("screen").classList.toggle("detected", state.decision === "corrosion detected");
  element("decision").textContent =
    state.probability === null ? "" : `${state.probability.toFixed(3)} ${state.decision}`;
  element("alarm").hidden = !state.alarm;
  alarms(state.alarms);
  const newest = state.alarms.length ? state.alarms[0].when : "";
  if (state.ended) say("The source has ended.");
  else if (!state.connected) say("The source gives no frames: it is tried again.", true);
  else if (newest && newest !== sounded) say(`Alarm at ${newest.slice(11, 19)} UTC.`, true);
  else if (!newest || element("message").textContent.startsWith("The s")) say("");
  if (state.connected) sounded = newest;
}

function alarms(rows) {
  element("alarms").hidden = !rows.length;
  element("calm").hidden = rows.length > 0;
  element("alarms").tBodies[0].replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    const when = row.when.slice(0, 19).replace("T", " ");
    for (const text of [when, row.probability.toFixed(3), row.snapshot || ""]) {
      line.append(document.createElement("td"));
      line.lastChild.textContent = text;
    }
    line.children[1].className = "number";
    return line;
  }));
}

function strength() {
  element("overlay").style.opacity = element("strength").value / 100;
}

element("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  token = element("token").value.trim();
  follow();
});
element("strength").addEventListener("input", strength);
strength();
follow();
