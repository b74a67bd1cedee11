"""What a photograph knows beside its pixels: where, when and by which camera it was taken."""

from __future__ import annotations

import hashlib
import io
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from PIL import ExifTags, Image

from corrosion.data.images import FORMATS
from corrosion.data.position import finite_number, gps_position, possible_position

log = logging.getLogger(__name__)

_LONGEST_NAME = 100  # characters of a camera's name
_LONGEST_XMP = 1_000_000  # bytes in which attributes are looked for

# attributes of DJI's namespace, written as an attribute or as an element
_DJI = re.compile(
    rb"drone-dji:(GimbalPitchDegree|GimbalYawDegree|GpsLatitude|GpsLongitude|GpsLongtitude"
    rb"|AbsoluteAltitude)\s{0,9}(?:=\s{0,9}[\"']|>)\s{0,9}([+-]?\d{1,9}(?:\.\d{1,12})?)"
)
_OFFSET = re.compile(r"([+-]\d{2}):?(\d{2})")
_FLIR = "thermal photograph (FLIR): its colours are judged, not its temperatures"
_DJI_THERMAL = "thermal photograph (DJI): its colours are judged, not its temperatures"


@dataclass(frozen=True)
class PhotographFacts:
    """What is known of a photograph or frame; None where the file does not say. Columns of tables.

    Attributes:
        taken_at: local time as ISO 8601, with its offset from UTC where the file has one.
        latitude: degrees north (WGS 84), in [-90, 90].
        longitude: degrees east, in [-180, 180].
        altitude: metres above sea level.
        direction: where the camera looked, in degrees clockwise from north, in [0, 360).
        gimbal_pitch: inclination of a drone's camera in degrees, 0 is level, -90 straight down.
        gimbal_yaw: bearing of a drone's camera in degrees from north, in [-180, 360).
        camera: maker and model.
        note: what is special about the file, as that it is thermal.
        sha256: hexadecimal digest of the file's bytes (of a frame: of its video's).
    """

    taken_at: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    direction: float | None = None
    gimbal_pitch: float | None = None
    gimbal_yaw: float | None = None
    camera: str | None = None
    note: str | None = None
    sha256: str | None = None

    def without_location(self) -> PhotographFacts:
        """The same without where the camera was and where it looked."""
        return replace(self, **dict.fromkeys(LOCATION))


LOCATION = ("latitude", "longitude", "altitude", "direction", "gimbal_pitch", "gimbal_yaw")
"""The facts that tell a place."""


def photograph_facts(content: bytes) -> PhotographFacts:
    """What the bytes of an image file say, from its header alone: nothing is decoded.

    EXIF comes first; where it has no position, that of DJI's XMP is taken. What is missing, damaged
    or impossible is None, whatever else is wrong with the file.

    Args:
        content: the file's bytes, of any kind.

    Example:
        >>> photograph_facts(b"no image").sha256[:8]
        '453361fd'
    """
    facts = PhotographFacts(sha256=hashlib.sha256(content).hexdigest())
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return replace(facts, **_header(image))
    except Exception:  # damaged headers make PIL raise nearly anything
        log.debug("facts of a photograph can't be read", exc_info=True)
        return facts


def local_time(text: object, offset: object = None) -> str | None:
    """A time of EXIF as ISO 8601; None where it is none.

    Args:
        text: as "2025:05:01 10:20:30"; other characters may stand between the numbers.
        offset: as "+02:00", or anything else for none.

    Example:
        >>> local_time("2025:05:01 10:20:30", "+02:00"), local_time("0000:00:00 00:00:00")
        ('2025-05-01T10:20:30+02:00', None)
    """
    parts = re.findall(r"\d{1,4}", _text(text))[:6]
    try:
        moment = datetime(*map(int, parts))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    if len(parts) < 6:
        return None
    known = _OFFSET.fullmatch(_text(offset).replace("Z", "+00:00"))
    zone = f"{known[1]}:{known[2]}" if known and int(known[1][1:]) < 15 and known[2] < "60" else ""
    return moment.isoformat() + zone


def _header(image: Image.Image) -> dict[str, Any]:
    found: dict[str, Any] = {}
    # PNG would be decoded to see whether EXIF comes behind its pixels
    exif = {} if image.format == "PNG" and "exif" not in image.info else image.getexif()
    for part in (_time_and_camera, partial(_place, dji=_dji(image))):
        try:
            found |= part(exif)
        except Exception:  # one damaged part leaves the others
            log.debug("a part of EXIF can't be read", exc_info=True)
    note = _thermal(image, found.get("camera"))
    return found if note is None else found | {"note": note}


def _time_and_camera(exif: Any) -> dict[str, Any]:
    if not exif:
        return {}
    tags = ExifTags.Base
    maker, model = _text(exif.get(tags.Make)), _text(exif.get(tags.Model))
    camera = model if model.lower().startswith(maker.lower()) else f"{maker} {model}"
    found: dict[str, Any] = {"camera": camera.strip()[:_LONGEST_NAME] or None}
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    found["taken_at"] = local_time(
        inner.get(tags.DateTimeOriginal), inner.get(tags.OffsetTimeOriginal)
    ) or local_time(exif.get(tags.DateTime), inner.get(tags.OffsetTime))
    return found


def _place(exif: Any, *, dji: Mapping[str, str]) -> dict[str, Any]:
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo) if exif else {}
    tags = ExifTags.GPS
    place = gps_position(gps)
    if place is None:
        longitude = dji.get("GpsLongitude", dji.get("GpsLongtitude"))  # so misspelt by some
        place = possible_position(dji.get("GpsLatitude"), longitude)
    altitude = finite_number(gps.get(tags.GPSAltitude), 0, 100_000)
    if altitude is not None and gps.get(tags.GPSAltitudeRef) in (1, b"\1", 3, b"\3"):
        altitude = -altitude
    if altitude is None:
        altitude = finite_number(dji.get("AbsoluteAltitude"), -12_000, 100_000)
    direction = finite_number(gps.get(tags.GPSImgDirection), 0, 360)
    pitch = finite_number(dji.get("GimbalPitchDegree"), -180, 180)
    yaw = finite_number(dji.get("GimbalYawDegree"), -180, 360)
    return {
        "latitude": None if place is None else round(place.latitude, 7),
        "longitude": None if place is None else round(place.longitude, 7),
        "altitude": None if altitude is None else round(altitude, 2),
        "direction": None if direction is None else round(direction, 2) % 360,
        "gimbal_pitch": pitch,
        "gimbal_yaw": yaw,
    }


def _dji(image: Image.Image) -> dict[str, str]:
    """Attributes that DJI's drones write into XMP, by their names."""
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if isinstance(packet, str):
        packet = packet.encode("utf-8", "replace")
    if not isinstance(packet, bytes):
        return {}
    found = _DJI.findall(packet[:_LONGEST_XMP])
    return {name.decode("ascii"): value.decode("ascii") for name, value in found}


def _thermal(image: Image.Image, camera: str | None) -> str | None:
    """What is to be said of a radiometric JPEG, which holds temperatures beside its picture."""
    segments = getattr(image, "applist", ())
    if any(name == "APP1" and data[:5] == b"FLIR\0" for name, data in segments):
        return _FLIR
    maker = (camera or "").lower()
    # where DJI's thermal cameras keep their raw temperatures
    if maker.startswith("dji") and any(name == "APP3" for name, _ in segments):
        return _DJI_THERMAL
    return None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    printable = "".join(one if one.isprintable() else " " for one in value)
    return " ".join(printable.split())
