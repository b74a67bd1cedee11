"""What a live source and its alarms can be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator

from corrosion.settings.base import Settings
from corrosion.settings.types import AnyPath, Text


def _webhook(address: str | None) -> str | None:
    if address is not None and not address.startswith(("http://", "https://")):
        raise ValueError("give an address that begins with https:// or http://.")
    return address


class LiveSettings(Settings):
    """What is looked at live, and when to raise an alarm."""

    camera: Text | None = None
    """Look at this live: the number of a camera (0), rtsp://..., or the file of a video."""
    loop: bool = False
    """Begin the file of a video again at its end."""
    alarms: AnyPath | None = None
    """Folder that gets a row in alarms.csv and snapshots for every alarm."""
    alarm_frames: Annotated[int, Ge(1), Le(10_000)] = 5
    """Frames in a row in which corrosion must be detected for an alarm; so many without end it."""
    webhook: Annotated[str | None, AfterValidator(_webhook)] = None
    """Address that every alarm is sent to as JSON, by POST."""
    max_fps: Annotated[float, Gt(0), Le(1000)] = 30.0
    """Frames a second that are looked at, at the most."""

    def conflicts(self) -> Iterable[str]:
        """What means nothing without a source."""
        if self.camera is None:
            for name, field in type(self).model_fields.items():
                if getattr(self, name) != field.default:
                    yield f"{{{name}}} is of what is looked at live: give {{camera}} too."
            return
        if "://" in self.camera and not self.camera.lower().startswith(("rtsp://", "rtsps://")):
            yield "{camera} takes the number of a camera, rtsp://... or the file of a video."
        if self.loop and (self.camera.isdecimal() or "://" in self.camera):
            yield "{loop} is for the file of a video: leave it out."
