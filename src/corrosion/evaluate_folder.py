"""A checkpoint judged on a labelled folder that it was not trained on."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import torch

from corrosion.checkpoint import load_model
from corrosion.data.curation import Policy, inspect
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.screening import screen
from corrosion.data.sources import scan
from corrosion.data.split import write_split
from corrosion.evaluate.predictions import read_predictions
from corrosion.evaluate.run import Evaluation, Settings, evaluate_predictions
from corrosion.metrics import PredictionStore
from corrosion.models.classifier import CorrosionClassifier
from corrosion.progress import progress
from corrosion.report.results import predictions_table, write_predictions

log = logging.getLogger(__name__)


def evaluate_folder(
    checkpoint: Path,
    root: Path,
    out: Path,
    *,
    settings: Settings | None = None,
    device: str = "cpu",
    batch_size: int = 32,
) -> Evaluation:
    """Predict every image of a labelled folder and evaluate the predictions.

    All images are test images. Thresholds, temperature and band are those chosen on the validation
    images of the checkpoint's run, where the checkpoint is `best.ckpt` in its run's directory.

    Args:
        checkpoint: `best.ckpt` or `last.ckpt` of a run.
        root: with a folder per class, as for training; official subsets are put together.
        out: gets predictions.csv and split.csv.
        settings: how to evaluate; the defaults if None. `threshold` is by default the checkpoint's.
        device: where the network runs.
        batch_size: images predicted at once.

    Raises:
        CorrosionError: the checkpoint, the folder or a setting is bad.
    """
    settings = settings or Settings()
    model = load_model(checkpoint, device=device)
    found = screen(scan(root, name=root.resolve().name)).records
    groups = inspect(found, Policy()).duplicates.group
    records = found.assign(group=groups, split="test")
    run_dir = checkpoint.resolve().parents[1]
    _warn_of_images_trained_on(records, run_dir / "split.csv")
    table = _predict(model, records, device=device, batch_size=batch_size)
    write_predictions(out / "predictions.csv", table)
    write_split(records, out / "split.csv")
    validation_file = run_dir / "predictions_val.csv"
    # only best.ckpt, whose predictions these are, has a band
    known = model.band is not None and validation_file.is_file()
    return evaluate_predictions(
        read_predictions(out / "predictions.csv", split=out / "split.csv"),
        read_predictions(validation_file) if known else None,
        threshold=model.threshold if settings.threshold is None else settings.threshold,
        settings=settings,
    )


@torch.inference_mode()
def _predict(
    model: CorrosionClassifier, records: pd.DataFrame, *, device: str, batch_size: int
) -> pd.DataFrame:
    datamodule = CorrosionDataModule(
        records, image_size=model.image_size, resize=model.resize, batch_size=batch_size
    )
    store = PredictionStore()
    for batch in progress(datamodule.test_dataloader(), "predicting"):
        logits = model.predict_logits(batch.image.to(device)).cpu()
        store.update(logits, batch.label, torch.zeros_like(logits), batch.index)
    return predictions_table(
        store.predictions(),
        datamodule.records("test"),
        threshold=model.threshold,
        temperature=model.temperature,
    )


def _warn_of_images_trained_on(records: pd.DataFrame, split: Path) -> None:
    if not split.is_file():
        return
    used = pd.read_csv(split, dtype=str)
    seen = set(used.loc[used["split"] != "test", "content_hash"])
    count = int(records["content_hash"].isin(seen).sum())
    if count:
        log.warning(
            "%d of %d images were trained or validated on (%s): the figures flatter the network",
            count,
            len(records),
            split,
        )
