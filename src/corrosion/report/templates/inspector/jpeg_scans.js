"use strict";
// The coefficients of a JPEG (ITU-T T.81): Huffman codes, sequential or progressive, 8 bits, one or
// three components. What is rarer, and what is damaged, throws: the browser decodes it instead.

const ZIGZAG = Uint8Array.of(
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63);
const MOST_COEFFICIENTS = 1e8; // of progressive files, which are held in memory: 200 MB
const MOST_PIXELS = 178e6; // as corrosion.data.images has it
const QUICK = 9; // bits of a code that are looked up at once
const SMOOTHED = 10; // coefficients without whose last bits libjpeg smooths a progressive picture

const damaged = () => new Error("its data is damaged");
const rare = (what) => new Error(`it is ${what}`);

/** A Huffman table of the number of codes of each length, 1 to 16, and their values in order. */
function huffmanTable(counts, values) {
  const quick = new Uint16Array(1 << QUICK), limits = new Int32Array(17), offsets = new Int32Array(17);
  let code = 0, index = 0;
  for (let length = 1; length <= 16; length++) {
    offsets[length] = index - code;
    for (let one = 0; one < counts[length - 1]; one++, code++, index++) {
      if (length > QUICK) continue;
      const first = code << (QUICK - length);
      quick.fill((length << 8) | values[index], first, first + (1 << (QUICK - length)));
    }
    if (code > 1 << length) throw damaged();
    limits[length] = code;
    code <<= 1;
  }
  return { quick, limits, offsets, values };
}

/** The bits between two markers of a scan, without the zeros that are stuffed behind each 0xff. */
class Bits {
  constructor(bytes, at, end) {
    Object.assign(this, { bytes, at, end, held: 0, count: 0, beyond: 0 });
  }
  fill() { // at least 17 bits, as many as one code or one value has at most
    while (this.count <= 16) {
      let byte = 0;
      if (this.at < this.end) {
        byte = this.bytes[this.at];
        this.at += byte === 0xff ? 2 : 1;
      } else {
        this.beyond += 8;
      }
      this.held = (this.held << 8) | byte;
      this.count += 8;
    }
  }
  take(length) {
    this.fill();
    this.count -= length;
    return (this.held >>> this.count) & ((1 << length) - 1);
  }
  signed(length) {
    const value = this.take(length);
    return value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
  }
  symbol({ quick, limits, offsets, values }) {
    this.fill();
    const next = (this.held >>> (this.count - 16)) & 0xffff, found = quick[next >> (16 - QUICK)];
    if (found) {
      this.count -= found >> 8;
      return found & 255;
    }
    for (let length = QUICK + 1; length <= 16; length++) {
      const code = next >> (16 - length);
      if (code < limits[length]) {
        this.count -= length;
        return values[offsets[length] + code];
      }
    }
    throw damaged();
  }
  close() { if (this.beyond > this.count) throw damaged(); }
}

// What decodes a block of 64 coefficients into `blocks` from `at` on, by the kind of the scan.

function sequential(bits, scan, component, blocks, at) {
  const size = bits.symbol(component.dc);
  if (size) component.before += bits.signed(size);
  blocks[at] = component.before;
  for (let k = 1; k < 64; k++) {
    const code = bits.symbol(component.ac), length = code & 15;
    if (!length) {
      if (code < 0xf0) return;
      k += 15;
      continue;
    }
    k += code >> 4;
    if (k > 63) throw damaged();
    blocks[at + ZIGZAG[k]] = bits.signed(length);
  }
}
function firstOfMean(bits, { low }, component, blocks, at) {
  const size = bits.symbol(component.dc);
  if (size) component.before += bits.signed(size);
  blocks[at] = component.before * (1 << low);
}
function nextOfMean(bits, { low }, component, blocks, at) {
  if (bits.take(1)) blocks[at] |= 1 << low;
}
function firstOfOthers(bits, scan, component, blocks, at) {
  if (scan.empty) return void scan.empty--;
  for (let k = scan.start; k <= scan.end; k++) {
    const code = bits.symbol(component.ac), run = code >> 4, length = code & 15;
    if (!length && run < 15) {
      scan.empty = (1 << run) - 1 + bits.take(run);
      return;
    }
    k += run;
    if (k > scan.end) throw damaged();
    if (length) blocks[at + ZIGZAG[k]] = bits.signed(length) * (1 << scan.low);
  }
}
function nextOfOthers(bits, scan, component, blocks, at) {
  const bit = 1 << scan.low;
  let k = scan.start;
  const refine = (place) => { if (bits.take(1) && !(blocks[place] & bit)) blocks[place] += blocks[place] > 0 ? bit : -bit; };
  for (; !scan.empty && k <= scan.end; k++) {
    const code = bits.symbol(component.ac);
    let zeros = code >> 4, value = 0;
    if (code & 15) value = bits.take(1) ? bit : -bit;
    else if (zeros < 15) {
      scan.empty = (1 << zeros) + bits.take(zeros); // this block is the first of them
      break;
    }
    for (; k <= scan.end; k++) {
      const place = at + ZIGZAG[k];
      if (blocks[place]) refine(place);
      else if (!zeros--) break;
    }
    if (!value) continue;
    if (k > scan.end) throw damaged();
    blocks[at + ZIGZAG[k]] = value;
  }
  if (!scan.empty) return;
  for (; k <= scan.end; k++) if (blocks[at + ZIGZAG[k]]) refine(at + ZIGZAG[k]);
  scan.empty--;
}

/** The next marker that is no stuffed zero: where the data before it ends, and where its name is. */
function nextMarker(bytes, from) {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 2)) {
    let name = at + 1;
    while (bytes[name] === 0xff) name++;
    if (bytes[name]) return { end: at, name };
    if (name > at + 1) throw damaged();
  }
  throw new Error("its data ends too early");
}

/** Decode the blocks of a scan from `at` on; gives the place of the marker behind it. */
function decodeScan(bytes, at, frame, scan, done) {
  const { components } = scan, [first] = components, alone = components.length === 1, scratch = new Int16Array(64);
  const across = alone ? Math.ceil(first.width / 8) : frame.across, down = alone ? Math.ceil(first.height / 8) : frame.down;
  const decode = !frame.progressive ? sequential : scan.start ? (scan.high ? nextOfOthers : firstOfOthers) : scan.high ? nextOfMean : firstOfMean;
  let bits, marker, restarts = 0;
  const restart = (from) => {
    marker = nextMarker(bytes, from);
    bits = new Bits(bytes, from, marker.end);
    scan.empty = 0;
    for (const component of components) component.before = 0;
  };
  const block = (component, row, column) => {
    if (frame.progressive) return decode(bits, scan, component, component.blocks, 64 * (row * component.across + column));
    scratch.fill(0);
    decode(bits, scan, component, scratch, 0);
    done(component, scratch, 0, row, column);
  };
  restart(at);
  for (let unit = 0; unit < across * down; unit++) {
    if (frame.interval && unit && unit % frame.interval === 0) {
      bits.close();
      if (bytes[marker.name] !== 0xd0 + (restarts++ & 7)) throw damaged();
      restart(marker.name + 1);
    }
    const row = Math.floor(unit / across), column = unit - row * across;
    if (alone) block(first, row, column);
    else {
      for (const component of components) {
        const { h, v } = component;
        for (let y = 0; y < v; y++) for (let x = 0; x < h; x++) block(component, row * v + y, column * h + x);
      }
    }
  }
  bits.close();
  return marker.name;
}

/** What the start of a frame says: size, components, and how many blocks they have. */
function frameOf(data, progressive) {
  const height = (data[1] << 8) | data[2], width = (data[3] << 8) | data[4], count = data[5];
  if (data[0] !== 8) throw rare(`a JPEG of ${data[0]} bits`);
  if (count !== 1 && count !== 3) throw rare(`a JPEG of ${count} components, as CMYK is`);
  if (height * width > MOST_PIXELS) throw rare("a JPEG of very many pixels");
  if (!height || !width || data.length < 6 + 3 * count) throw damaged();
  const components = Array.from({ length: count }, (_, index) => {
    const [id, sampling, table] = data.subarray(6 + 3 * index);
    return { id, h: sampling >> 4, v: sampling & 15, table, known: new Int8Array(64).fill(-1) };
  });
  if (components.some(({ h, v }) => h < 1 || h > 4 || v < 1 || v > 4)) throw damaged();
  const most = { h: Math.max(...components.map(({ h }) => h)), v: Math.max(...components.map(({ v }) => v)) };
  const across = Math.ceil(width / (8 * most.h)), down = Math.ceil(height / (8 * most.v));
  for (const one of components) {
    Object.assign(one, { across: across * one.h, down: down * one.v });
    Object.assign(one, { width: Math.ceil((width * one.h) / most.h), height: Math.ceil((height * one.v) / most.v) });
  }
  if (progressive) {
    if (components.reduce((sum, one) => sum + 64 * one.across * one.down, 0) > MOST_COEFFICIENTS) throw rare("a progressive JPEG of many pixels");
    for (const one of components) one.blocks = new Int16Array(64 * one.across * one.down);
  }
  return { width, height, components, most, across, down, progressive, interval: 0 };
}

/** What the start of a scan says. Tables of before are kept, since later ones may replace them. */
function scanOf(data, frame, tables) {
  const count = data[0], [start, end, bits] = data.subarray(1 + 2 * count), high = bits >> 4, low = bits & 15;
  if (!count || data.length < 4 + 2 * count || (frame.progressive && (start > end || end > 63 || low > 13 || (start && count > 1)))) throw damaged();
  const components = Array.from({ length: count }, (_, index) => {
    const component = frame.components.find(({ id }) => id === data[1 + 2 * index]), chosen = data[2 + 2 * index];
    if (!component) throw damaged();
    component.quantisation ||= tables.quantisation[component.table];
    const mean = !frame.progressive || !start, needed = { dc: mean && !(frame.progressive && high), ac: !frame.progressive || start > 0 };
    Object.assign(component, { dc: tables.dc[chosen >> 4], ac: tables.ac[chosen & 15] });
    if (!component.quantisation || (needed.dc && !component.dc) || (needed.ac && !component.ac)) throw damaged();
    if (frame.progressive) component.known.fill(low, start, end + 1);
    else component.known.fill(0);
    return component;
  });
  return { components, start, end, high, low, empty: 0 };
}

function readQuantisation(data, tables) {
  for (let at = 0; at < data.length;) {
    const wide = data[at] >> 4, found = new Int32Array(64), size = wide ? 2 : 1;
    if (at + 1 + 64 * size > data.length) throw damaged();
    for (let k = 0; k < 64; k++) {
      const place = at + 1 + size * k;
      found[ZIGZAG[k]] = wide ? (data[place] << 8) | data[place + 1] : data[place];
    }
    tables.quantisation[data[at] & 15] = found;
    at += 1 + 64 * size;
  }
}
function readHuffman(data, tables) {
  for (let at = 0; at + 17 <= data.length;) {
    const counts = data.subarray(at + 1, at + 17), total = counts.reduce((sum, count) => sum + count, 0);
    if (at + 17 + total > data.length) throw damaged();
    tables[data[at] >> 4 ? "ac" : "dc"][data[at] & 15] = huffmanTable(counts, data.subarray(at + 17, at + 17 + total));
    at += 17 + total;
  }
}

/**
 * Decode a file's blocks of coefficients.
 *
 * `begin(frame)` is called once its size is known, `done(component, blocks, at, row, column)` for
 * each block, whose 64 coefficients lie in `blocks` from `at` on, row by row, not yet multiplied
 * by `component.quantisation`. Gives the frame, with `jfif` and `adobe` (its transform) where the file has them.
 */
function decodeJpeg(bytes, begin, done) {
  const tables = { quantisation: [], dc: [], ac: [] }, told = {};
  let frame = null, interval = 0;
  for (let at = nextMarker(bytes, 2).name; bytes[at] !== 0xd9;) {
    const name = bytes[at], length = (bytes[at + 1] << 8) | bytes[at + 2], data = bytes.subarray(at + 3, at + 1 + length);
    const starts = (text) => [...text].every((sign, index) => data[index] === sign.charCodeAt(0));
    if (length < 2 || at + 1 + length > bytes.length) throw damaged();
    at += 1 + length;
    if (name === 0xdb) readQuantisation(data, tables);
    else if (name === 0xc4) readHuffman(data, tables);
    else if (name === 0xdd) interval = (data[0] << 8) | data[1];
    else if (name === 0xe0 && starts("JFIF\0")) told.jfif = true;
    else if (name === 0xee && starts("Adobe") && data.length >= 12) told.adobe = data[11];
    else if (name >= 0xc0 && name <= 0xc2 && !frame) begin((frame = frameOf(data, name === 0xc2)));
    else if (name >= 0xc0 && name <= 0xcf) throw rare("coded arithmetically, without loss, or in several frames");
    else if (name === 0xda) {
      if (!frame) throw damaged();
      frame.interval = interval;
      at = decodeScan(bytes, at, frame, scanOf(data, frame, tables), done);
      continue;
    }
    at = nextMarker(bytes, at).name;
  }
  if (!frame || frame.components.some(({ known }) => known.subarray(0, SMOOTHED).some(Boolean))) throw rare("a progressive JPEG without all of its scans");
  for (const component of frame.progressive ? frame.components : []) {
    for (let row = 0; row < component.down; row++) {
      for (let column = 0; column < component.across; column++) done(component, component.blocks, 64 * (row * component.across + column), row, column);
    }
  }
  return Object.assign(frame, told);
}
