"use strict";
// Blocks of a JPEG as pixels, at 1, 1/2, 1/4 or 1/8 of its size: the whole numbers of libjpeg-turbo (its jidctint.c,
// jidctred.c, jdmaster.c, jdsample.c and jdcolor.c), by which OpenCV and Pillow decode. Based in part on the work
// of the Independent JPEG Group.

const BITS = 13, KEPT = 2; // behind the point of the factors, and of what goes from columns to rows
const RANGE = 512; // on both sides of 0: values beyond come of damaged files alone, and libjpeg takes them modulo 1024
const { imul } = Math;

/** 8 values of a line, `step` apart, from as many coefficients (jidctint.c). */
function line8(from, at, step, to, start, stride, shift) {
  const second = from[at + 2 * step], sixth = from[at + 6 * step], round = 1 << (shift - 1);
  const even = imul(second + sixth, 4433), low = even + imul(sixth, -15137), high = even + imul(second, 6270);
  const sum = (from[at] + from[at + 4 * step]) << BITS, rest = (from[at] - from[at + 4 * step]) << BITS;
  const even0 = sum + high + round, even3 = sum - high + round, even1 = rest + low + round, even2 = rest - low + round;
  const a = from[at + 7 * step], b = from[at + 5 * step], c = from[at + 3 * step], d = from[at + step];
  const all = imul(a + c + b + d, 9633), ac = imul(a + c, -16069) + all, bd = imul(b + d, -3196) + all, ad = imul(a + d, -7373), bc = imul(b + c, -20995);
  const odd3 = imul(a, 2446) + ad + ac, odd2 = imul(b, 16819) + bc + bd, odd1 = imul(c, 25172) + bc + ac, odd0 = imul(d, 12299) + ad + bd;
  to[start] = (even0 + odd0) >> shift;
  to[start + 7 * stride] = (even0 - odd0) >> shift;
  to[start + stride] = (even1 + odd1) >> shift;
  to[start + 6 * stride] = (even1 - odd1) >> shift;
  to[start + 2 * stride] = (even2 + odd2) >> shift;
  to[start + 5 * stride] = (even2 - odd2) >> shift;
  to[start + 3 * stride] = (even3 + odd3) >> shift;
  to[start + 4 * stride] = (even3 - odd3) >> shift;
}

/** 4 values of the coefficients of 8, of which the fifth is not asked (jidctred.c). */
function line4(from, at, step, to, start, stride, shift) {
  const round = 1 << shift, even = imul(from[at + 2 * step], 15137) + imul(from[at + 6 * step], -6270), mean = (from[at] << (BITS + 1)) + round;
  const a = from[at + 7 * step], b = from[at + 5 * step], c = from[at + 3 * step], d = from[at + step];
  const inner = imul(a, -1730) + imul(b, 11893) + imul(c, -17799) + imul(d, 8697);
  const outer = imul(a, -4176) + imul(b, -4926) + imul(c, 7373) + imul(d, 20995);
  to[start] = (mean + even + outer) >> (shift + 1);
  to[start + 3 * stride] = (mean + even - outer) >> (shift + 1);
  to[start + stride] = (mean - even + inner) >> (shift + 1);
  to[start + 2 * stride] = (mean - even - inner) >> (shift + 1);
}

/** 2 values of the coefficients of 8, of which the mean and the odd ones are asked (jidctred.c). */
function line2(from, at, step, to, start, stride, shift) {
  const mean = (from[at] << (BITS + 2)) + (1 << (shift + 1));
  const odd = imul(from[at + 7 * step], -5906) + imul(from[at + 5 * step], 6967) + imul(from[at + 3 * step], -10426) + imul(from[at + step], 29692);
  to[start] = (mean + odd) >> (shift + 2);
  to[start + stride] = (mean - odd) >> (shift + 2);
}

/** The mean (jidctred.c). */
function line1(from, at, step, to, start, stride, shift) {
  to[start] = ((from[at] << BITS) + (1 << (shift - 1))) >> shift;
}

const LINES = { 8: line8, 4: line4, 2: line2, 1: line1 }, values = new Int32Array(64), columns = new Int32Array(64), square = new Int32Array(64);

/** Draw a block into its component's plane, `size` pixels high and wide. */
function drawBlock({ quantisation, size, plane, stride }, blocks, at, row, column) {
  const line = LINES[size], start = row * size * stride + column * size;
  let reach = 0;
  for (let index = 0; index < 64; index++) values[index] = imul(blocks[at + index], quantisation[index]);
  for (let x = 0; x < 8; x++) line(values, x, 8, columns, x, 8, BITS - KEPT);
  for (let y = 0; y < size; y++) {
    line(columns, 8 * y, 1, square, 0, 1, BITS + KEPT + 3);
    for (let x = 0; x < size; x++) {
      reach |= square[x] + RANGE;
      plane[start + y * stride + x] = square[x] + 128; // clamped by the array
    }
  }
  if (reach & ~(2 * RANGE - 1)) throw damaged();
}

/** Give each component of a frame a plane for 1 / `by` of its pixels, and the way to stretch it. */
function planesFor(frame, by) {
  const least = 8 / by, { most } = frame;
  for (const component of frame.components) {
    const { h, v } = component;
    let size = least; // colours that were stored smaller are shrunk less: they need no stretching then
    while (size < 8 && (most.h * least) % (h * size * 2) === 0 && (most.v * least) % (v * size * 2) === 0) size *= 2;
    const right = (most.h * least) / (h * size), below = (most.v * least) / (v * size);
    if (!Number.isInteger(right) || !Number.isInteger(below)) throw rare("a JPEG of unusual sampling");
    const width = Math.ceil((frame.width * h * size) / (most.h * 8)), height = Math.ceil((frame.height * v * size) / (most.v * 8));
    const smooth = least > 1 && right <= 2 && below <= 2 && right * below > 1 && (right === 1 || width > 2);
    const stride = component.across * size;
    Object.assign(component, { size, stride, right, below, shown: { width, height }, smooth, plane: new Uint8ClampedArray(stride * component.down * size) });
  }
}

/** Row `y` of a component at the size of the picture: repeated, or between neighbours 3 to 1. */
function stretchedRow({ plane, stride, right, below, shown: { width, height }, smooth }, y, to) {
  const row = Math.floor(y / below), at = row * stride;
  if (!smooth) {
    for (let x = 0; x < to.length; x++) to[x] = plane[at + Math.floor(x / right)];
    return;
  }
  const upper = y % 2 === 0, other = below === 1 ? at : Math.min(Math.max(upper ? row - 1 : row + 1, 0), height - 1) * stride;
  const sum = below === 1 ? (x) => plane[at + x] : (x) => 3 * plane[at + x] + plane[other + x];
  if (right === 1) {
    for (let x = 0; x < to.length; x++) to[x] = (sum(x) + (upper ? 1 : 2)) >> 2;
    return;
  }
  const shift = below === 1 ? 2 : 4, left = below === 1 ? 1 : 8, next = below === 1 ? 2 : 7;
  let before = sum(0), here = before;
  for (let x = 0; x < width; x++) {
    const after = x + 1 < width ? sum(x + 1) : here;
    to[2 * x] = (3 * here + before + left) >> shift;
    to[2 * x + 1] = (3 * here + after + next) >> shift;
    before = here;
    here = after;
  }
}

const fixed = (value) => Math.floor(value * 65536 + 0.5);
const colours = (factor, half) => Int32Array.from({ length: 256 }, (_, value) => imul(fixed(Math.abs(factor)), Math.sign(factor) * (value - 128)) + half);
const RED = colours(1.402, 32768).map((value) => value >> 16), BLUE = colours(1.772, 32768).map((value) => value >> 16);
const GREEN_OF_RED = colours(-0.71414, 0), GREEN_OF_BLUE = colours(-0.34414, 32768);

/** Whether three components are red, green and blue already: libjpeg's guess (jdapimin.c). */
function isRgb({ components, jfif, adobe }) {
  if (jfif) return false;
  return adobe === undefined ? components.map(({ id }) => id).join() === "82,71,66" : adobe === 0;
}

/** The planes of a frame as one picture, RGB. */
function joined(frame, by) {
  const width = Math.ceil(frame.width / by), height = Math.ceil(frame.height / by), pixels = new Uint8ClampedArray(3 * width * height);
  const rows = frame.components.map(() => new Uint8Array(width)), [first, second = first, third = first] = rows;
  const plain = rows.length === 1 || isRgb(frame);
  for (let y = 0, to = 0; y < height; y++) {
    frame.components.forEach((component, index) => stretchedRow(component, y, rows[index]));
    for (let x = 0; x < width; x++, to += 3) {
      const red = first[x], green = second[x], blue = third[x]; // or brightness and two differences
      pixels[to] = plain ? red : red + RED[blue];
      pixels[to + 1] = plain ? green : red + ((GREEN_OF_BLUE[green] + GREEN_OF_RED[blue]) >> 16);
      pixels[to + 2] = plain ? blue : red + BLUE[green];
    }
  }
  return { pixels, width, height };
}

/** A picture turned as an orientation of EXIF says, 1 to 8. */
function turned({ pixels, width, height }, orientation) {
  if (orientation === 1) return { pixels, width, height };
  const swapped = orientation > 4, across = swapped ? height : width, down = swapped ? width : height, found = new Uint8ClampedArray(pixels.length);
  const mirror = [2, 3, 6, 7].includes(orientation), flip = [3, 4, 7, 8].includes(orientation);
  for (let y = 0, to = 0; y < down; y++) {
    for (let x = 0; x < across; x++, to += 3) {
      const column = mirror ? across - 1 - x : x, row = flip ? down - 1 - y : y;
      const from = 3 * (swapped ? column * width + row : row * width + column);
      found[to] = pixels[from];
      found[to + 1] = pixels[from + 1];
      found[to + 2] = pixels[from + 2];
    }
  }
  return { pixels: found, width: across, height: down };
}

const inStrip = ({ pixels, width, height }) => ({ width, height, strips: [{ pixels, width, top: 0, rows: height }] });

/** The network's input of a JPEG, and the size of the whole picture, upright. */
function inputOf({ content, orientation, size, mode }) {
  let by = 1;
  const frame = decodeJpeg(new Uint8Array(content), (begun) => planesFor(begun, (by = reduction(begun, size))), drawBlock);
  const [width, height] = orientation > 4 ? [frame.height, frame.width] : [frame.width, frame.height];
  return { square: squareOf(inStrip(turned(joined(frame, by), orientation)), size, mode), width, height };
}

onmessage = ({ data }) => { // in a worker of its own: the page answers meanwhile
  try {
    postMessage(inputOf(data));
  } catch (error) {
    postMessage({ refused: error.message });
  }
};
