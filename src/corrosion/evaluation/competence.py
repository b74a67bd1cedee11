"""What a training has seen its network do, and what must be said of one that can't be relied on.

A checkpoint keeps it as plain values (`Competence.plain`), so that whoever predicts with the file
alone hears of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import pandas as pd

from corrosion.evaluation.estimates import estimate_table
from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.kind_competence import kinds_caution
from corrosion.evaluation.metric_table import few_images

if TYPE_CHECKING:
    from corrosion.models.classifier import CorrosionClassifier

_CHANCE = 0.5


@dataclass(frozen=True)
class Competence:
    """How well a network tells corroded photographs, and what it was taught with.

    Attributes:
        auroc: area under the ROC curve; NaN where it is unknown.
        low: lower end of its interval; NaN where there is none.
        high: upper end, likewise.
        level: confidence level of the interval, in (0, 1).
        images: number of photographs it was measured on.
        subset: "test", or "validation" where the test photographs give no interval.
        generated: whether all training pictures were generated ones, of the sample.
    """

    auroc: float
    low: float
    high: float
    level: float
    images: int
    subset: str
    generated: bool = False

    @classmethod
    def measured(
        cls,
        area: Estimate,
        test: pd.DataFrame,
        validation: pd.DataFrame | None,
        *,
        level: float,
        count: int,
        seed: int,
    ) -> Competence:
        """What predictions say.

        Args:
            area: area under the ROC curve on `test`.
            test: table of the test images, as `read_predictions` gives it.
            validation: that of validation, of both classes, which is looked at where `area` has no
                interval; None without any.
            level: confidence level of the intervals, in (0, 1).
            count: number of resamples.
            seed: seed of the resamples.
        """
        table, subset = test, "test"
        if math.isnan(area.low) and validation is not None:
            table, subset = validation, "validation"
            area = estimate_table(table, level=level, count=count, seed=seed)["auroc"]
        return cls(area.value, area.low, area.high, level, len(table), subset)

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Competence:
        """From the values of `plain`; what a later version has added is left out."""
        return cls(
            **{field.name: plain[field.name] for field in fields(cls) if field.name in plain}
        )

    def plain(self) -> dict[str, Any]:
        """Plain values, as a checkpoint holds them."""
        return asdict(self)

    @property
    def cautions(self) -> dict[str, str]:
        """What must be said beside every decision of the network, by a word; empty if nothing.

        Example:
            >>> print(Competence(0.52, 0.41, 0.63, 0.95, 60, "test").cautions["chance"])
            The network can't be told from guessing: ROC-AUC 0.520 (95% interval 0.410 to 0.630, \
chance is 0.5) on 60 test photographs. Its decisions say nothing of such photographs: train \
longer, from pretrained weights, or on more.
            >>> Competence(0.9, 0.8, 0.95, 0.95, 60, "test").cautions
            {}
            >>> list(Competence(0.85, 0.45, 0.97, 0.95, 12, "test").cautions)
            ['few']
        """
        found = {}
        measured = (
            f"ROC-AUC {self.auroc:.3f} ({self.level:.0%} interval {self.low:.3f} to "
            f"{self.high:.3f}, chance is {_CHANCE}) on {self.images} {self.subset} photographs"
        )
        if self.low <= _CHANCE < self.auroc and few_images(self.images):
            found["few"] = (
                f"There are too few photographs to tell the network from guessing: {measured}. "
                f"Label more before you rely on its decisions."
            )
        elif self.low <= _CHANCE:  # NaN is not
            found["chance"] = (
                f"The network can't be told from guessing: {measured}. Its decisions say "
                f"nothing of such photographs: train longer, from pretrained weights, or on more."
            )
        if self.generated:
            found["sample"] = (
                "The network was trained on generated pictures, not on photographs: its figures "
                "and decisions say nothing of real metal. Train on photographs of yours "
                "(--data PHOTOS)."
            )
        return found


def cautions(network: CorrosionClassifier) -> dict[str, str]:
    """What must be said beside every decision of a checkpoint's network, by a word.

    Args:
        network: as `corrosion.load_model` gives it.

    Returns:
        Sentences; none for a checkpoint of a finished training whose network has learnt something.
        Of what a checkpoint of an earlier version does not know none but that kinds are a guess.

    Example:
        >>> from types import SimpleNamespace
        >>> network = SimpleNamespace(
        ...     band=None, threshold=0.5, competence=None, kind_head=None
        ... )
        >>> list(cautions(network))
        ['no band']
    """
    found = {}
    if network.band is None:
        found["no band"] = (
            f"The checkpoint has no thresholds and no band for an inspector: {network.threshold:g} "
            f"decides every photograph, and none goes to an inspector for being uncertain. A "
            f"training chooses them at its end, on validation images of both classes: go on with "
            f"an interrupted one by python train.py resume=RUN, and use its checkpoints/best.ckpt."
        )
    if network.competence is not None:
        found |= Competence.read(network.competence).cautions
    if network.kind_head is not None and (told := kinds_caution(network.kind_head.competence)):
        found["kinds"] = told
    return found
