"""Where a photograph was taken, as its camera has written it down."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from corrosion.data.images import FORMATS
from corrosion.system.names import on_disk

log = logging.getLogger(__name__)

_GPS = 0x8825  # tag of EXIF: the directory with the position
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4
_EARTH_RADIUS = 6_371_008.8  # metres, the mean of the ellipsoid's half axes


@dataclass(frozen=True)
class Position:
    """A place on the earth.

    Attributes:
        latitude: degrees, in [-90, 90], north is positive.
        longitude: degrees, in [-180, 180], east is positive.
    """

    latitude: float
    longitude: float

    def distance(self, other: Position) -> float:
        """Compute the distance to another place along a sphere, in metres, by the haversine.

        Example:
            >>> round(Position(0, 0).distance(Position(0, 0.001)), 1)
            111.2
        """
        here, there = math.radians(self.latitude), math.radians(other.latitude)
        across = math.radians(other.longitude - self.longitude)
        square = (
            math.sin((there - here) / 2) ** 2
            + math.cos(here) * math.cos(there) * math.sin(across / 2) ** 2
        )
        return 2 * _EARTH_RADIUS * math.asin(math.sqrt(min(1.0, square)))


def photograph_position(path: str | Path) -> Position | None:
    """Read the position of a photograph from its EXIF data.

    Args:
        path: path of an image file of any kind.

    Returns:
        The position; None where the file tells none, or none that can be, as a latitude of 91
        degrees or the 0, 0 that cameras write before they have found satellites.
    """
    try:
        with Image.open(on_disk(path), formats=FORMATS) as image:
            tags = image.getexif().get_ifd(_GPS)
        latitude = _degrees(tags[_LATITUDE], tags[_LATITUDE_REF], negative="S")
        longitude = _degrees(tags[_LONGITUDE], tags[_LONGITUDE_REF], negative="W")
    except Exception:
        # as with the orientation: garbage in EXIF data makes PIL raise nearly anything
        log.debug("%s tells no position", path, exc_info=True)
        return None
    possible = abs(latitude) <= 90 and abs(longitude) <= 180  # and so neither is NaN
    return Position(latitude, longitude) if possible and (latitude or longitude) else None


def _degrees(parts: Any, reference: Any, *, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if str(reference).strip("\0 ").upper() == negative else value
