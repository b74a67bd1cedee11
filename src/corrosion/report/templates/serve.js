"use strict";
/* The page of `corrosion serve`. Files are sent one by one, a few at a time: each has its own
   answer, and the bar moves. Nothing of what comes back is taken for markup. */

const AT_ONCE = 4, AGAIN = 5, LONGEST_NAME = 200;
const COLUMNS = ["path", "probability", "decision", "unlike_training", "review", "kind", "kind_probability", "boxes", "share",
  "rusted_share", "rusted_share_low", "rusted_share_high", "width", "height", "error"];
const element = (id) => document.getElementById(id);
let token = "", answers = [], waiting = [], running = 0, done = 0, total = 0, stopped = false;
let locked = false;

function headers() {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function say(text, bad = false) {
  element("message").textContent = text;
  element("message").classList.toggle("bad", bad);
}

function pause(seconds) {
  return new Promise((resume) => setTimeout(resume, 1000 * seconds));
}

async function reason(response) {
  try {
    return (await response.json()).error || `status ${response.status}`;
  } catch {
    return `status ${response.status}`;
  }
}

function lock(said) {
  locked = true;
  token = "";
  element("unlock").hidden = false;
  element("upload").hidden = true;
  element("token").focus();
  if (said) say(said, true);
}

async function describe() {
  let response;
  try {
    response = await fetch("model", { headers: headers() });
  } catch {
    say("The service can't be reached.", true);
    return;
  }
  if (response.status === 401) {
    lock(token ? "That is not the token of this service." : "");
    return;
  }
  if (!response.ok) {
    say(await reason(response), true);
    return;
  }
  locked = false;
  element("unlock").hidden = true;
  element("upload").hidden = false;
  const model = await response.json();
  element("network").textContent =
    `${model.model}: ${model.rule}.`
    + (model.kinds.length ? ` Kinds that it tells apart: ${model.kinds.join(", ")}.` : "");
  element("cautions").replaceChildren(...model.cautions.map((caution) => {
    const one = document.createElement("p");
    one.className = "warning";
    one.textContent = caution;
    return one;
  }));
}

/* A number of attempts where the service is busy; then its answer, or why there is none. */
async function ask(file) {
  for (let attempt = 1; ; attempt += 1) {
    const form = new FormData();
    form.append("files", file, file.name);
    let response;
    try {
      response = await fetch("predict?explain=1", { method: "POST", body: form, headers: headers() });
    } catch {
      return { file: file.name, error: "the service can't be reached" };
    }
    if (response.status === 429 && attempt < AGAIN && !stopped) {
      await pause(Number(response.headers.get("Retry-After")) || attempt);
      continue;
    }
    if (response.status === 401) lock("The token is missing or wrong.");
    if (!response.ok) return { file: file.name, error: await reason(response) };
    try {
      return (await response.json()).results[0];
    } catch {
      return { file: file.name, error: "the answer was cut" };
    }
  }
}

function add(files) {
  if (locked) return;
  const found = [...files];
  if (!found.length) return;
  if (!running) { done = 0; total = 0; }
  stopped = false;
  waiting.push(...found);
  total += found.length;
  element("progress").hidden = false;
  say("");
  count();
  while (running < AT_ONCE && waiting.length) work();
}

async function work() {
  running += 1;
  while (waiting.length && !stopped) {
    const answer = await ask(waiting.shift());
    done += 1;
    answers.push(answer);
    show(answer);
    count();
  }
  running -= 1;
  if (running) return;
  element("progress").hidden = true;
  const lacking = answers.slice(-done).filter(failed).length;
  const left = stopped ? `Stopped; ${waiting.length} were not sent. ` : "";
  waiting = [];
  say(`${left}${done} answered${lacking ? `, of them ${lacking} could not be read` : ""}.`);
}

/* A file without an answer; one that has an answer may still lack its regions, and say why. */
function failed(answer) {
  return answer.probability === null || answer.probability === undefined;
}

function count() {
  element("bar").max = total;
  element("bar").value = done;
  element("count").textContent = `${done} of ${total}`;
}

function show(answer) {
  const card = element("card").content.firstElementChild.cloneNode(true);
  const part = (name) => card.querySelector(`.${name}`);
  part("name").textContent = answer.file.slice(0, LONGEST_NAME);
  if (failed(answer)) {
    card.classList.add("failed");
    part("decision").textContent = `No answer: ${answer.error}`;
  } else {
    card.classList.toggle("detected", answer.decision === "corrosion detected");
    const probability = document.createElement("b");
    probability.textContent = answer.probability.toFixed(3);
    part("decision").append(probability, ` ${answer.decision}`);
    if (answer.review) {
      const chip = document.createElement("span");
      chip.className = "chip";
      chip.textContent = "send to an inspector";
      part("more").append(chip, " ");
    }
    const kind = answer.kind ? `; kind: ${answer.kind} (${answer.kind_probability.toFixed(2)})` : "";
    const share = answer.regions && answer.regions.length
      ? `; ${answer.regions.length} ${answer.regions.length > 1 ? "regions" : "region"}, ${(100 * answer.share).toFixed(1)} % of the photograph` : "";
    const rust = answer.rust
      ? `; rusted ${(100 * answer.rust.share).toFixed(1)} % (${(100 * answer.rust.low).toFixed(1)} to `
        + `${(100 * answer.rust.high).toFixed(1)} %)` : "";
    const beside = answer.error ? `; ${answer.error}` : "";
    part("more").append(`${answer.width} × ${answer.height}${kind}${share}${rust}${beside}`);
    if (answer.preview) {
      part("preview").src = answer.preview;
      part("preview").alt = `Photograph ${answer.file}`;
      part("overlay").src = answer.overlay;
    } else {
      part("picture").hidden = true;
    }
  }
  element("answers").hidden = false;
  element("list").prepend(card);
  strength();
  sum();
}

function sum() {
  const detected = answers.filter((one) => one.decision === "corrosion detected").length;
  const review = answers.filter((one) => one.review).length;
  const lacking = answers.filter(failed).length;
  element("totals").textContent = `${answers.length} photographs: corrosion detected in ${detected}, `
    + `${review} for an inspector, ${lacking} without an answer`;
}

function strength() {
  const opacity = element("strength").value / 100;
  for (const overlay of document.querySelectorAll(".overlay")) overlay.style.opacity = opacity;
}

/* As tables of `corrosion predict` have it: no spreadsheet takes a name for a formula. */
function cell(value) {
  if (value === null || value === undefined) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function row(answer) {
  const values = {
    path: /^[=+\-@]/.test(answer.file) ? `./${answer.file}` : answer.file,
    probability: failed(answer) ? "" : answer.probability.toFixed(6),
    decision: answer.decision,
    unlike_training: failed(answer) || answer.unlike_training === null ? "" : answer.unlike_training.toFixed(3),
    review: answer.review ? "send to an inspector" : "",
    kind: answer.kind,
    kind_probability: answer.kind ? answer.kind_probability.toFixed(6) : "",
    boxes: failed(answer) || !answer.regions ? ""
      : JSON.stringify(answer.regions.map((one) => [one.left, one.top, one.width, one.height])),
    share: failed(answer) || answer.share === null ? "" : answer.share.toFixed(6),
    rusted_share: answer.rust ? answer.rust.share.toFixed(6) : "",
    rusted_share_low: answer.rust ? answer.rust.low.toFixed(6) : "",
    rusted_share_high: answer.rust ? answer.rust.high.toFixed(6) : "",
    width: answer.width,
    height: answer.height,
    error: answer.error,
  };
  return COLUMNS.map((name) => cell(values[name])).join(",");
}

function save() {
  const text = `${[COLUMNS.join(","), ...answers.map(row)].join("\n")}\n`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = "predictions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function clear() {
  answers = [];
  element("list").replaceChildren();
  element("answers").hidden = true;
  say("");
  element("files").focus();
}

element("files").addEventListener("change", (event) => {
  add(event.target.files);
  event.target.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    element("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) element("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  element("drop").classList.remove("over");
  add(event.dataTransfer.files);
});
element("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  token = element("token").value.trim();
  say("");
  describe();
});
element("strength").addEventListener("input", strength);
element("save").addEventListener("click", save);
element("clear").addEventListener("click", clear);
element("stop").addEventListener("click", () => { stopped = true; });
describe();
