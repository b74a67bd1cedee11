"""What follows the fit: calibrate the best epoch on validation, test it, write the run's files."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd

from corrosion.data.datamodule import CorrosionDataModule, Split
from corrosion.errors import CorrosionError
from corrosion.evaluation.calibration import fit_temperature
from corrosion.evaluation.evaluation import evaluate_run
from corrosion.explanation.examples import write_examples
from corrosion.models.checkpoint import Calibration, store_calibration
from corrosion.report.console import print_results
from corrosion.report.evaluation_report import write_evaluation
from corrosion.report.result_files import predictions_table, write_metrics, write_predictions
from corrosion.report.run_report import write_report
from corrosion.report.training_curves import draw_curves, write_figure
from corrosion.settings.run import RunSettings
from corrosion.system.provenance import git_commit, machine, tampering, versions
from corrosion.training.epoch_metrics import Predictions
from corrosion.training.module import CorrosionModule

_HYPERPARAMETERS = ("spatial_dropout", "dense_units", "dropout", "lr")  # paper, Table 6

log = logging.getLogger(__name__)


def finish(
    trainer: L.Trainer,
    module: CorrosionModule,
    datamodule: CorrosionDataModule,
    *,
    settings: RunSettings,
    mode: str,
    run_dir: Path,
    epochs: pd.DataFrame,
    seconds: Mapping[str, float],
    curation: Mapping[str, Any],
) -> float:
    """Calibrate and test the best epoch, and write the run's files.

    Args:
        trainer: that has fitted `module`.
        module: gets the weights and the temperature of the best epoch.
        datamodule: it was fitted with.
        settings: of the run.
        mode: "min" or "max", whether the objective is to be small or large.
        run_dir: where the files go.
        epochs: one row an epoch, as `History.table` gives it.
        seconds: what came before, for the record.
        curation: what was found in the images, for the record.

    Returns:
        The objective at the best epoch.

    Raises:
        CorrosionError: the objective was undefined in every epoch, or a file can't be written.
    """
    started = time.perf_counter()
    best = _best_epoch(epochs, settings.objective, mode)
    checkpoint = run_dir / "checkpoints" / "best.ckpt"
    trainer.validate(
        module, datamodule=datamodule, ckpt_path=checkpoint, weights_only=True, verbose=False
    )
    assert module.validated is not None
    module.network.temperature = _temperature(module.validated)
    trainer.test(module, datamodule=datamodule, verbose=False)
    if not trainer.is_global_zero:
        return best[settings.objective]
    tested = _write_predictions(run_dir, module, datamodule)
    write_figure(run_dir / "figures" / "curves.png", draw_curves(epochs))
    evaluation = evaluate_run(run_dir)
    write_evaluation(run_dir, evaluation)
    if evaluation.choices:
        chosen = evaluation.choices
        store_calibration(
            checkpoint,
            Calibration(
                temperature=module.network.temperature,
                thresholds={one.threshold.rule: one.threshold.value for one in chosen.thresholds},
                band=(chosen.band.low, chosen.band.high),
                images=len(chosen.validation),
            ),
        )
    metrics = {key: value for key, value in best.items() if "/" in key}
    metrics.update({key: float(value) for key, value in trainer.callback_metrics.items()})
    seconds = {**seconds, "test": time.perf_counter() - started}
    write_metrics(
        run_dir / "metrics.json",
        metrics,
        _facts(trainer, module, datamodule, settings=settings, epochs=epochs, best=best)
        | {"curation": curation}
        | {"seconds": {key: round(value, 2) for key, value in seconds.items()}},
    )
    write_examples(run_dir / "gradcam", module.network, tested, count=settings.explain.images)
    write_report(run_dir, evaluation)
    tampered = tampering(settings.data.shortcut, datamodule.marked)
    print_results(
        metrics,
        evaluation.metrics,
        title=f"{settings.model.title}: epoch {int(best['epoch']) + 1} of {len(epochs)}",
        notes={
            "weights": _first_weights(module.hparams["weights"]),
            "training": f"{seconds['fit']:.0f} s, {len(epochs)} epoch(s)",
            **({"WARNING": tampered} if tampered else {}),
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


def _temperature(validated: Predictions) -> float:
    if validated.label.unique().numel() < 2:
        log.warning("the validation images are of one class: probabilities are not calibrated")
        return 1.0
    return fit_temperature(validated.label.numpy(), validated.logit.numpy()).value


def _write_predictions(
    run_dir: Path, module: CorrosionModule, datamodule: CorrosionDataModule
) -> pd.DataFrame:
    """Write the predictions of validation and test; returns those of the test."""
    sets: tuple[tuple[str, Split, Predictions | None], ...] = (
        ("predictions_val.csv", "val", module.validated),
        ("predictions.csv", "test", module.tested),
    )
    for name, split, predictions in sets:
        assert predictions is not None
        table = predictions_table(
            predictions,
            datamodule.records(split),
            threshold=module.network.threshold,
            temperature=module.network.temperature,
        )
        write_predictions(run_dir / name, table)
    return table


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


def _first_weights(weights: Mapping[str, str | None]) -> str:
    if weights["used"] == "random" and weights["requested"] is not None:
        return "RANDOM, since no ImageNet weights could be had (metrics.json says why)"
    return f"{weights['used']} ({weights['detail']})"
