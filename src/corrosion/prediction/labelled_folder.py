"""A checkpoint judged on a labelled folder that it was not trained on."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from corrosion.data.curation.policy import inspect
from corrosion.data.curation.screening import screen
from corrosion.data.image_reader import ImageReader, Item, batched
from corrosion.data.labels import ClassNames
from corrosion.data.resizing import build_resize
from corrosion.data.sources import scan
from corrosion.data.splits import split_table, write_split
from corrosion.errors import CorrosionError
from corrosion.evaluation.competence import cautions
from corrosion.evaluation.evaluation import Evaluation, as_trained, evaluate_predictions
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.evaluation.predictions import read_predictions, with_split
from corrosion.models.checkpoint import load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.batches import predict_batch
from corrosion.prediction.outputs import Output
from corrosion.runs import RunDirectory
from corrosion.settings.data import CurationSettings
from corrosion.settings.evaluation import EvaluationSettings
from corrosion.system.names import escaped
from corrosion.system.processors import usable_processors
from corrosion.system.progress import progress
from corrosion.training.epoch_metrics import Predictions

log = logging.getLogger(__name__)


def evaluate_folder(
    checkpoint: Path,
    root: Path,
    out: Path,
    *,
    settings: EvaluationSettings | None = None,
    classes: ClassNames | None = None,
    device: str = "auto",
    batch_size: int = 32,
    num_workers: int | None = None,
) -> Evaluation:
    """Predict every image of a labelled folder and evaluate the predictions.

    All images are test images. Thresholds, temperature and band are those chosen on the validation
    images of the checkpoint's run, where the checkpoint is the best one in its run's directory.

    Args:
        checkpoint: checkpoint of a run.
        root: folder with a folder per class, as for training; official subsets are put together.
        out: gets the files of a run that tell predictions and split.
        settings: how to evaluate; the defaults if None. `threshold` is by default the checkpoint's.
        classes: further folder names of each class (`data.labels.folder_labels`).
        device: device the network runs on, as for `load_model`.
        batch_size: images predicted at once.
        num_workers: threads that decode images; None for one a processor.

    Raises:
        CorrosionError: the checkpoint, the folder or a setting is bad.
    """
    settings = settings or EvaluationSettings()
    model = load_model(checkpoint, device=device)
    for caution in cautions(model).values():
        log.warning("%s", caution)
    found = screen(scan(root, name=escaped(root.resolve().name), classes=classes)).records
    groups = inspect(found, CurationSettings()).duplicates.group
    records = found.assign(group=groups, split="test")
    trained, judged = RunDirectory.holding(checkpoint), RunDirectory(out)
    _warn_of_images_trained_on(records, trained, checkpoint)
    table = _predict(
        model, records, batch_size=batch_size, threads=num_workers or usable_processors()
    )
    judged.write_predictions("test", table)
    write_split(records, judged.split_file)
    validation = _validation(model, trained)
    if trained is not None:
        settings = as_trained(settings, trained, validation)
    return evaluate_predictions(
        with_split(table, split_table(records)),
        validation,
        threshold=decision_rule(model, settings.threshold).threshold,
        settings=settings,
    )


def _validation(model: CorrosionClassifier, run: RunDirectory | None) -> pd.DataFrame | None:
    # only the best checkpoint, whose predictions these are, has a band
    if run is None or model.band is None or not run.predictions_file("val").is_file():
        return None
    validation, split = read_predictions(run, "val", split=False), run.read_split()
    if split is None or not validation["path"].isin(split["path"]).all():
        return validation
    return with_split(validation, split)  # tells images that are not independent


def _predict(
    model: CorrosionClassifier, records: pd.DataFrame, *, batch_size: int, threads: int
) -> pd.DataFrame:
    reader = ImageReader(
        build_resize(model.image_size, model.resize),
        threads=threads,
        ahead=2 * batch_size,
    )
    items = [Item(number, path) for number, path in enumerate(records["path"])]
    batches = batched(reader.inputs(items), batch_size)
    outputs = [
        (_logit(output), output.unlike_training)
        for batch in progress(batches, "predicting", total=math.ceil(len(items) / batch_size))
        for output in predict_batch(model, batch)
    ]
    logits, distances = zip(*outputs, strict=True)
    logit, label = torch.tensor(logits), torch.from_numpy(records["label"].to_numpy(np.int64))
    losses = F.binary_cross_entropy_with_logits(logit, label.float(), reduction="none")
    distance = None if model.training_distance is None else torch.tensor(distances)
    predictions = Predictions(torch.arange(len(records)), logit, label, losses, distance)
    return predictions.table(records, threshold=model.threshold, temperature=model.temperature)


def _logit(output: Output) -> float:
    if output.logit is None:
        raise CorrosionError(
            f"{output.image.path} can't be read ({output.image.error}), but could a moment ago: "
            f"run the command again."
        )
    return output.logit


def _warn_of_images_trained_on(
    records: pd.DataFrame, run: RunDirectory | None, checkpoint: Path
) -> None:
    """Say how many of the images, told by their content, the run has learnt from or chosen by."""
    used = None if run is None else run.read_split()
    if run is None or used is None:
        log.warning(
            "%s lies in no run's directory with its split: whether the checkpoint was trained on "
            "these images can't be told. Leave it there to know.",
            checkpoint,
        )
        return
    seen = set(used.loc[used["split"] != "test", "content_hash"])
    count = int(records["content_hash"].isin(seen).sum())
    if count:
        log.warning(
            "%d of %d images were trained or validated on (%s): the figures flatter the network",
            count,
            len(records),
            run.split_file,
        )
