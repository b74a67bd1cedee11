"""The photographs of which a classifier knows the labels, read without torch."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from corrosion.data.places import is_there
from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory

log = logging.getLogger(__name__)

Photographs = tuple[tuple[Path, int], ...]
"""Paths and labels, 1 for corroded."""


@dataclass(frozen=True)
class Labelled:
    """The photographs of a run that are there still.

    Attributes:
        training: those that its classifier has learnt from.
        validation: those that it was chosen by.
    """

    training: Photographs = ()
    validation: Photographs = ()

    @classmethod
    def of(cls, checkpoint: Path) -> Labelled:
        """Those of the run in which a checkpoint lies; none where it lies in none."""
        run = RunDirectory.holding(checkpoint)
        split = None if run is None else run.read_split()
        if split is None:
            return cls()
        parts = {}
        for part, name in (("train", "training"), ("val", "validation")):
            rows = split[split["split"] == part]
            pairs = zip(rows["path"], map(int, rows["label"]), strict=True)
            there = tuple((Path(path), label) for path, label in pairs if is_there(path))
            if len(there) < len(rows):
                log.warning(
                    "%d of %d %s photographs are gone", len(rows) - len(there), len(rows), name
                )
            parts[name] = there
        return cls(**parts)

    @classmethod
    def to_learn_from(cls, checkpoint: Path) -> Labelled:
        """The same, if masks can be learnt from them alone.

        Raises:
            CorrosionError: the checkpoint lies in no run, or none of the training photographs that
                are left is corroded.
        """
        found = cls.of(checkpoint)
        if not any(label for _, label in found.training):
            raise CorrosionError(
                f"{checkpoint}: there is nothing to learn from without masks: it takes the run's "
                f"split.csv and the corroded photographs that it names. Give the run's own folder "
                f"where its photographs are, or a FOLDER with masks."
            )
        return found
