"use strict";
// The network: bytes that the page holds, run by ONNX Runtime Web on one thread. Nothing is fetched.

// RFC 1924's digits, with a dot for the one that a script in HTML may not hold
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;.=>?@^_`{|}~";

/** Bytes that an element holds as gzip in digits of base 85; the element goes, to spare memory. */
async function unpacked(id) {
  const element = $(id), text = element.textContent, values = new Uint8Array(128);
  element.remove();
  for (let value = 0; value < 85; value++) values[DIGITS.charCodeAt(value)] = value;
  const bytes = new Uint8Array(Math.floor((text.length * 4) / 5));
  for (let at = 0, to = 0; at < text.length; at += 5) {
    let word = 0; // of the last word digits and bytes may be missing
    for (let digit = 0; digit < 5; digit++) word = word * 85 + (values[text.charCodeAt(at + digit)] ?? 84);
    for (let shift = 24; shift >= 0; shift -= 8) bytes[to++] = word >>> shift;
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** SHA-256 in hexadecimal digits; empty in browsers that don't compute it for local files. */
async function sha256(buffer) {
  if (!globalThis.crypto?.subtle) return "";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Load the network; gives a function from a network's input to its outputs by name. */
async function openNetwork() {
  const expected = $("model").dataset.sha256, model = await unpacked("model"), found = await sha256(model);
  if (found && found !== expected) throw new Error("the network in this page has changed since it was written: copy the page again");
  const script = URL.createObjectURL(new Blob([await unpacked("runtime-script")], { type: "text/javascript" }));
  const ort = await import(script);
  URL.revokeObjectURL(script);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await unpacked("runtime-program");
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ["wasm"] });
  const size = KNOWN.image_size;
  return async (square) => {
    const images = new ort.Tensor("uint8", square, [1, 3, size, size]);
    const outputs = await session.run({ images }, KNOWN.outputs);
    images.dispose();
    return outputs;
  };
}

/** What the outputs mean, as corrosion.evaluation.decisions has it. */
function decisionOf(probability, unlike) {
  const { threshold, band } = KNOWN, why = [];
  if (unlike !== undefined && unlike > 1) why.push(`Unlike the training photographs (${unlike.toFixed(2)}, the limit is 1).`);
  if (band && probability > band[0] && probability < band[1]) {
    why.push(`The probability is in the range that an inspector decides (${short(band[0])} to ${short(band[1])}).`);
  }
  return { detected: probability >= threshold, why };
}
const short = (value) => String(Number(value.toPrecision(3)));

/** The likeliest kind of corrosion, where it is detected and the network tells kinds. */
function kindOf(outputs, detected) {
  if (!detected || !outputs.kind_probabilities) return {};
  const chances = Array.from(outputs.kind_probabilities.data), likeliest = Math.max(...chances);
  return { kind: KNOWN.kinds[chances.indexOf(likeliest)], kind_probability: likeliest };
}

/** Decode a photograph, and fill in what the network says of it. */
async function look(photo, network) {
  const content = await photo.file.arrayBuffer();
  Object.assign(photo, factsOf(content), { sha256: await sha256(content) });
  const { bitmap, square, decoding } = await decoded(photo.file, content, KNOWN.image_size, KNOWN.resize);
  try {
    const outputs = await network(square), probability = outputs.probability.data[0];
    if (!Number.isFinite(probability)) throw new Error("the network gives NaN");
    const unlike = outputs.unlike_training && Math.round(1000 * outputs.unlike_training.data[0]) / 1000;
    const decided = decisionOf(probability, unlike);
    Object.assign(photo, { width: bitmap.width, height: bitmap.height, p: probability, unlike, decoding }, decided, kindOf(outputs, decided.detected));
    await draw(photo, bitmap, outputs);
  } finally {
    bitmap.close();
  }
}
