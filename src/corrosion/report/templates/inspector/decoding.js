"use strict";
// Files as the network's input. Browsers decode JPEGs in full, corrosion predict at 1/2, 1/4 or 1/8 of
// their size: the page's own decoder does so too, in a worker. The rest the browser decodes.

const STRIP = 512; // rows in memory at once; a multiple of 8, the largest reduction
let decoder = null;

/** Ask the page's own decoder for the network's input of a JPEG, one at a time: {square, width, height} or {refused}. */
function decodedByPage(content, orientation, size, mode) {
  return new Promise((done) => {
    const failed = ({ message }) => {
      decoder = null; // the next photograph gets another
      done({ refused: message || "its decoder can't be started here" });
    };
    try {
      decoder ||= new Worker(URL.createObjectURL(new Blob([$("decoder").textContent], { type: "text/javascript" })));
      decoder.onmessage = ({ data }) => done(data);
      decoder.onerror = failed;
      decoder.postMessage({ content, orientation, size, mode });
    } catch (error) {
      failed(error);
    }
  });
}

/** Decode a file, upright, with the numbers that are in it: no colour profile is applied. */
const decodedByBrowser = (file) => createImageBitmap(file, { imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion: "none" });

/** A PNG without what it says of its colours: WebKit applies it whatever it is asked. Other files as they are. */
function withoutColours(file, content) {
  const view = new DataView(content), parts = [];
  if (view.byteLength < 8 || view.getUint32(0) !== 0x89504e47) return file;
  let kept = 0;
  for (let at = 8, next; at + 8 <= view.byteLength; at = next) {
    next = at + 12 + view.getUint32(at);
    if (!["iCCP", "sRGB", "gAMA", "cHRM", "cICP"].includes(ascii(view, at + 4, 4))) continue;
    parts.push(file.slice(kept, at));
    kept = next;
  }
  return new Blob([...parts, file.slice(kept)]);
}

/** Means of blocks of RGBA pixels as RGB: nearly what libjpeg decodes at 1/2, 1/4 and 1/8. */
function reduced(rgba, width, rows, by) {
  const across = Math.ceil(width / by), down = Math.ceil(rows / by), found = new Uint8ClampedArray(3 * across * down);
  for (let y = 0; y < down; y++) {
    const bottom = Math.min(rows, (y + 1) * by);
    for (let x = 0; x < across; x++) {
      const right = Math.min(width, (x + 1) * by);
      let red = 0, green = 0, blue = 0;
      for (let row = y * by; row < bottom; row++) {
        for (let at = 4 * (row * width + x * by), end = 4 * (row * width + right); at < end; at += 4) {
          red += rgba[at]; green += rgba[at + 1]; blue += rgba[at + 2];
        }
      }
      const count = (bottom - y * by) * (right - x * by), place = 3 * (y * across + x);
      found[place] = Math.floor(red / count + 0.5);
      found[place + 1] = Math.floor(green / count + 0.5);
      found[place + 2] = Math.floor(blue / count + 0.5);
    }
  }
  return found;
}

/** Strips of a bitmap as {pixels (RGB), width, top, rows}, reduced. Transparency is laid on white. */
function* stripsOf(bitmap, by) {
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = Math.min(STRIP, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  for (let top = 0; top < bitmap.height; top += STRIP) {
    const rows = Math.min(STRIP, bitmap.height - top);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, rows);
    context.drawImage(bitmap, 0, top, bitmap.width, rows, 0, 0, bitmap.width, rows);
    const { data } = context.getImageData(0, 0, canvas.width, rows);
    yield { pixels: reduced(data, canvas.width, rows, by), width: Math.ceil(canvas.width / by), top: top / by, rows: Math.ceil(rows / by) };
  }
}

/** A bitmap as the network's input. */
function squareOfBitmap(bitmap, jpeg, size, mode) {
  const by = jpeg ? reduction(bitmap, size) : 1;
  return squareOf({ height: Math.ceil(bitmap.height / by), width: Math.ceil(bitmap.width / by), strips: stripsOf(bitmap, by) }, size, mode);
}

/** Why a file can't be read, by its first bytes, as corrosion.data.file_kinds tells kinds. */
function whyNotRead(content) {
  if (!content.byteLength) return "the file is empty";
  const head = String.fromCharCode(...new Uint8Array(content, 0, Math.min(16, content.byteLength))), brand = head.slice(4, 11);
  if (/^ftyp(hei|hevc|mif1|msf1)/.test(head.slice(4))) return "HEIC photograph: convert it to JPEG";
  if (head.startsWith("II*\0") || head.startsWith("MM\0*")) return "TIFF picture or raw photograph: convert it to JPEG";
  if (brand === "ftypcrx" || head.startsWith("FUJIFILM")) return "raw photograph: convert it to JPEG";
  if (brand.startsWith("ftyp") && brand !== "ftypavi") return "video: not read";
  if (/^(\xff\xd8\xff|\x89PNG|GIF8|BM)|^.{4}ftypavi|^.{8}WEBP/s.test(head)) return "damaged or cut short: copy it from the camera again";
  return "no photograph: give JPEG, PNG or WebP";
}

/**
 * Decode a photograph: `bitmap` to be drawn and closed, `square` as the network's input, `decoding` what must
 * be said of a JPEG that the page's own decoder does not take.
 */
async function decoded(file, content, size, mode) {
  const [first, second] = new Uint8Array(content, 0, Math.min(2, content.byteLength)), jpeg = first === 0xff && second === 0xd8;
  const [bitmap, own] = await Promise.all([
    decodedByBrowser(withoutColours(file, content)).catch(() => null), jpeg ? decodedByPage(content, orientationOf(content), size, mode) : {},
  ]);
  if (!bitmap) throw new Error(whyNotRead(content));
  const same = own.width === bitmap.width && own.height === bitmap.height;
  if (own.square && same) return { bitmap, square: own.square };
  const why = own.refused || "it is turned otherwise there", square = squareOfBitmap(bitmap, jpeg, size, mode);
  return { bitmap, square, decoding: jpeg ? `Decoded by the browser: ${why}. corrosion predict may give another probability.` : undefined };
}
