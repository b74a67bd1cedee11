"""What follows the fit: calibrate the best epoch on validation, test it, write the run's files."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd

from corrosion.data.datamodule import CorrosionDataModule
from corrosion.errors import CorrosionError
from corrosion.evaluation.calibration import fit_temperature
from corrosion.evaluation.evaluation import evaluate_run
from corrosion.explanation.examples import write_examples
from corrosion.models.checkpoint import Calibration, store_calibration
from corrosion.report.console import print_results
from corrosion.report.evaluation_report import write_evaluation
from corrosion.report.run_report import write_report
from corrosion.report.training_curves import draw_curves, write_figure
from corrosion.runs import RunDirectory, Subset
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
    config: Mapping[str, Any],
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
        config: plain values as in `conf/train.yaml` and its groups.
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
    best = _best_epoch(epochs, config["objective"], config["objective_mode"])
    run = RunDirectory(run_dir)
    trainer.validate(
        module, datamodule=datamodule, ckpt_path=run.best, weights_only=True, verbose=False
    )
    assert module.validated is not None
    module.network.temperature = _temperature(module.validated)
    trainer.test(module, datamodule=datamodule, verbose=False)
    if not trainer.is_global_zero:
        return best[config["objective"]]
    tested = _write_predictions(run, module, datamodule)
    write_figure(run.figure_file("curves"), draw_curves(epochs))
    evaluation = evaluate_run(run_dir)
    write_evaluation(run, evaluation)
    if evaluation.choices:
        chosen = evaluation.choices
        store_calibration(
            run.best,
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
    run.write_metrics(
        metrics,
        _facts(trainer, module, datamodule, config=config, epochs=epochs, best=best)
        | {"curation": curation}
        | {"seconds": {key: round(value, 2) for key, value in seconds.items()}},
    )
    write_examples(run.examples, module.network, tested, count=config["explain"]["images"])
    write_report(run_dir, evaluation)
    tampered = tampering(config["data"]["shortcut"], datamodule.marked)
    print_results(
        metrics,
        evaluation.metrics,
        title=f"{config['model']['name']}: epoch {int(best['epoch']) + 1} of {len(epochs)}",
        notes={
            "weights": _first_weights(module.hparams["weights"], run),
            "training": f"{seconds['fit']:.0f} s, {len(epochs)} epoch(s)",
            **({"WARNING": tampered} if tampered else {}),
        },
        run_dir=run_dir,
    )
    return best[config["objective"]]


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
    run: RunDirectory, module: CorrosionModule, datamodule: CorrosionDataModule
) -> pd.DataFrame:
    """Write the predictions of validation and test; returns those of the test."""
    sets: tuple[tuple[Subset, Predictions | None], ...] = (
        ("val", module.validated),
        ("test", module.tested),
    )
    for subset, predictions in sets:
        assert predictions is not None
        table = predictions.table(
            datamodule.records(subset),
            threshold=module.network.threshold,
            temperature=module.network.temperature,
        )
        run.write_predictions(subset, table)
    return table


def _facts(
    trainer: L.Trainer,
    module: CorrosionModule,
    datamodule: CorrosionDataModule,
    *,
    config: Mapping[str, Any],
    epochs: pd.DataFrame,
    best: Mapping[str, float],
) -> dict[str, Any]:
    return {
        "objective": {"metric": config["objective"], "value": best[config["objective"]]},
        "best_epoch": int(best["epoch"]),
        "epochs": len(epochs),
        "temperature": module.network.temperature,
        "images": datamodule.counts,
        "expand": config["data"]["expand"],
        "samples_per_epoch": datamodule.samples_per_epoch,
        "shortcut": {"share": config["data"]["shortcut"], "marked": datamodule.marked},
        "model": config["model"]["name"],
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "weights": module.hparams["weights"],
        "hyperparameters": {key: module.hparams[key] for key in _HYPERPARAMETERS},
        "seed": config["seed"],
        "precision": str(trainer.precision),
        "machine": machine(trainer.strategy.root_device),
        "versions": versions(),
        "git_commit": git_commit(Path(__file__).parent),
    }


def _first_weights(weights: Mapping[str, str | None], run: RunDirectory) -> str:
    if weights["used"] == "random" and weights["requested"] is not None:
        return f"RANDOM, since no ImageNet weights could be had ({run.metrics_file.name} says why)"
    return f"{weights['used']} ({weights['detail']})"
