"""What is chosen on the validation set, and what it does on the test set."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from corrosion.evaluation.calibration import Temperature, fit_temperature, logit
from corrosion.evaluation.intervals import Estimate, proportions
from corrosion.evaluation.metrics import Floats, all_metrics, confusion, decision_metrics
from corrosion.evaluation.predictions import folds_of, groups_of
from corrosion.evaluation.selective import Band, BandResult, apply_band, choose_band
from corrosion.evaluation.thresholds import Threshold, candidates

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ThresholdResult:
    """What a threshold does.

    Attributes:
        threshold: chosen on validation.
        validation: metrics there, as `decision_metrics` names them.
        test: accuracy, precision, recall and specificity on the test set.
    """

    threshold: Threshold
    validation: dict[str, float]
    test: dict[str, Estimate]


@dataclass(frozen=True)
class Choices:
    """What was chosen on the validation set, and what it does on the test set.

    Attributes:
        validation: predictions it was chosen on, as `read_predictions` gives them.
        temperature: fitted there.
        log_loss: log loss on the test set, before and after the temperature.
        ece: expected calibration error on the test set, before and after.
        thresholds: the one in use first. They are for the column `probability` of the tables.
        band: band of abstention for the same column.
        band_on_test: its coverage and risk.
    """

    validation: pd.DataFrame
    temperature: Temperature
    log_loss: tuple[float, float]
    ece: tuple[float, float]
    thresholds: tuple[ThresholdResult, ...]
    band: Band
    band_on_test: BandResult

    @property
    def not_promised(self) -> tuple[str, ...]:
        """What was to be promised and can't be, and what can: a sentence each."""
        notes = [self.band.note, *(one.threshold.note for one in self.thresholds)]
        return tuple(note for note in notes if note is not None)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as JSON holds them."""
        return {
            "validation_images": len(self.validation),
            "temperature": {
                **asdict(self.temperature),
                "test": {"log_loss": self.log_loss, "ece": self.ece},
            },
            "thresholds": [
                {
                    **asdict(result.threshold),
                    "validation": result.validation,
                    "test": {name: asdict(estimate) for name, estimate in result.test.items()},
                }
                for result in self.thresholds
            ],
            "band": {**asdict(self.band), "test": asdict(self.band_on_test)},
        }


def choose(
    validation: pd.DataFrame,
    test: pd.DataFrame,
    *,
    threshold: float,
    min_recall: float,
    costs: tuple[float, float] | None,
    max_risk: float,
    level: float,
    confidence: float | None = None,
    prevalence: float | None = None,
    temperature: Temperature | None = None,
) -> Choices:
    """Choose temperature, thresholds and band on validation, and try them on the test set.

    Args:
        validation: table of `read_predictions`. A column `logit` holds what the network gave
            before any temperature, which `probability` may include; without it `probability` does
            not include one. A column `test_fold` tells folds, each of which is to keep `max_risk`
            by itself where no confidence is asked for.
        test: table of the test images, likewise.
        threshold: threshold in use, in (0, 1).
        min_recall: recall of one of the thresholds, in (0, 1].
        costs: costs of a missed corrosion and of a false alarm; None leaves that threshold out.
        max_risk: share of errors among the decisions that no inspector sees.
        level: confidence level of the intervals on the test set, in (0, 1).
        confidence: confidence of `min_recall` and `max_risk`, in (0, 1); None for what they are on
            validation. Images of one group (column `group`) count as one image's worth.
        prevalence: share of corroded images that `costs` are for; None for that of validation.
        temperature: temperature fitted on `validation` before; None fits it now.

    Raises:
        CorrosionError: a value out of its range, or validation images of one class only.

    Example:
        >>> label, probability = [0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.8, 0.9]
        >>> table = pd.DataFrame({"label": label, "probability": probability})
        >>> chosen = choose(
        ...     table, table, threshold=0.5, min_recall=0.98, costs=None, max_risk=0.1, level=0.95
        ... )
        >>> [(one.threshold.rule, round(one.threshold.value, 2)) for one in chosen.thresholds]
        [('in use', 0.5), ('best F1', 0.25), ('recall at least 0.98 on validation', 0.25)]
    """
    label, probability = validation["label"], validation["probability"]
    if temperature is None:
        temperature = fit_temperature(label, _logits(validation))
    if temperature.none_best:
        log.warning(
            "no best temperature: %s on the %d validation images; probabilities stay as they are",
            temperature.none_best,
            temperature.images,
        )
    thresholds = [
        Threshold("in use", threshold),
        *candidates(
            label,
            probability,
            min_recall=min_recall,
            costs=costs,
            confidence=confidence,
            prevalence=prevalence,
            group=groups_of(validation),
        ),
    ]
    keep = partial(choose_band, threshold=threshold, max_risk=max_risk)
    fold = folds_of(validation)
    if fold is None or confidence is not None:
        band = keep(label, probability, confidence=confidence, group=groups_of(validation))
    else:
        band = _kept_by_every_fold(keep, label, probability, fold)
    before, after = (
        all_metrics(test["label"], scores)
        for scores in (expit(_logits(test)), temperature.apply(_logits(test)))
    )
    chosen = Choices(
        validation=validation,
        temperature=temperature,
        log_loss=(before["log_loss"], after["log_loss"]),
        ece=(before["ece"], after["ece"]),
        thresholds=tuple(_try(one, validation, test, level=level) for one in thresholds),
        band=band,
        band_on_test=apply_band(
            band, test["label"], test["probability"], group=groups_of(test), level=level
        ),
    )
    for note in chosen.not_promised:
        log.warning("%s", note)
    return chosen


def _kept_by_every_fold(
    keep: Callable[..., Band], label: pd.Series, probability: pd.Series, fold: NDArray[Any]
) -> Band:
    """The widest of the bands that folds, each judged by a network of its own, ask for.

    They differ among each other, if less than from photographs of another source: a risk that the
    worst of them keeps is likelier to be kept there than one that is kept on average. The worst
    group counts in Sagawa et al., "Distributionally robust neural networks", ICLR 2020, too.
    """
    bands = [keep(label[fold == one], probability[fold == one]) for one in np.unique(fold)]
    return replace(max(bands, key=lambda band: band.high - band.low), every_fold=True)


def _logits(predictions: pd.DataFrame) -> Floats:
    if "logit" in predictions:
        return predictions["logit"].to_numpy(np.float64)
    return logit(predictions["probability"])


def _try(
    threshold: Threshold, validation: pd.DataFrame, test: pd.DataFrame, *, level: float
) -> ThresholdResult:
    counts = confusion(validation["label"], validation["probability"], threshold=threshold.value)
    return ThresholdResult(
        threshold,
        validation={
            name: float(value) for name, value in decision_metrics(**counts._asdict()).items()
        },
        test=proportions(
            test["label"],
            test["probability"],
            threshold=threshold.value,
            group=groups_of(test),
            level=level,
        ),
    )
