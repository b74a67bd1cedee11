"""What all commands that run a network over files can be told."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import AfterValidator

from corrosion.settings.base import Settings
from corrosion.settings.ranges import meant_share
from corrosion.settings.types import BatchSize, ShareBelowOne

_DEVICES = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def _device(name: str) -> str:
    if not _DEVICES.fullmatch(name):
        raise ValueError("give auto, cpu, cuda, cuda:1 or mps.")
    return name


def _threshold(threshold: float | str | None) -> float | str | None:
    if isinstance(threshold, str):
        word = threshold.strip("+- ").lower()
        fits = word and word not in ("nan", "inf") and not meant_share(threshold)
    else:
        fits = threshold is None or 0 < threshold < 1
    if not fits:
        raise ValueError(
            f"give a probability between 0 and 1, or the name of a threshold as recall or F1."
            f"{meant_share(threshold)}"
        )
    return threshold


Device = Annotated[str, AfterValidator(_device)]
"""Where a network runs: auto, cpu, cuda, cuda:1, mps."""

Threshold = Annotated[float | str | None, AfterValidator(_threshold)]
"""Probability from which an image counts as corroded, in (0, 1), or words of the name of a
threshold that was chosen on validation; None for the network's own."""


Backend = Literal["auto", "torch", "onnxruntime", "openvino", "opencv"]
"""What runs a network; auto is the fastest that is installed and can do what is asked for."""


class InferenceSettings(Settings):
    """Where a network runs, and on how many images at once."""

    device: Device = "auto"
    """Where the network runs: auto (a GPU if there is one), cpu, cuda, cuda:1 or mps."""
    batch_size: BatchSize = 32
    """Images at once through the network."""
    num_workers: Annotated[int, Ge(1), Le(512)] | None = None
    """Threads that decode images; by default one a processor."""


class AverageSettings(InferenceSettings):
    """How several runs become one network."""

    max_risk: ShareBelowOne | None = None
    """Largest share of errors among the decisions that no inspector sees, which each fold keeps on
    the photographs that its network has not seen. By default 0.03 for folds, and for seeds and
    where the runs were asked for another than 0.01, or for a confidence, what these were."""
