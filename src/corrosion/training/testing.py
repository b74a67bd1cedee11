"""What follows the fit: calibrate the best epoch on validation, test it, write the run's files."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import torch

from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.prepare import Prepared, is_generated
from corrosion.data.splits import split_table
from corrosion.errors import CorrosionError
from corrosion.evaluation.calibration import Temperature, fit_temperature
from corrosion.evaluation.choices import Choices
from corrosion.evaluation.evaluation import Evaluation, evaluate_predictions
from corrosion.evaluation.predictions import as_written, with_split
from corrosion.evaluation.run_facts import RunFacts
from corrosion.explanation.examples import write_examples
from corrosion.models.checkpoint import Calibration, store_choices
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.training_distance import TrainingDistance
from corrosion.report.console import print_results
from corrosion.report.evaluation_report import write_evaluation
from corrosion.report.kinds_report import kinds_sentence, write_kinds
from corrosion.report.run_report import write_run_page
from corrosion.report.training_curves import draw_curves, write_figure
from corrosion.runs import RunDirectory, Subset
from corrosion.settings.evaluation import EvaluationSettings
from corrosion.settings.run import RunSettings
from corrosion.system.provenance import git_commit, machine, shortcut_warning, versions
from corrosion.training.epoch_metrics import Predictions
from corrosion.training.judging import Judge
from corrosion.training.kinds import teach_kinds
from corrosion.training.module import CorrosionModule

_HYPERPARAMETERS = ("spatial_dropout", "dense_units", "dropout", "lr")  # paper, Table 6

log = logging.getLogger(__name__)


def test_and_report(
    trainer: L.Trainer,
    module: CorrosionModule,
    datamodule: CorrosionDataModule,
    *,
    judge: Judge,
    settings: RunSettings,
    mode: str,
    run_dir: Path,
    epochs: pd.DataFrame,
    seconds: Mapping[str, float],
    prepared: Prepared,
) -> float:
    """Calibrate and test the best epoch, and write the run's files.

    Args:
        trainer: trainer that has fitted `module`.
        module: gets the weights and the temperature of the best epoch.
        datamodule: images it was fitted with.
        judge: of the best epoch.
        settings: settings of the run.
        mode: "min" or "max", whether the objective is to be small or large.
        run_dir: directory the files go to.
        epochs: one row an epoch, as `History.table` gives it.
        seconds: time that each part of the run took so far.
        prepared: the images, and what was found in them.

    Returns:
        The objective at the best epoch.

    Raises:
        CorrosionError: the objective was undefined in every epoch, or a file can't be written.
    """
    started = time.perf_counter()
    run = RunDirectory(run_dir)
    best = _best_epoch(epochs, settings.objective, mode)
    network = module.network
    network.training_distance = _training_distance(judge)
    of_validation = _limit_distance(network, judge.predictions("val"))
    temperature = _fit_temperature(of_validation)
    network.temperature = 1.0 if temperature is None else temperature.value
    of_test = judge.predictions("test")
    if not trainer.is_global_zero:
        return best[settings.objective]
    validated = _table(of_validation, "val", module, datamodule)
    tested = _table(of_test, "test", module, datamodule)
    run.write_predictions("val", validated)
    run.write_predictions("test", tested)
    split = split_table(prepared.records)
    evaluation = evaluate_predictions(
        with_split(tested, split),
        with_split(validated, split),
        threshold=module.network.threshold,
        settings=EvaluationSettings(**dict(settings.choices))
        if validated["label"].nunique() > 1
        else EvaluationSettings(),
        temperature=temperature,
    )
    kinds = None
    if settings.data.kinds is not None:
        network.kind_head, kinds = teach_kinds(
            judge,
            datamodule,
            tested,
            threshold=network.threshold,
            balanced=settings.data.kinds_balanced,
        )
        write_kinds(run, kinds)
    write_figure(run.figure_file("curves"), draw_curves(epochs))
    write_evaluation(run, evaluation)
    competence = replace(evaluation.competence, generated=is_generated(settings.data))
    store_choices(
        run.best,
        calibration_of(evaluation.choices) if evaluation.choices else None,
        network.training_distance,
        competence.plain(),
        network.kind_head,
    )
    metrics = {key: value for key, value in best.items() if "/" in key}
    metrics |= _test_metrics(module.metrics(of_test), evaluation)
    seconds = {**seconds, "test": time.perf_counter() - started}
    facts = {
        **_facts(trainer, module, datamodule, settings=settings, epochs=epochs, best=best),
        "generated": competence.generated,
        "curation": prepared.findings.as_dict(),
        "seconds": {key: round(value, 2) for key, value in seconds.items()},
    }
    run.write_metrics(metrics, facts)
    examples = write_examples(run, module.network, tested, count=settings.explain.images)
    known = RunFacts(
        run,
        settings.plain(),
        {**metrics, **facts},
        epochs,
        split,
        run.read_overrides(),
        examples,
        kinds,
    )
    write_run_page(known, evaluation)
    warning = shortcut_warning(settings.data.shortcut, datamodule.marked)
    guessed = kinds.evaluation.competence.caution if kinds else None
    print_results(
        metrics,
        evaluation.metrics,
        title=f"{settings.model.title}: epoch {int(best['epoch'])} of {len(epochs)}",
        images=len(tested),
        notes={
            "weights": _first_weights(module.hparams["weights"], run),
            "training": f"{seconds['fit']:.0f} s, {len(epochs)} epoch(s)",
            **({"kinds": kinds_sentence(kinds)} if kinds else {}),
            **({"GUESSED": guessed} if guessed else {}),
            **({"WARNING": warning} if warning else {}),
            **{name.upper(): text for name, text in competence.cautions.items()},
        },
        run_dir=run_dir,
    )
    return best[settings.objective]


def _best_epoch(history: pd.DataFrame, objective: str, mode: str) -> dict[str, float]:
    """The first epoch with the best objective: the one whose checkpoint is kept."""
    values = history[objective].dropna()
    if values.empty:
        raise CorrosionError(f"{objective} was undefined in every epoch: choose another objective.")
    position = values.to_numpy().argmin() if mode == "min" else values.to_numpy().argmax()
    row = history.loc[values.index].iloc[int(position)]
    return {str(key): float(value) for key, value in row.items()}


def _training_distance(judge: Judge) -> TrainingDistance | None:
    features = judge.training_features()
    if not np.isfinite(features).all():
        log.warning("features are not finite: nothing will tell photographs unlike the training's")
        return None
    return TrainingDistance(torch.from_numpy(features), pooling=judge.distance_pooling)


def _limit_distance(network: CorrosionClassifier, validated: Predictions) -> Predictions:
    """Choose the limit of distances on validation, and divide those of validation by it."""
    if network.training_distance is None:
        return validated
    if validated.distance is None:  # NaN on validation: no limit
        network.training_distance = None
        return validated
    network.training_distance = network.training_distance.with_limit(validated.distance)
    return replace(validated, distance=validated.distance / network.training_distance.limit)


def _fit_temperature(validated: Predictions) -> Temperature | None:
    if validated.label.unique().numel() < 2:
        log.warning("the validation images are of one class: probabilities are not calibrated")
        return None
    return fit_temperature(validated.label.numpy(), as_written(validated.logit.numpy()))


def _table(
    predictions: Predictions,
    subset: Subset,
    module: CorrosionModule,
    datamodule: CorrosionDataModule,
) -> pd.DataFrame:
    network = module.network
    return predictions.table(
        datamodule.records(subset), threshold=network.threshold, temperature=network.temperature
    )


def calibration_of(choices: Choices) -> Calibration:
    """What a checkpoint keeps of what was chosen on validation."""
    return Calibration(
        temperature=choices.temperature.value,
        thresholds={one.threshold.rule: one.threshold.value for one in choices.thresholds},
        band=(choices.band.low, choices.band.high),
        images=len(choices.validation),
        band_rule=choices.band.rule,
    )


def _test_metrics(logged: Mapping[str, float], evaluation: Evaluation) -> dict[str, float]:
    """What is logged of a test, with the values of the evaluation: NaN where undefined."""
    evaluated = {key: one.value for key, one in evaluation.metrics.items()}
    return {f"test/{key}": evaluated.get(key, value) for key, value in logged.items()}


def _facts(
    trainer: L.Trainer,
    module: CorrosionModule,
    datamodule: CorrosionDataModule,
    *,
    settings: RunSettings,
    epochs: pd.DataFrame,
    best: Mapping[str, float],
) -> dict[str, Any]:
    return {
        "objective": {"metric": settings.objective, "value": best[settings.objective]},
        "best_epoch": int(best["epoch"]),
        "epochs": len(epochs),
        "temperature": module.network.temperature,
        "images": datamodule.counts,
        "repeats": settings.data.repeats,
        "samples_per_epoch": datamodule.samples_per_epoch,
        "shortcut": {"share": settings.data.shortcut, "marked": datamodule.marked},
        "model": settings.model.title,
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "weights": module.hparams["weights"],
        "hyperparameters": {key: module.hparams[key] for key in _HYPERPARAMETERS},
        "seed": settings.seed,
        "precision": str(trainer.precision),
        "machine": machine(trainer.strategy.root_device),
        "versions": versions(),
        "git_commit": git_commit(Path(__file__).parent),
    }


def _first_weights(weights: Mapping[str, str | None], run: RunDirectory) -> str:
    if weights["used"] == "random" and weights["requested"] is not None:
        return f"RANDOM, since no ImageNet weights could be had ({run.metrics_file.name} says why)"
    return f"{weights['used']} ({weights['detail']})"
