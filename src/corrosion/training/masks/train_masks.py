"""Teach a trained classifier where rust is: its checkpoint gets a mask network beside it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import lightning as L
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from corrosion.errors import CorrosionError
from corrosion.explanation.ground_truth import Annotated
from corrosion.explanation.share_interval import LEAST, conformal_interval
from corrosion.models.checkpoint import load_model, store_mask_network
from corrosion.models.mask_network import MaskNetwork
from corrosion.runs import RunDirectory
from corrosion.settings.mask_training import MaskTrainingSettings
from corrosion.system.lightning_messages import quieten_lightning
from corrosion.training.callbacks import History, ProgressBar, SeedBatches, StopAtNonFiniteLoss
from corrosion.training.masks.module import MaskModule, judge_masks
from corrosion.training.masks.photographs import MaskCrops, divide, read_marked, read_sound

log = logging.getLogger(__name__)


def train_masks(
    checkpoint: Path,
    marked: Sequence[Annotated],
    settings: MaskTrainingSettings,
    out: Path,
    *,
    sound: Sequence[Path] = (),
) -> pd.DataFrame:
    """Teach a copy of a classifier's backbone from masks, and write both as one checkpoint.

    The last epoch is kept: choosing one by a few validation photographs would be chance, and would
    flatter what they say of it.

    Args:
        checkpoint: checkpoint of a trained classifier, which stays as it is.
        marked: photographs with masks, from `corrosion.explanation.ground_truth.find_marked`.
        settings: how it learns.
        out: new folder, which gets checkpoints/best.ckpt, history.csv and masks_val.csv.
        sound: photographs without rust; as many of them are drawn as there are with masks.

    Returns:
        The table of `corrosion.training.masks.module.judge_masks` for the validation photographs.

    Raises:
        CorrosionError: a file can't be read, there are too few photographs, the backbone gives no
            features at several resolutions, the loss is not finite, or the disk is full.
    """
    quieten_lightning()
    L.seed_everything(settings.seed, workers=True, verbose=False)
    classifier = load_model(checkpoint)
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
    crops = MaskCrops(photographs, crop=settings.crop, seed=settings.seed)
    loader = DataLoader(
        crops,
        batch_size=settings.batch_size,
        shuffle=True,
        # batch normalisation can't learn from one crop
        drop_last=len(crops) % settings.batch_size == 1 and len(crops) > 1,
        generator=torch.Generator().manual_seed(settings.seed),
    )
    run = RunDirectory(out)
    trainer = _trainer(settings, run)
    trainer.fit(MaskModule(network, lr=settings.lr), loader)
    network = network.cpu().eval()
    table = judge_masks(network, validated)
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


def _trainer(settings: MaskTrainingSettings, run: RunDirectory) -> L.Trainer:
    accelerator, _, index = settings.device.partition(":")
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    on_cuda = accelerator in ("auto", "cuda") and torch.cuda.is_available()
    try:
        return L.Trainer(
            accelerator=accelerator,
            devices=[int(index)] if index else 1,
            precision="16-mixed" if on_cuda else "32-true",
            max_epochs=settings.epochs,
            callbacks=[
                SeedBatches(settings.seed),
                StopAtNonFiniteLoss(),
                History(run),
                ProgressBar(),
            ],
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            log_every_n_steps=1,
            default_root_dir=run.path,
        )
    except (ValueError, RuntimeError) as error:
        raise CorrosionError(f"device={settings.device}: {error}") from error
