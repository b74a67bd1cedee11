"""What is known of one photograph of an inspection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from corrosion.evaluation.decisions import DETECTED
from corrosion.report.inspection.verdict_history import Verdict

Box = tuple[int, int, int, int]
"""(left, top, width, height)."""


@dataclass(frozen=True, slots=True)  # there may be very many
class Finding:
    """What is known of one photograph, or of one frame of a video; None where it is not known.

    Attributes:
        number: its row in the table, from 0.
        path: path of the file, as the table has it.
        frame: number of the frame in the video; None for photographs.
        time: seconds from the video's start; None for photographs.
        probability: probability of corrosion, in [0, 1]; None for what can't be read.
        decision: `DETECTED` or `CLEAN` of `corrosion.evaluation.decisions`; None likewise.
        review: whether an inspector shall look at it.
        why_review: sentences that say why; empty where `review` is False.
        whole_probability: probability of one in tiles, seen as a whole; None of others.
        unlike_training: above 1, it is unlike all that the network was trained on.
        share: rusted share of the surface, in [0, 1].
        share_low: lower end of its interval.
        share_high: upper end of its interval.
        surface: what shares refer to: `WHOLE` or `DRAWN` of `corrosion.report.inspection.surfaces`,
            or the file of a mask.
        grades: grades by the name of their standard, as {"ISO 4628-3": "Ri 3 to Ri 4"}; empty where
            there are none.
        boxes: (left, top, width, height) in pixels of the photograph, the largest first.
        tiles: number of tiles that it was seen in.
        corroded_tiles: number of those that reach their threshold.
        worst_tile: (left, top, width, height) of the tile with the highest probability.
        overlay: file of the photograph with the evidence drawn upon it, below the folder, with "/".
        mask: file of the mask of rust, likewise.
        outline: file of the photograph with its rust outlined, likewise.
        thumbnail: file of a small picture of the photograph, likewise.
        evidence: file of the evidence alone, a transparent layer over the small picture, likewise.
        rust: file of the outline alone, likewise.
        error: what could not be read or drawn, and why.
        asset: what was photographed.
        latitude: degrees, north is positive.
        longitude: degrees, east is positive.
        altitude: metres above sea level.
        direction: degrees clockwise from north.
        taken_at: when it was taken, as ISO 8601.
        camera: name of the camera.
        sha256: digest of the file, in hexadecimal digits.
        width: width of the photograph in pixels, as displayed.
        height: height, likewise.
        gimbal_pitch: inclination of a drone's camera in degrees; -90 is straight down.
        gimbal_yaw: bearing of a drone's camera in degrees.
        note: what is special about the file, as that it is thermal.
        verdict: what an inspector said of it last.
        kind: the likeliest kind of corrosion, where corrosion was detected and the network tells
            kinds.
        kind_probability: its probability given that there is corrosion, in [0, 1].
    """

    number: int
    path: str
    frame: int | None = None
    time: float | None = None
    probability: float | None = None
    decision: str | None = None
    review: bool = False
    why_review: tuple[str, ...] = ()
    whole_probability: float | None = None
    unlike_training: float | None = None
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None
    surface: str | None = None
    grades: Mapping[str, str] = field(default_factory=dict)
    boxes: tuple[Box, ...] = ()
    tiles: int | None = None
    corroded_tiles: int | None = None
    worst_tile: Box | None = None
    overlay: str | None = None
    mask: str | None = None
    outline: str | None = None
    thumbnail: str | None = None
    evidence: str | None = None
    rust: str | None = None
    error: str | None = None
    asset: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    direction: float | None = None
    taken_at: str | None = None
    camera: str | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    gimbal_pitch: float | None = None
    gimbal_yaw: float | None = None
    note: str | None = None
    verdict: Verdict | None = None
    kind: str | None = None
    kind_probability: float | None = None

    @property
    def name(self) -> str:
        """The file's name, with the second of a frame."""
        name = self.path.replace("\\", "/").rsplit("/", 1)[-1]
        return name if self.time is None else f"{name} at {self.time:.1f} s"

    @property
    def detected(self) -> bool:
        """Whether corrosion was detected."""
        return self.decision == DETECTED

    @property
    def located(self) -> bool:
        """Whether its position is known."""
        return self.latitude is not None and self.longitude is not None
