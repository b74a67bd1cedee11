"use strict";
// Pixels as the network's square input, pixel by pixel as corrosion.data.resizing makes it.

const WEIGHT_BITS = 15, MOST_BITS = 22;

/** Round half to even, as Python does. */
function rounded(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}

/** Where a photograph lies in the square: {source, target}, each {top, left, height, width}. */
function place(height, width, size, mode) {
  const whole = { top: 0, left: 0, height, width }, square = { top: 0, left: 0, height: size, width: size };
  if (mode === "stretch") return { source: whole, target: square };
  if (mode === "crop") {
    const side = Math.min(height, width);
    return { source: { top: (height - side) >> 1, left: (width - side) >> 1, height: side, width: side }, target: square };
  }
  const scale = size / Math.max(height, width);
  const inner = { height: Math.max(1, rounded(height * scale)), width: Math.max(1, rounded(width * scale)) };
  return { source: whole, target: { top: (size - inner.height) >> 1, left: (size - inner.width) >> 1, ...inner } };
}

/** Weights of `length` pixels in each output, whole numbers with `bits` behind the point. */
function tents(length, outputs) {
  const scale = length / outputs, support = Math.max(1, scale), inverse = 1 / support, found = [];
  let largest = 0, bits = 0;
  for (let output = 0; output < outputs; output++) {
    const centre = scale * (output + 0.5);
    const start = Math.max(Math.trunc(centre - support + 0.5), 0), stop = Math.min(Math.trunc(centre + support + 0.5), length);
    const tent = [];
    for (let x = 0; x < stop - start; x++) tent.push(Math.max(0, 1 - Math.abs((x + start - centre + 0.5) * inverse)));
    const total = tent.reduce((sum, value) => sum + value, 0), weights = tent.map((value) => value / total);
    largest = Math.max(largest, ...weights);
    found.push({ start, weights });
  }
  while (bits < MOST_BITS && Math.trunc(0.5 + largest * 2 ** (bits + 1)) < 2 ** WEIGHT_BITS) bits++;
  for (const one of found) one.weights = Int32Array.from(one.weights, (value) => Math.floor(0.5 + value * 2 ** bits));
  return { outputs: found, bits };
}

/** Scale one line of RGB pixels; `step` is the distance of neighbours in `from` and in `to`. */
function scaleLine(from, first, step, tent, to, start, toStep) {
  const { outputs, bits } = tent, half = 1 << (bits - 1);
  for (let output = 0; output < outputs.length; output++) {
    const { start: begin, weights } = outputs[output];
    let red = half, green = half, blue = half, at = first + begin * step;
    for (let x = 0; x < weights.length; x++, at += step) {
      const weight = weights[x];
      red += from[at] * weight;
      green += from[at + 1] * weight;
      blue += from[at + 2] * weight;
    }
    const place = start + output * toStep;
    to[place] = Math.min(red >> bits, 255);
    to[place + 1] = Math.min(green >> bits, 255);
    to[place + 2] = Math.min(blue >> bits, 255);
  }
}

/** The largest reduction of a JPEG that leaves no side below `side`. */
const reduction = ({ width, height }, side) => Math.max(1, ...[2, 4, 8].filter((by) => Math.floor(Math.min(width, height) / by) >= side));

/** The part of a picture that the network sees, scaled: RGB of target.height x target.width. */
function scaledPart(strips, { source, target }) {
  const across = tents(source.width, target.width), down = tents(source.height, target.height), width = target.width;
  const narrow = new Uint8Array(3 * source.height * width);
  for (const strip of strips) {
    for (let row = 0; row < strip.rows; row++) {
      const y = strip.top + row - source.top, first = 3 * (row * strip.width + source.left);
      if (y < 0 || y >= source.height) continue;
      if (source.width === width) narrow.set(strip.pixels.subarray(first, first + 3 * width), 3 * y * width);
      else scaleLine(strip.pixels, first, 3, across, narrow, 3 * y * width, 3);
    }
  }
  if (source.height === target.height) return narrow;
  const found = new Uint8Array(3 * target.height * width);
  for (let x = 0; x < width; x++) scaleLine(narrow, 3 * x, 3 * width, down, found, 3 * x, 3 * width);
  return found;
}

/** A place beyond the edge, mirrored without repeating the edge. */
function mirrored(at, length) {
  if (length === 1) return 0;
  while (at < 0 || at >= length) at = at < 0 ? -at : 2 * (length - 1) - at;
  return at;
}

/** The network's input, uint8 (3, size, size), of a picture in strips of {pixels (RGB), width, top, rows}. */
function squareOf({ height, width, strips }, size, mode) {
  const placement = place(height, width, size, mode), { target } = placement;
  const inner = scaledPart(strips, placement), plane = size * size, found = new Uint8Array(3 * plane);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let row = y - target.top, column = x - target.left;
      if (row < 0 || row >= target.height || column < 0 || column >= target.width) {
        if (mode !== "reflect") continue; // black bars
        row = mirrored(row, target.height);
        column = mirrored(column, target.width);
      }
      const from = 3 * (row * target.width + column), to = y * size + x;
      for (let channel = 0; channel < 3; channel++) found[channel * plane + to] = inner[from + channel];
    }
  }
  return found;
}
