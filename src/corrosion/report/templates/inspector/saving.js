"use strict";
// What is saved: tables in CSV, and a ZIP that is an output folder of `corrosion predict`, of which
// `corrosion inspection-report` makes reports and into which `corrosion verdicts` merges.

const COLUMNS = ["path", "frame", "time", "probability", "decision", "unlike_training", "review", "boxes", "overlay", "thumbnail",
  ...(KINDS.length ? ["kind", "kind_probability"] : []),
  ...(KNOWN.outputs.includes("mask") ? ["rusted_share"] : []), "width", "height", "asset", "taken_at", "latitude", "longitude", "altitude",
  "direction", "gimbal_pitch", "gimbal_yaw", "camera", "note", "sha256", "error"];

/** A cell of CSV; no spreadsheet takes it for a formula. */
function cell(value) {
  let text = String(value ?? "");
  if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text)) text = ` ${text}`;
  return /[",;\n\r]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
function csv(columns, rows) {
  return `${[columns, ...rows.map((row) => columns.map((name) => row[name]))].map((cells) => cells.map(cell).join(",")).join("\n")}\n`;
}
const isJudged = ({ said }) => Boolean(said.verdict || said.note);
const verdictTable = () => csv(VERDICT_COLUMNS, PHOTOS.filter(isJudged).map((photo) => ({ path: photo.path, sha256: photo.sha256, ...photo.said })));
/** The name of a photograph's picture in the ZIP. */
function fileOf(photo, kind, ending) {
  if (!photo.files) return undefined;
  const stem = photo.path.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80);
  return `${kind}/${String(photo.number).padStart(6, "0")}_${stem}${ending}`;
}

function resultTable() {
  return csv(COLUMNS, PHOTOS.filter((photo) => photo.p !== undefined || photo.error).map((photo) => ({
    ...photo,
    note: photo.decoding, // in this table that of the file; the inspector's is in the table of verdicts
    probability: photo.p?.toFixed(6),
    decision: photo.p === undefined ? undefined : DECISIONS[Number(photo.detected)],
    unlike_training: photo.unlike?.toFixed(3),
    kind_probability: photo.kind_probability?.toFixed(6),
    review: photo.why?.length ? "send to an inspector" : undefined,
    rusted_share: photo.share?.toFixed(6),
    overlay: fileOf(photo, "overlays", ".jpg"),
    thumbnail: fileOf(photo, "thumbnails", ".jpg"),
  })));
}

/** What `corrosion predict` writes of itself, for the commands that read its folders. */
function runFile() {
  const asked = { checkpoint: KNOWN.checkpoint, paths: [], threshold: KNOWN.threshold, every: 1, "working directory": "" };
  return JSON.stringify({
    asked, model: KNOWN.model, band: KNOWN.band, cautions: KNOWN.cautions, kinds: KINDS, notes: NOTES, when: now(), inspector: $("inspector").value.trim(),
  });
}

/** All that is to be kept, as [name, blob]. */
function folder() {
  const files = [["run.json", runFile()], ["predictions.csv", resultTable()], ["verdicts.csv", verdictTable()]].map(([name, text]) => [name, new Blob([text])]);
  for (const photo of PHOTOS.filter((one) => one.files)) {
    files.push([fileOf(photo, "overlays", ".jpg"), photo.files.overlay], [fileOf(photo, "thumbnails", ".jpg"), photo.files.thumbnail]);
    for (const layer of ["evidence", "rust"]) {
      if (photo.files[layer]) files.push([fileOf(photo, "thumbnails", `_${layer}.webp`), photo.files[layer]]);
    }
  }
  return files;
}

const CRC = Uint32Array.from({ length: 256 }, (_, index) => {
  for (let bit = 0; bit < 8; bit++) index = index & 1 ? 0xedb88320 ^ (index >>> 1) : index >>> 1;
  return index;
});
const crc32 = (bytes) => ~bytes.reduce((sum, byte) => CRC[(sum ^ byte) & 255] ^ (sum >>> 8), -1) >>> 0;

/** A structure of a ZIP: numbers of 2 or 4 bytes, little-endian, as [value, bytes]. */
function record(...numbers) {
  const view = new DataView(new ArrayBuffer(numbers.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of numbers) {
    if (bytes === 4) view.setUint32(at, value, true);
    else view.setUint16(at, value, true);
    at += bytes;
  }
  return view;
}

/** A ZIP of [name, blob]: stored, since pictures are compressed already (PKWARE APPNOTE 4.3). */
async function zip(files) {
  const at = new Date(), parts = [], index = [];
  const time = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
  const date = ((at.getFullYear() - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();
  let offset = 0, indexed = 0;
  for (const [name, blob] of files) {
    const path = new TextEncoder().encode(name), sum = crc32(new Uint8Array(await blob.arrayBuffer()));
    // version 2.0, UTF-8 names, no compression; then time, checksum, sizes, length of the name
    const common = [[20, 2], [0x0800, 2], [0, 2], [time, 2], [date, 2], [sum, 4], [blob.size, 4], [blob.size, 4], [path.length, 2], [0, 2]];
    const head = record([0x04034b50, 4], ...common);
    const entry = record([0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]);
    parts.push(head, path, blob);
    index.push(entry, path);
    offset += head.byteLength + path.length + blob.size;
    indexed += entry.byteLength + path.length;
  }
  const end = record([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [indexed, 4], [offset, 4], [0, 2]);
  return new Blob([...parts, ...index, end], { type: "application/zip" });
}

/** Hand a file to the browser's downloads. */
function download(blob, name) {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}
