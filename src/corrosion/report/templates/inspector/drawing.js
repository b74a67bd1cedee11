"use strict";
// Small pictures of photographs, and transparent layers over them, as corrosion.prediction.layers
// draws them: evidence in blue and cyan, which rust never is, and the outline of rust.

const PREVIEW = 640, STEPS = 8, OPAQUE = 190, WEAK = [20, 60, 255], STRONG = [0, 225, 255];
const OUTLINE = [0, 255, 255, 255], SHADE = [0, 0, 0, 255], RUST = 0.5;

function canvasOf(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}
const blobOf = (canvas, type) => new Promise((done) => canvas.toBlob(done, type, 0.85));

/** Weights of a line of cells in pixels of the photograph: [first cell, weight of the next one]. */
function along(pixels, start, length, size, cells) {
  return Array.from({ length: pixels }, (_, pixel) => {
    const place = start + ((pixel + 0.5) * length) / pixels;
    const cell = Math.min(Math.max((place * cells) / size - 0.5, 0), cells - 1), first = Math.min(Math.floor(cell), Math.max(cells - 2, 0));
    return [first, cell - first];
  });
}

/** A map over the square as one over a photograph of height x width pixels, 0 where it was cut off. */
function overPhotograph({ data, dims: [, rows, columns] }, height, width) {
  const { source, target } = place(height, width, KNOWN.image_size, KNOWN.resize), found = new Float32Array(height * width);
  const down = along(source.height, target.top, target.height, KNOWN.image_size, rows);
  const across = along(source.width, target.left, target.width, KNOWN.image_size, columns);
  for (let y = 0; y < source.height; y++) {
    const [row, lower] = down[y], next = Math.min(row + 1, rows - 1);
    for (let x = 0; x < source.width; x++) {
      const [column, right] = across[x], beside = Math.min(column + 1, columns - 1);
      const above = data[row * columns + column] * (1 - right) + data[row * columns + beside] * right;
      const below = data[next * columns + column] * (1 - right) + data[next * columns + beside] * right;
      found[(source.top + y) * width + source.left + x] = above * (1 - lower) + below * lower;
    }
  }
  return found;
}

/** A map as a layer: clear where there is no evidence, blue where it is weak, cyan where strong. */
function evidenceLayer(values, height, width) {
  const layer = new ImageData(width, height);
  values.forEach((value, index) => {
    const level = Math.round(value * 255) / 255;
    if (level < 1 / STEPS) return;
    const step = Math.min(Math.floor(level * STEPS), STEPS - 1) / (STEPS - 1);
    layer.data.set([0, 1, 2].map((channel) => (1 - step) * WEAK[channel] + step * STRONG[channel]), 4 * index);
    layer.data[4 * index + 3] = OPAQUE * step;
  });
  return layer;
}

/** The outline of rust as a layer: a cyan line with a dark edge, seen on light and on dark. */
function outlineLayer(rust, height, width) {
  const layer = new ImageData(width, height), is = (x, y) => x >= 0 && y >= 0 && x < width && y < height && rust[y * width + x] > RUST;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const edge = (by) => [[by, 0], [-by, 0], [0, by], [0, -by]].some(([right, down]) => is(x + right, y + down) !== is(x, y));
      if (edge(2)) layer.data.set(SHADE, 4 * (y * width + x));
      if (is(x, y) && edge(1)) layer.data.set(OUTLINE, 4 * (y * width + x));
    }
  }
  return layer;
}

/** Share of the photograph that the mask calls rust. */
function shareOf({ data }, height, width) {
  const size = KNOWN.image_size, { target } = place(height, width, size, KNOWN.resize);
  let rust = 0;
  for (let y = target.top; y < target.top + target.height; y++) {
    for (let x = target.left; x < target.left + target.width; x++) rust += data[y * size + x] > RUST;
  }
  return rust / (target.height * target.width);
}

/** Give a photograph its pictures (blobs and their addresses), and its share of rust. */
async function draw(photo, bitmap, outputs) {
  const shrink = Math.min(1, PREVIEW / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * shrink)), height = Math.max(1, Math.round(bitmap.height * shrink));
  const small = canvasOf(width, height), context = small.getContext("2d", { alpha: false });
  Object.assign(context, { fillStyle: "#fff", imageSmoothingQuality: "high" });
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  const thumbnail = await blobOf(small, "image/jpeg"), layers = canvasOf(width, height), pen = layers.getContext("2d");
  pen.putImageData(evidenceLayer(overPhotograph(outputs.map, height, width), height, width), 0, 0);
  const evidence = await blobOf(layers, "image/webp");
  context.drawImage(layers, 0, 0);
  photo.files = { thumbnail, evidence };
  if (outputs.mask && photo.detected) {
    photo.share = shareOf(outputs.mask, photo.height, photo.width);
    pen.putImageData(outlineLayer(overPhotograph(outputs.mask, height, width), height, width), 0, 0);
    photo.files.rust = await blobOf(layers, "image/webp");
    context.drawImage(layers, 0, 0);
  }
  photo.files.overlay = await blobOf(small, "image/jpeg");
  photo.addresses = Object.fromEntries(Object.entries(photo.files).map(([name, blob]) => [name, URL.createObjectURL(blob)]));
}
