"""Teach a trained classifier where rust is: its checkpoint gets a mask network beside it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import lightning as L
import numpy as np
import pandas as pd

from corrosion.explanation.ground_truth import Annotated
from corrosion.explanation.share_interval import LEAST, conformal_interval
from corrosion.models.checkpoint import load_model, store_mask_network
from corrosion.models.mask_network import MaskNetwork
from corrosion.runs import RunDirectory
from corrosion.settings.mask_training import MaskTrainingSettings
from corrosion.system.lightning_messages import quieten_lightning
from corrosion.training.callbacks import History
from corrosion.training.masks.labelled import Labelled
from corrosion.training.masks.learning import fit, outline
from corrosion.training.masks.module import WAYS, judge_masks
from corrosion.training.masks.photographs import divide, read_marked, read_sound

log = logging.getLogger(__name__)

_AFTERWARDS = 0.3  # of the learning rate, for what has learnt before


def train_masks(
    checkpoint: Path,
    marked: Sequence[Annotated],
    settings: MaskTrainingSettings,
    out: Path,
    *,
    sound: Sequence[Path] = (),
) -> pd.DataFrame:
    """Teach a copy of a classifier's backbone from masks, and write both as one checkpoint.

    First it learns from the photographs that the classifier was trained on, as the classifier's own
    masks outline them (self-training). The last epoch is kept: choosing one by a few validation
    photographs would be chance, and would flatter what they say of it.

    Args:
        checkpoint: checkpoint of a trained classifier, which stays as it is.
        marked: photographs with masks, from `corrosion.explanation.ground_truth.find_marked`.
        settings: how it learns.
        out: new folder, which gets checkpoints/best.ckpt, history.csv and masks_val.csv.
        sound: photographs without rust; as many of them are drawn as there are with masks.

    Returns:
        The table of `corrosion.training.masks.module.judge_masks` for the validation photographs,
        of the masks that have the higher mean IoU there: those of the mask network alone, or
        together with the classifier's evidence. Beside it iou_from_labels, iou_alone and
        iou_together.

    Raises:
        CorrosionError: a file can't be read, there are too few photographs, the backbone gives no
            features at several resolutions, the loss is not finite, or the disk is full.
    """
    quieten_lightning()
    L.seed_everything(settings.seed, workers=True, verbose=False)
    classifier = load_model(checkpoint)
    classifier.mask_network = None  # its own masks, as labels have taught them
    network = MaskNetwork(classifier.backbone, classifier.mean, classifier.std)
    training, validation = divide(marked, validation=settings.validation, seed=settings.seed)
    photographs = [read_marked(one) for one in training]
    validated = [read_marked(one) for one in validation]
    drawn = np.random.default_rng(settings.seed).permutation(len(sound))[: len(photographs)]
    photographs += [read_sound(sound[int(index)]) for index in sorted(drawn)]
    log.info(
        "%d photographs with masks and %d without rust to learn from, %d for validation",
        len(training),
        len(drawn),
        len(validated),
    )
    run = RunDirectory(out)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    lr = settings.lr
    if not settings.masks_only:
        if known := Labelled.of(checkpoint).training:
            fit(network, outline(classifier, known), settings, epochs=1, lr=lr)
            lr *= _AFTERWARDS
        else:
            log.warning(
                "%s lies in no run with photographs: there is nothing to learn from before the "
                "masks, and a few dozen masks by themselves may teach less than labels did",
                checkpoint,
            )
    fit(network, photographs, settings, epochs=settings.epochs, lr=lr, history=History(run))
    network = network.cpu().eval()
    network.alone, classifier.mask_network = False, network
    table = _better(judge_masks(classifier, validated))
    network.alone = bool(table["way"].iloc[0] == "alone")
    interval = conformal_interval(table["rusted_share"].tolist(), table["true_share"].tolist())
    network.share_scale, network.validated = interval.scale, interval.photographs
    if interval.photographs < LEAST:
        log.warning(
            "%d validation photographs: an interval of the rusted share takes %d at least, so "
            "predict will say 0 to 1. Give more photographs with masks, or a larger validation.",
            interval.photographs,
            LEAST,
        )
    table.to_csv(out / "masks_val.csv", index=False)
    store_mask_network(checkpoint, network, run.best)
    return table


def _better(judged: pd.DataFrame) -> pd.DataFrame:
    """The rows of the better way of using a mask network, with the IoU of every way."""
    of_way = {way: rows.reset_index(drop=True) for way, rows in judged.groupby("way", sort=False)}
    means = {way: rows["iou"].mean() for way, rows in of_way.items()}
    table = of_way["alone" if means["alone"] > means["together"] else "together"].copy()
    for way in WAYS:
        table["iou_from_labels" if way == "labels" else f"iou_{way}"] = of_way[way]["iou"]
    return table
