"""Everything that a finished run's predictions say."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from corrosion.errors import CorrosionError
from corrosion.evaluation.calibration import Temperature, reliability
from corrosion.evaluation.choices import Choices, ThresholdResult, choose
from corrosion.evaluation.competence import Competence
from corrosion.evaluation.estimates import estimate_table
from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.metric_table import agreement
from corrosion.evaluation.metrics import Confusion, confusion
from corrosion.evaluation.named_thresholds import find_threshold
from corrosion.evaluation.predictions import groups_of, read_predictions
from corrosion.evaluation.prevalence import AtPrevalence, at_prevalence, check_prevalence
from corrosion.evaluation.selective import area_under_risk_coverage, risk_coverage
from corrosion.evaluation.subgroups import Subgroup, by_column
from corrosion.evaluation.thresholds import MIN_RECALL, Threshold, candidates
from corrosion.evaluation.unlike_training import UnlikeTraining, unlike_training
from corrosion.runs import RunDirectory
from corrosion.settings.evaluation import ChoiceSettings, EvaluationSettings
from corrosion.system.files import RESTORE

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """Everything that a run's predictions say.

    Attributes:
        settings: settings it was made with.
        threshold: probability from which an image counts as corroded.
        predictions: table of the test images, as `read_predictions` gives it.
        confusion: counts at the threshold.
        metrics: an estimate for each of `EVALUATED`.
        subgroups: parts of the test set, by column, then by value.
        competence: whether the network ranks better than chance.
        choices: made on validation; None without predictions for both classes of it.
        unlike: photographs unlike those of the training; None where the predictions don't tell.
        at_prevalence: what each threshold does where the share of corroded photographs is that of
            the settings, the one in use first; empty where they give none.
    """

    settings: EvaluationSettings
    threshold: float
    predictions: pd.DataFrame
    confusion: Confusion
    metrics: dict[str, Estimate]
    subgroups: dict[str, dict[str, Subgroup]]
    competence: Competence
    choices: Choices | None
    unlike: UnlikeTraining | None = None
    at_prevalence: tuple[AtPrevalence, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as JSON holds them."""
        label, probability = self.predictions["label"], self.predictions["probability"]
        curve = risk_coverage(label, probability, threshold=self.threshold)
        calibration = reliability(label, probability, level=self.settings.level)
        return {
            "settings": self.settings.plain(),
            "threshold": self.threshold,
            "images": {
                "corrosion": int(label.sum()),
                "no_corrosion": int((1 - label).sum()),
                "groups": len(set(self.predictions.get("group", self.predictions["path"]))),
            },
            "confusion": self.confusion._asdict(),
            "metrics": {name: asdict(estimate) for name, estimate in self.metrics.items()},
            "agreement": agreement(self.metrics["kappa"].value),
            "subgroups": {
                column: {value: asdict(part) for value, part in parts.items()}
                for column, parts in self.subgroups.items()
            },
            "reliability": calibration.to_dict("records"),
            "area_under_risk_coverage": area_under_risk_coverage(curve),
            "choices": self.choices and self.choices.as_dict(),
            "unlike_training": self.unlike and asdict(self.unlike),
            "at_prevalence": [asdict(one) for one in self.at_prevalence],
        }


def evaluate_run(path: str | Path, settings: EvaluationSettings | None = None) -> Evaluation:
    """Recompute everything from a run's predictions.

    Its split adds sources and groups; the predictions for its validation images are what
    thresholds, temperature and the band of abstention are chosen on.

    Args:
        path: directory of a finished run, or one of its checkpoints.
        settings: how to evaluate; the defaults if None.

    Raises:
        CorrosionError: a file is missing or bad, a setting is out of its range, or a threshold is
            asked for that can't be chosen without predictions for validation.
    """
    run, settings = RunDirectory.of(path), settings or EvaluationSettings()
    run.check_finished()
    test, validation = read_predictions(run, "test"), _read_validation(run, settings)
    settings = as_trained(settings, run, validation)
    threshold = _threshold(settings, run, validation)
    return evaluate_predictions(test, validation, threshold=threshold, settings=settings)


def as_trained(
    settings: EvaluationSettings, run: RunDirectory, validation: pd.DataFrame | None
) -> EvaluationSettings:
    """Settings with what a run's training asked of its thresholds, where nothing else is asked.

    Args:
        settings: how to evaluate.
        run: run of the training.
        validation: its predictions for validation; without both classes there are no thresholds.

    Raises:
        CorrosionError: the run's settings can't be read or used.
    """
    asked = run.read_config().get("choices") or {}
    if validation is None or validation["label"].nunique() < 2:
        return settings
    missing = ChoiceSettings.model_fields.keys() & asked.keys() - settings.model_fields_set
    try:
        return settings.replace(**{name: asked[name] for name in missing})
    except CorrosionError as error:
        raise CorrosionError(f"{run.config_file}: choices: {error} {RESTORE}") from error


def evaluate_predictions(
    test: pd.DataFrame,
    validation: pd.DataFrame | None,
    *,
    threshold: float,
    settings: EvaluationSettings,
    temperature: Temperature | None = None,
) -> Evaluation:
    """Compute everything that tables of predictions say.

    Args:
        test: table of the test images, as `read_predictions` gives it.
        validation: table of the validation images, likewise; None chooses nothing.
        threshold: probability from which an image counts as corroded, in (0, 1).
        settings: how to evaluate; its own threshold is not looked at.
        temperature: temperature fitted on `validation` before; None fits it where it can be.

    Raises:
        CorrosionError: a setting is out of its range.

    Example:
        >>> table = pd.DataFrame(
        ...     {"path": list("abcd"), "label": [1, 1, 0, 0], "probability": [0.9, 0.4, 0.6, 0.1]}
        ... )
        >>> settings = EvaluationSettings(resamples=100)
        >>> evaluation = evaluate_predictions(table, None, threshold=0.5, settings=settings)
        >>> evaluation.confusion, evaluation.metrics["recall"].value
        (Confusion(tp=1, fn=1, tn=1, fp=1), 0.5)
    """
    level, count, seed = settings.level, settings.resamples, settings.seed
    counts = confusion(test["label"], test["probability"], threshold=threshold)
    if settings.prevalence is not None:
        check_prevalence(settings.prevalence, counts)
    choices = None
    if validation is not None and _has_both_classes(validation, settings):
        choices = choose(
            validation,
            test,
            threshold=threshold,
            min_recall=_min_recall(settings),
            costs=settings.costs,
            max_risk=settings.max_risk,
            level=level,
            confidence=settings.confidence,
            prevalence=settings.prevalence,
            temperature=temperature,
        )
    metrics = estimate_table(test, threshold=threshold, level=level, count=count, seed=seed)
    in_use = ThresholdResult(Threshold("in use", threshold), {}, metrics)
    restated: tuple[AtPrevalence, ...] = ()
    if settings.prevalence is not None:
        tried = choices.thresholds if choices else (in_use,)
        restated = at_prevalence(tried, prevalence=settings.prevalence, costs=settings.costs)
    return Evaluation(
        settings=settings,
        threshold=threshold,
        predictions=test,
        confusion=counts,
        metrics=metrics,
        subgroups={
            column: by_column(
                test, column, threshold=threshold, level=level, count=count, seed=seed
            )
            for column in _columns(settings, test)
        },
        competence=Competence.measured(
            metrics["auroc"],
            test,
            choices.validation if choices else None,
            level=level,
            count=count,
            seed=seed,
        ),
        choices=choices,
        unlike=unlike_training(
            test, threshold=threshold, band=choices.band if choices else None, level=level
        ),
        at_prevalence=restated,
    )


def _has_both_classes(validation: pd.DataFrame, settings: EvaluationSettings) -> bool:
    if validation["label"].nunique() > 1:
        return True
    message = "The validation images are of one class: nothing can be chosen on them."
    if settings.min_recall is not None or settings.costs is not None:
        raise CorrosionError(message)
    log.warning(message)
    return False


def _read_validation(run: RunDirectory, settings: EvaluationSettings) -> pd.DataFrame | None:
    path = run.predictions_file("val")
    if path.is_file():
        return read_predictions(run, "val")
    named = isinstance(settings.threshold, str)
    if settings.min_recall is not None or settings.costs is not None or named:
        raise CorrosionError(
            f"There is no {path}: a threshold for a recall or for costs is chosen on validation, "
            f"never on the test set. It needs the columns of the test set's predictions (path, "
            f"label, probability) for the validation images."
        )
    return None


def _threshold(
    settings: EvaluationSettings, run: RunDirectory, validation: pd.DataFrame | None
) -> float:
    """The threshold that decides: a number, a rule's on validation, or that of the run."""
    if settings.threshold is not None:
        return find_threshold(settings.threshold, _known(settings, validation))
    threshold = None
    if config := run.read_config():
        try:
            threshold = config["model"]["threshold"]
        except (TypeError, KeyError) as error:
            raise CorrosionError(
                f"{run.config_file} names no model.threshold: give a threshold."
            ) from error
    threshold = 0.5 if threshold is None else threshold
    if not 0 < threshold < 1:
        raise CorrosionError(f"threshold={threshold}: give a probability between 0 and 1.")
    return threshold


def _known(settings: EvaluationSettings, validation: pd.DataFrame | None) -> dict[str, float]:
    """Thresholds that are known by a name; none where the name of none is asked for."""
    if validation is None or not isinstance(settings.threshold, str):
        return {}
    found = candidates(
        validation["label"],
        validation["probability"],
        min_recall=_min_recall(settings),
        costs=settings.costs,
        confidence=settings.confidence,
        prevalence=settings.prevalence,
        group=groups_of(validation),
    )
    return {one.rule: one.value for one in found}


def _min_recall(settings: EvaluationSettings) -> float:
    return MIN_RECALL if settings.min_recall is None else settings.min_recall


def _columns(settings: EvaluationSettings, test: pd.DataFrame) -> tuple[str, ...]:
    if settings.by is not None:
        return settings.by
    return ("source",) if "source" in test and test["source"].nunique() > 1 else ()
