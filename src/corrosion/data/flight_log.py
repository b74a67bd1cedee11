"""Where a drone was at each moment of a video: the subtitles (.SRT) that DJI writes beside it."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path

from corrosion.data.file_kinds import LOG_SUFFIXES
from corrosion.data.images import ImageError, regular_size
from corrosion.data.photograph_facts import (
    PhotographFacts,
    local_time,
    photograph_facts,
)
from corrosion.data.position import finite_number, possible_position

_LARGEST = 256 * 2**20  # bytes of a flight log; an hour of 60 lines a second has about 80 MB
_OVERDUE = 2.0  # seconds for which a line holds when no other follows

_TIMES = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})[,.](\d{1,3})\s{0,9}-->")
_MOMENT = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}\s{1,9}\d{1,2}:\d{2}:\d{2}")
# [latitude: 47.1] [longitude: 8.2] [rel_alt: 1.3 abs_alt: 132.8] [gb_yaw: 1.0 gb_pitch: -90.0 ...]
_NAMED = re.compile(
    r"\b(latitude|longt?itude|abs_alt|altitude|gb_yaw|gb_pitch)\s{0,9}:\s{0,9}"
    r"([+-]?\d{1,9}(?:\.\d{1,12})?)"
)
# GPS(8.2,47.1,16) or GPS (8.2, 47.1, 16): the third number is a count of satellites in some models
_GPS = re.compile(
    r"\bGPS\s{0,9}\(\s{0,9}([+-]?\d{1,9}(?:\.\d{1,12})?)\s{0,9},"
    r"\s{0,9}([+-]?\d{1,9}(?:\.\d{1,12})?)"
)


@dataclass(frozen=True)
class FlightLog:
    """The lines of a flight log.

    Attributes:
        starts: seconds from the video's start at which each line begins to hold, ascending.
        facts: what each of them says.
    """

    starts: tuple[float, ...] = ()
    facts: tuple[PhotographFacts, ...] = ()

    def at(self, time: float) -> PhotographFacts:
        """What holds at a time; nothing before the first line and long after the last.

        Args:
            time: seconds from the video's start.
        """
        place = bisect_right(self.starts, time + 1e-3) - 1  # times of both are rounded
        late = place == len(self.starts) - 1 and place >= 0 and time > self.starts[-1] + _OVERDUE
        return PhotographFacts() if place < 0 or late else self.facts[place]


def parse_flight_log(text: str) -> FlightLog:
    """The lines of a DJI subtitle file, in either of its layouts; what is none is passed over.

    Newer drones name their values in brackets, older ones write GPS(longitude, latitude, ...).
    Altitudes above the place of take-off are left out: the column is above sea level.

    Args:
        text: content of the file.

    Example:
        >>> log = parse_flight_log(
        ...     "1\\n00:00:00,000 --> 00:00:01,000\\n2025-05-01 10:20:30.123\\n"
        ...     "[latitude: 47.5] [longitude: 8.25] [rel_alt: 1.3 abs_alt: 432.8]\\n"
        ... )
        >>> log.at(0.5).latitude, log.at(0.5).altitude, log.at(0.5).taken_at
        (47.5, 432.8, '2025-05-01T10:20:30')
    """
    found = {}
    marks = list(_TIMES.finditer(text))
    for mark, following in zip(marks, [*marks[1:], None], strict=False):
        body = text[mark.end() : len(text) if following is None else following.start()]
        hours, minutes, seconds = (int(one) for one in mark.groups()[:3])
        start = hours * 3600 + minutes * 60 + seconds + int(mark[4].ljust(3, "0")) / 1000
        found[start] = _facts(body)
    starts = sorted(found)
    return FlightLog(tuple(starts), tuple(found[start] for start in starts))


def _facts(body: str) -> PhotographFacts:
    named = dict(_NAMED.findall(body))
    longitude = named.get("longitude", named.get("longtitude"))
    place = possible_position(named.get("latitude"), longitude)
    gps = _GPS.search(body)
    if place is None and gps is not None:
        place = possible_position(gps[2], gps[1])
    moment = _MOMENT.search(body)
    altitude = finite_number(named.get("abs_alt", named.get("altitude")), -12_000, 100_000)
    return PhotographFacts(
        taken_at=None if moment is None else local_time(moment[0]),
        latitude=None if place is None else place.latitude,
        longitude=None if place is None else place.longitude,
        altitude=altitude,
        gimbal_pitch=finite_number(named.get("gb_pitch"), -180, 180),
        gimbal_yaw=finite_number(named.get("gb_yaw"), -180, 360),
    )


@dataclass(frozen=True)
class FactsReader:
    """Reads what photographs and videos know.

    Attributes:
        location: whether their places are kept.
    """

    location: bool = True

    def of_photograph(self, content: bytes) -> PhotographFacts:
        """What the bytes of an image file say (`photograph_facts`)."""
        return self._told(photograph_facts(content))

    def of_video(self, path: str | Path) -> VideoFacts:
        """What a video and the flight log beside it say; nothing of a file that can't be read."""
        path = Path(path)
        try:
            regular_size(path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ImageError):
            return VideoFacts(FlightLog(), None)
        log = read_flight_log(path)
        told = tuple(self._told(facts) for facts in log.facts)
        return VideoFacts(FlightLog(log.starts, told), digest)

    def _told(self, facts: PhotographFacts) -> PhotographFacts:
        return facts if self.location else facts.without_location()


@dataclass(frozen=True)
class VideoFacts:
    """What is known of a video.

    Attributes:
        log: where its drone was.
        sha256: hexadecimal digest of its file; None if it can't be read.
    """

    log: FlightLog
    sha256: str | None

    def at(self, time: float | None) -> PhotographFacts:
        """What is known of the frame at a time, in seconds; None for no frame."""
        facts = PhotographFacts() if time is None else self.log.at(time)
        return replace(facts, sha256=self.sha256)


def read_flight_log(video: Path) -> FlightLog:
    """The flight log beside a video, called as it is but for .SRT; an empty one without."""
    for suffix in LOG_SUFFIXES:
        path = video.with_suffix(suffix)
        try:
            if regular_size(path) <= _LARGEST:
                return parse_flight_log(path.read_bytes().decode("utf-8", "replace"))
        except (OSError, ImageError):
            continue
    return FlightLog()
