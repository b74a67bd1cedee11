"""Everything that a finished run's predictions say, from its CSV files alone."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from corrosion.errors import CorrosionError
from corrosion.evaluation.agreement import agreement
from corrosion.evaluation.calibration import reliability
from corrosion.evaluation.choices import Choices, choose
from corrosion.evaluation.intervals import Estimate, estimate_metrics
from corrosion.evaluation.metrics import Confusion, confusion
from corrosion.evaluation.predictions import groups_of, read_predictions
from corrosion.evaluation.selective import area_under_risk_coverage, risk_coverage
from corrosion.evaluation.subgroups import Subgroup, by_column
from corrosion.evaluation.thresholds import MIN_RECALL, candidates, find_threshold
from corrosion.settings.evaluation import EvaluationSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """Everything that a run's predictions say.

    Attributes:
        settings: it was made with.
        threshold: that decides; given, or that of the run.
        predictions: of the test set, as `read_predictions` gives them.
        confusion: counts at the threshold.
        metrics: an estimate for each of `EVALUATED`.
        subgroups: by column, then by value.
        choices: made on validation; None without predictions for both classes of it.
    """

    settings: EvaluationSettings
    threshold: float
    predictions: pd.DataFrame
    confusion: Confusion
    metrics: dict[str, Estimate]
    subgroups: dict[str, dict[str, Subgroup]]
    choices: Choices | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as `evaluation.json` holds them."""
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
        }


def run_directory(path: Path) -> Path:
    """The directory of a run, given that or one of its checkpoints.

    Raises:
        CorrosionError: there is nothing at `path`, or it belongs to no run.
    """
    directory = path.resolve().parents[1] if path.is_file() else path
    if not (directory / "predictions.csv").is_file():
        raise CorrosionError(
            f"{path} belongs to no finished run (there is no {directory / 'predictions.csv'}): "
            f"give the directory of a run."
        )
    return directory


def evaluate_run(run_dir: Path, settings: EvaluationSettings | None = None) -> Evaluation:
    """Recompute everything from a run's `predictions.csv`.

    `split.csv` beside it adds sources and groups; `predictions_val.csv` (the same columns, for the
    validation images) is what thresholds, temperature and the band of abstention are chosen on.

    Args:
        run_dir: directory of a finished run.
        settings: how; the defaults if None.

    Raises:
        CorrosionError: a file is missing or bad, a setting is out of its range, or a threshold is
            asked for that can't be chosen without `predictions_val.csv`.
    """
    settings = settings or EvaluationSettings()
    split = run_dir / "split.csv"
    split_file = split if split.is_file() else None
    test = read_predictions(run_dir / "predictions.csv", split=split_file)
    validation = _read_validation(run_dir / "predictions_val.csv", split_file, settings)
    threshold = _threshold(settings, run_dir / "config.yaml", validation)
    return evaluate_predictions(test, validation, threshold=threshold, settings=settings)


def evaluate_predictions(
    test: pd.DataFrame,
    validation: pd.DataFrame | None,
    *,
    threshold: float,
    settings: EvaluationSettings,
) -> Evaluation:
    """Compute everything that tables of predictions say.

    Args:
        test: as `read_predictions` gives it.
        validation: likewise; None chooses nothing.
        threshold: that decides, in (0, 1).
        settings: how; its own threshold is not looked at.

    Raises:
        CorrosionError: a setting is out of its range.
    """
    level, count, seed = settings.level, settings.resamples, settings.seed
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
        )
    return Evaluation(
        settings=settings,
        threshold=threshold,
        predictions=test,
        confusion=confusion(test["label"], test["probability"], threshold=threshold),
        metrics=estimate_metrics(
            test["label"],
            test["probability"],
            threshold=threshold,
            group=groups_of(test),
            level=level,
            count=count,
            seed=seed,
        ),
        subgroups={
            column: by_column(
                test, column, threshold=threshold, level=level, count=count, seed=seed
            )
            for column in _columns(settings, test)
        },
        choices=choices,
    )


def _has_both_classes(validation: pd.DataFrame, settings: EvaluationSettings) -> bool:
    if validation["label"].nunique() > 1:
        return True
    message = "The validation images are of one class: nothing can be chosen on them."
    if settings.min_recall is not None or settings.costs is not None:
        raise CorrosionError(message)
    log.warning(message)
    return False


def _read_validation(
    path: Path, split: Path | None, settings: EvaluationSettings
) -> pd.DataFrame | None:
    if path.is_file():
        return read_predictions(path, split=split)
    named = isinstance(settings.threshold, str)
    if settings.min_recall is not None or settings.costs is not None or named:
        raise CorrosionError(
            f"There is no {path}: a threshold for a recall or for costs is chosen on validation, "
            f"never on the test set. It needs the columns of predictions.csv (path, label, "
            f"probability) for the validation images."
        )
    return None


def _threshold(
    settings: EvaluationSettings, config: Path, validation: pd.DataFrame | None
) -> float:
    """The threshold that decides: a number, a rule's on validation, or that of the run."""
    if settings.threshold is not None:
        return find_threshold(settings.threshold, _known(settings, validation))
    threshold = None
    if config.is_file():
        try:
            threshold = yaml.safe_load(config.read_text(encoding="utf-8"))["model"]["threshold"]
        except (yaml.YAMLError, TypeError, KeyError) as error:
            raise CorrosionError(f"{config} names no model.threshold: give a threshold.") from error
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
    )
    return {one.rule: one.value for one in found}


def _min_recall(settings: EvaluationSettings) -> float:
    return MIN_RECALL if settings.min_recall is None else settings.min_recall


def _columns(settings: EvaluationSettings, test: pd.DataFrame) -> tuple[str, ...]:
    if settings.by is not None:
        return settings.by
    return ("source",) if "source" in test and test["source"].nunique() > 1 else ()
