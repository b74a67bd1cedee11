"use strict";
// What a photograph's file says beside its pixels: EXIF of JPEG, PNG and WebP, as
// corrosion.data.photograph_facts reads it. What is missing or impossible is left out.

const TAGS = { make: 0x010f, model: 0x0110, orientation: 0x0112, changed: 0x0132, exif: 0x8769, gps: 0x8825, taken: 0x9003, zone: 0x9010, takenZone: 0x9011 };
const GPS = { south: 1, latitude: 2, west: 3, longitude: 4, below: 5, altitude: 6, direction: 17 };
const SIZES = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8 };

const ascii = (view, from, length) => String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + from, length));

/** Where EXIF (a TIFF structure) begins in a file, as a DataView; null where there is none. */
function exifOf(view) {
  const part = (from, length) => new DataView(view.buffer, view.byteOffset + from, Math.min(length, view.byteLength - from));
  if (view.getUint16(0) === 0xffd8) {
    for (let at = 2; at + 10 < view.byteLength && view.getUint8(at) === 0xff;) {
      const marker = view.getUint8(at + 1), length = view.getUint16(at + 2);
      if (marker === 0xda) return null;
      if (marker === 0xe1 && ascii(view, at + 4, 6) === "Exif\0\0") return part(at + 10, length - 8);
      at += 2 + length;
    }
  } else if (view.getUint32(0) === 0x89504e47) {
    for (let at = 8; at + 12 < view.byteLength; at += 12 + view.getUint32(at)) {
      const name = ascii(view, at + 4, 4);
      if (name === "eXIf") return part(at + 8, view.getUint32(at));
      if (name === "IDAT") return null;
    }
  } else if (ascii(view, 0, 4) === "RIFF" && ascii(view, 8, 4) === "WEBP") {
    for (let at = 12; at + 8 < view.byteLength;) {
      const length = view.getUint32(at + 4, true), skip = ascii(view, at + 8, 6) === "Exif\0\0" ? 6 : 0;
      if (ascii(view, at, 4) === "EXIF") return part(at + 8 + skip, length - skip);
      at += 8 + length + (length % 2);
    }
  }
  return null;
}

/** Values of a directory of EXIF by tag: texts, or lists of numbers. */
function directory(exif, offset, little) {
  const found = new Map();
  for (let entry = 0; entry < exif.getUint16(offset, little); entry++) {
    const at = offset + 2 + 12 * entry;
    if (at + 12 > exif.byteLength) break;
    const tag = exif.getUint16(at, little), type = exif.getUint16(at + 2, little), count = exif.getUint32(at + 4, little);
    const bytes = (SIZES[type] || 0) * count, from = bytes <= 4 ? at + 8 : exif.getUint32(at + 8, little);
    if (!bytes || from + bytes > exif.byteLength) continue;
    if (type === 2) found.set(tag, new TextDecoder().decode(new Uint8Array(exif.buffer, exif.byteOffset + from, count)));
    else found.set(tag, Array.from({ length: Math.min(count, 8) }, (_, index) => number(exif, from + SIZES[type] * index, type, little)));
  }
  return found;
}
function number(exif, at, type, little) {
  if (type === 3) return exif.getUint16(at, little);
  if (type === 4) return exif.getUint32(at, little);
  if (type === 9) return exif.getInt32(at, little);
  if (type === 5) return exif.getUint32(at, little) / exif.getUint32(at + 4, little);
  if (type === 10) return exif.getInt32(at, little) / exif.getInt32(at + 4, little);
  return exif.getUint8(at);
}

const tidy = (text) => (typeof text === "string" ? text.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S}]+/gu, " ").trim() : "");
const within = (value, least, most) => (Number.isFinite(value) && value >= least && value <= most ? value : undefined);
const digits = (value, count) => (value === undefined ? undefined : Number(value.toFixed(count)));

/** "2025:05:01 10:20:30" and "+02:00" as ISO 8601; undefined where it is no time. */
function localTime(text, zone) {
  const parts = (tidy(text).match(/\d{1,4}/g) || []).slice(0, 6).map(Number);
  if (parts.length < 6) return undefined;
  const [year, month, ...rest] = parts, moment = new Date(Date.UTC(year, month - 1, ...rest));
  const same = moment.getUTCFullYear() === year && moment.getUTCMonth() === month - 1 && moment.getUTCDate() === rest[0];
  if (year < 1 || !same || rest[1] > 23 || rest[2] > 59 || rest[3] > 59) return undefined;
  const known = /^([+-])(\d{2}):?(\d{2})$/.exec(tidy(zone).replace("Z", "+00:00"));
  const offset = known && Number(known[2]) < 15 && Number(known[3]) < 60 ? `${known[1]}${known[2]}:${known[3]}` : "";
  return moment.toISOString().slice(0, 19) + offset;
}

/** Degrees of [degrees, minutes, seconds] with their reference. */
function angle(values, reference, negative) {
  if (!Array.isArray(values) || values.length < 3) return undefined;
  const [degrees, minutes, seconds] = values, found = degrees + minutes / 60 + seconds / 3600;
  return tidy(reference).toUpperCase() === negative ? -found : found;
}
function positionOf(gps) {
  const latitude = within(angle(gps.get(GPS.latitude), gps.get(GPS.south), "S"), -90, 90);
  const longitude = within(angle(gps.get(GPS.longitude), gps.get(GPS.west), "W"), -180, 180);
  if (latitude === undefined || longitude === undefined || (latitude === 0 && longitude === 0)) return {};
  return { latitude: digits(latitude, 7), longitude: digits(longitude, 7) };
}

/** How a file's pixels are to be turned, 1 to 8, as corrosion.data.decoding reads it. */
function orientationOf(buffer) {
  try {
    const exif = exifOf(new DataView(buffer)), little = exif && ascii(exif, 0, 2) === "II";
    const [found] = exif ? directory(exif, exif.getUint32(4, little), little).get(TAGS.orientation) || [] : [];
    return found >= 1 && found <= 8 ? found : 1;
  } catch {
    return 1;
  }
}

/** {taken_at, latitude, longitude, altitude, direction, camera} of a file's bytes, what there is. */
function factsOf(buffer) {
  try {
    const exif = exifOf(new DataView(buffer));
    if (!exif) return {};
    const little = ascii(exif, 0, 2) === "II", first = directory(exif, exif.getUint32(4, little), little);
    const inner = (tag) => (first.has(tag) ? directory(exif, first.get(tag)[0], little) : new Map());
    const more = inner(TAGS.exif), gps = inner(TAGS.gps);
    const maker = tidy(first.get(TAGS.make)), model = tidy(first.get(TAGS.model));
    const height = within(gps.get(GPS.altitude)?.[0], 0, 100000), direction = within(gps.get(GPS.direction)?.[0], 0, 360);
    const below = [1, 3].includes(gps.get(GPS.below)?.[0]);
    return {
      taken_at: localTime(more.get(TAGS.taken), more.get(TAGS.takenZone)) || localTime(first.get(TAGS.changed), more.get(TAGS.zone)),
      camera: (model.toLowerCase().startsWith(maker.toLowerCase()) ? model : `${maker} ${model}`).trim().slice(0, 100) || undefined,
      ...positionOf(gps),
      altitude: digits(height === undefined ? undefined : below ? -height : height, 2),
      direction: direction === undefined ? undefined : digits(direction, 2) % 360,
    };
  } catch {
    return {}; // damaged EXIF is no reason to lose the photograph
  }
}
