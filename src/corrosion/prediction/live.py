"""Live frames through the network: what it says of the newest one, and alarms."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corrosion.data.image_reader import ImageInput, ImageReader, Item
from corrosion.data.live import LiveFrame, LiveSource
from corrosion.data.resizing import Resize
from corrosion.evaluation.decisions import DETECTED, Rule
from corrosion.prediction.marking import Marked, mark
from corrosion.prediction.outputs import Output

_WINDOW = 5.0  # seconds over which frames are counted
_PATIENCE = 0.5  # seconds to wait for a frame before saying that there is none


@dataclass(frozen=True, eq=False)
class LiveView:
    """What the network says of a frame.

    Attributes:
        frame: the frame.
        preview: (h, w, 3) uint8 RGB, the frame with 640 pixels at the most.
        probability: probability of corrosion, in [0, 1].
        marked: decision, regions, overlay.
        rate: frames a second that the network looks at.
        streak: number of frames in a row in which corrosion is detected, this one included.
        alarm: whether an alarm is on.
        raised: whether it begins with this frame.
    """

    frame: LiveFrame
    preview: NDArray[np.uint8]
    probability: float
    marked: Marked
    rate: float
    streak: int
    alarm: bool
    raised: bool


class Streak:
    """Raises an alarm once corrosion is detected in so many frames in a row, and ends it after as
    many without.

    Args:
        frames: the number, at least 1.

    Example:
        >>> streak = Streak(2)
        >>> [streak.raised(found) for found in (True, True, True, False, True, False, False)]
        [False, True, False, False, False, False, False]
        >>> streak.on
        False
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self.on = False
        self.length = 0
        self._calm = 0

    def raised(self, found: bool) -> bool:
        """Take the next frame; whether an alarm begins with it."""
        self.length = self.length + 1 if found else 0
        self._calm = 0 if found else self._calm + 1
        if self.on and self._calm >= self._frames:
            self.on = False
        begins = not self.on and self.length >= self._frames
        self.on = self.on or begins
        return begins


def watch(
    source: LiveSource,
    look: Callable[[ImageInput], Output],
    rule: Rule,
    resize: Resize,
    *,
    alarm_frames: int,
    max_fps: float,
) -> Iterator[LiveView | None]:
    """Look at the newest frame of a source, again and again.

    Frames that come meanwhile are passed over: what is shown is never older than the network is
    slow. A frame that the network fails for is passed over too.

    Args:
        source: gives frames; entered already.
        look: the network, for one frame.
        rule: how probabilities become decisions.
        resize: how a frame becomes the network's input.
        alarm_frames: number of frames in a row that raise an alarm.
        max_fps: frames a second at the most.

    Yields:
        What it says, in order; None about twice a second while no frame comes. It ends when the
        source does.
    """
    reader = ImageReader(resize, previews=True)
    streak, taken = Streak(alarm_frames), 0
    times: deque[float] = deque()
    while True:
        began = time.monotonic()
        frame = source.newest(taken, _PATIENCE)
        if frame is None:
            if source.ended:
                return
            yield None
            continue
        taken = frame.number
        image = reader.photograph(Item(0, source.name, content=frame.image))
        output = Output(image) if image.square is None else look(image)
        if output.probability is None or image.preview is None:
            continue
        marked = mark(output, rule, resize, drawn=True)
        now = time.monotonic()
        times.append(now)
        while times[0] < now - _WINDOW:
            times.popleft()
        spent = now - times[0]
        raised = streak.raised(marked.decision == DETECTED)
        yield LiveView(
            frame,
            image.preview,
            output.probability,
            marked,
            (len(times) - 1) / spent if spent > 0 else 0.0,
            streak.length,
            streak.on,
            raised,
        )
        time.sleep(max(0.0, began + 1 / max_fps - time.monotonic()))
