"""Where a photograph was taken, as its camera has written it down."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from corrosion.data.images import FORMATS
from corrosion.system.names import on_disk

log = logging.getLogger(__name__)

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
        The position; None where the file tells none that can be (`possible_position`).
    """
    try:
        with Image.open(on_disk(path), formats=FORMATS) as image:
            return gps_position(image.getexif().get_ifd(ExifTags.IFD.GPSInfo))
    except Exception:
        # as with the orientation: garbage in EXIF data makes PIL raise nearly anything
        log.debug("%s tells no position", path, exc_info=True)
        return None


def gps_position(gps: Mapping[int, Any]) -> Position | None:
    """The position that EXIF's directory of GPS tells, by its tags; None where it tells none."""
    tags = ExifTags.GPS
    return possible_position(
        _degrees(gps.get(tags.GPSLatitude), gps.get(tags.GPSLatitudeRef), negative="S"),
        _degrees(gps.get(tags.GPSLongitude), gps.get(tags.GPSLongitudeRef), negative="W"),
    )


def possible_position(latitude: object, longitude: object) -> Position | None:
    """A position of two numbers, or texts of numbers.

    Returns:
        The position; None where they are no numbers or out of range, as a latitude of 91 degrees,
        and for the 0, 0 that cameras write before they have found satellites.

    Example:
        >>> possible_position(47.5, "8.25"), possible_position(0.0, 0.0), possible_position(91, 0)
        (Position(latitude=47.5, longitude=8.25), None, None)
    """
    north, east = finite_number(latitude, -90, 90), finite_number(longitude, -180, 180)
    if north is None or east is None or not (north or east):
        return None
    return Position(north, east)


def finite_number(value: object, low: float, high: float) -> float | None:
    """A finite number within a range; None for everything else.

    Example:
        >>> finite_number("-3.5", -10, 10), finite_number("nan", -10, 10)
        (-3.5, None)
    """
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return found if math.isfinite(found) and low <= found <= high else None


def _degrees(parts: Any, reference: object, *, negative: str) -> float | None:
    """Degrees, minutes and seconds as one number; negative in the south and the west."""
    if not isinstance(parts, (tuple, list)) or len(parts) != 3:
        return None
    numbers = [finite_number(part, 0, 360) for part in parts]
    if None in numbers:
        return None
    value = sum(one / 60**power for power, one in enumerate(numbers) if one is not None)
    if isinstance(reference, bytes):
        reference = reference.decode("ascii", "replace")
    return -value if str(reference).strip("\0 ").upper() == negative else value
