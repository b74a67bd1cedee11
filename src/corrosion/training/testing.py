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
from corrosion.data.prepare import Prepared
from corrosion.data.splits import split_table
from corrosion.errors import CorrosionError
from corrosion.evaluation.calibration import Temperature, fit_temperature
from corrosion.evaluation.choices import Choices
from corrosion.evaluation.evaluation import Evaluation, evaluate_predictions
from corrosion.evaluation.predictions import as_written, with_split
from corrosion.evaluation.run_facts import RunFacts
from corrosion.explanation.examples import write_examples
from corrosion.models.checkpoint import Calibration, store_choices
from corrosion.models.pooled_features import feature_cache, pooled_features
from corrosion.models.state_dicts import read_checkpoint
from corrosion.models.training_distance import MOST_REFERENCES, TrainingDistance
from corrosion.report.console import print_results
from corrosion.report.evaluation_report import write_evaluation
from corrosion.report.run_report import write_run_page
from corrosion.report.training_curves import draw_curves, write_figure
from corrosion.runs import RunDirectory, Subset
from corrosion.settings.evaluation import EvaluationSettings
from corrosion.settings.run import RunSettings
from corrosion.system.provenance import git_commit, machine, shortcut_warning, versions
from corrosion.training.epoch_metrics import Predictions
from corrosion.training.module import CorrosionModule

_HYPERPARAMETERS = ("spatial_dropout", "dense_units", "dropout", "lr")  # paper, Table 6

log = logging.getLogger(__name__)


def test_and_report(
    trainer: L.Trainer,
    module: CorrosionModule,
    datamodule: CorrosionDataModule,
    *,
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
    _look_at_training_images(trainer, module, datamodule, best=run.best, settings=settings)
    trainer.validate(
        module, datamodule=datamodule, ckpt_path=run.best, weights_only=True, verbose=False
    )
    _limit_distance(module)
    temperature = _fit_temperature(module.validated)
    module.network.temperature = 1.0 if temperature is None else temperature.value
    trainer.test(module, datamodule=datamodule, verbose=False)
    if not trainer.is_global_zero:
        return best[settings.objective]
    validated = _table(module.validated, "val", module, datamodule)
    tested = _table(module.tested, "test", module, datamodule)
    run.write_predictions("val", validated)
    run.write_predictions("test", tested)
    split = split_table(prepared.records)
    evaluation = evaluate_predictions(
        with_split(tested, split),
        with_split(validated, split),
        threshold=module.network.threshold,
        settings=EvaluationSettings(),
        temperature=temperature,
    )
    write_figure(run.figure_file("curves"), draw_curves(epochs))
    write_evaluation(run, evaluation)
    store_choices(
        run.best,
        _calibration(evaluation.choices) if evaluation.choices else None,
        module.network.training_distance,
    )
    metrics = {key: value for key, value in best.items() if "/" in key}
    metrics |= _test_metrics(trainer, evaluation)
    seconds = {**seconds, "test": time.perf_counter() - started}
    facts = {
        **_facts(trainer, module, datamodule, settings=settings, epochs=epochs, best=best),
        "curation": prepared.findings.as_dict(),
        "seconds": {key: round(value, 2) for key, value in seconds.items()},
    }
    run.write_metrics(metrics, facts)
    examples = write_examples(run, module.network, tested, count=settings.explain.images)
    known = RunFacts(
        run, settings.plain(), {**metrics, **facts}, epochs, split, run.read_overrides(), examples
    )
    write_run_page(known, evaluation)
    warning = shortcut_warning(settings.data.shortcut, datamodule.marked)
    print_results(
        metrics,
        evaluation.metrics,
        title=f"{settings.model.title}: epoch {int(best['epoch'])} of {len(epochs)}",
        notes={
            "weights": _first_weights(module.hparams["weights"], run),
            "training": f"{seconds['fit']:.0f} s, {len(epochs)} epoch(s)",
            **({"WARNING": warning} if warning else {}),
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


def _look_at_training_images(
    trainer: L.Trainer,
    module: CorrosionModule,
    datamodule: CorrosionDataModule,
    *,
    best: Path,
    settings: RunSettings,
) -> None:
    """Give the network the features of training images, so that validation gets distances to them.

    Every process looks at the same images: what one found it would have to send to the others.
    """
    module.load_state_dict(read_checkpoint(best)["state_dict"])
    network = module.to(trainer.strategy.root_device).network.eval()
    datamodule.prepare_data()
    images = datamodule.records("train")
    if len(images) > MOST_REFERENCES:
        images = images.sample(MOST_REFERENCES, random_state=settings.seed, ignore_index=True)
    # a probe has looked at them before; no other run will have the weights that this one learnt
    known = settings.model.head_fit == "logistic" and datamodule.keeps_images
    features = pooled_features(
        network, datamodule, images, feature_cache(network) if known else None
    )
    if np.isfinite(features).all():
        network.training_distance = TrainingDistance(torch.from_numpy(features))
    else:
        log.warning("features are not finite: nothing will tell photographs unlike the training's")


def _limit_distance(module: CorrosionModule) -> None:
    """Choose the limit of distances on validation, and divide those of validation by it."""
    validated, network = module.validated, module.network
    if network.training_distance is None:
        return
    if validated is None or validated.distance is None:  # NaN on validation: no limit
        network.training_distance = None
        return
    limited = network.training_distance.with_limit(validated.distance)
    network.training_distance = limited
    module.validated = replace(validated, distance=validated.distance / limited.limit)


def _fit_temperature(validated: Predictions | None) -> Temperature | None:
    assert validated is not None
    if validated.label.unique().numel() < 2:
        log.warning("the validation images are of one class: probabilities are not calibrated")
        return None
    return fit_temperature(validated.label.numpy(), as_written(validated.logit.numpy()))


def _table(
    predictions: Predictions | None,
    subset: Subset,
    module: CorrosionModule,
    datamodule: CorrosionDataModule,
) -> pd.DataFrame:
    assert predictions is not None
    network = module.network
    return predictions.table(
        datamodule.records(subset), threshold=network.threshold, temperature=network.temperature
    )


def _calibration(choices: Choices) -> Calibration:
    return Calibration(
        temperature=choices.temperature.value,
        thresholds={one.threshold.rule: one.threshold.value for one in choices.thresholds},
        band=(choices.band.low, choices.band.high),
        images=len(choices.validation),
    )


def _test_metrics(trainer: L.Trainer, evaluation: Evaluation) -> dict[str, float]:
    """What was logged in the test, with the values of the evaluation: NaN where undefined."""
    logged = {key: float(value) for key, value in trainer.callback_metrics.items()}
    evaluated = {f"test/{key}": one.value for key, one in evaluation.metrics.items()}
    return {key: evaluated.get(key, value) for key, value in logged.items()}


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
