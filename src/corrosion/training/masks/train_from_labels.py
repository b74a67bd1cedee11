"""Teach a trained classifier where rust is by its own outlines of many photographs.

A mask from labels knows the colours of its own photograph alone. A network that learns from the
outlines of hundreds of photographs learns what they have in common, and that sound photographs have
none of it (self-training; Lee, ICML workshop on challenges in representation learning 2013).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import lightning as L
import numpy as np
import pandas as pd
from scipy.special import logit

from corrosion.data.images import read_image
from corrosion.errors import CorrosionError
from corrosion.explanation.pyramid import MAP_SIDE
from corrosion.explanation.rust_mask import JointRust, learnt_probability, rust_evidence
from corrosion.models.checkpoint import load_model, store_mask_network
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.mask_network import MaskNetwork
from corrosion.runs import RunDirectory
from corrosion.settings.mask_training import MaskTrainingSettings
from corrosion.system.lightning_messages import quieten_lightning
from corrosion.system.progress import progress
from corrosion.training.callbacks import History
from corrosion.training.masks.labelled import Labelled, Photographs
from corrosion.training.masks.learning import fit, outline
from corrosion.training.masks.photographs import MaskedPhotograph

log = logging.getLogger(__name__)

_MATCHED = 100  # photographs by which the logits are shifted
_JUDGED = 24  # validation photographs of each class that are measured
_SUREST = 1e-3  # a cut beyond which nothing is cut
_COLUMNS = ("path", "label", "rusted_share", "rusted_share_from_labels")


def train_from_labels(
    checkpoint: Path, photographs: Labelled, settings: MaskTrainingSettings, out: Path
) -> pd.DataFrame:
    """Teach a copy of a classifier's backbone from its own outlines, and write both together.

    It learns one epoch of the photographs that the classifier was trained on. Its logits are then
    shifted, so that it calls as much of the corroded ones rust as the outlines do: Dice loss and
    crops make it call more. `corrosion.explanation.rust_mask.JointRust` tells how its masks
    and the classifier's come together.

    Args:
        checkpoint: checkpoint of a trained classifier, which stays as it is.
        photographs: those of its run, some of them corroded.
        settings: how it learns; what is about masks does not count.
        out: new folder, which gets checkpoints/best.ckpt, history.csv and masks_val.csv.

    Returns:
        One row for each of some validation photographs: path, label, and how much of it is rust,
        whatever is decided of it: rusted_share, and from labels alone rusted_share_from_labels.

    Raises:
        CorrosionError: a file can't be read, the classifier outlines nothing, the backbone gives no
            features at several resolutions, the loss is not finite, or the disk is full.
    """
    quieten_lightning()
    L.seed_everything(settings.seed, workers=True, verbose=False)
    classifier = load_model(checkpoint)
    classifier.mask_network = None
    network = MaskNetwork(classifier.backbone, classifier.mean, classifier.std)
    outlined = outline(classifier, photographs.training)
    rusty = [one for one in outlined if one.mask.any()]
    if not rusty:
        raise CorrosionError(
            f"{checkpoint}: the classifier outlines nothing on the corroded photographs that it "
            f"was trained on, so there is nothing to learn from. Train it longer, or give a FOLDER "
            f"with masks."
        )
    run = RunDirectory(out)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    log.info("%d photographs to learn from, %d of them with rust", len(outlined), len(rusty))
    fit(network, outlined, settings, epochs=1, lr=settings.lr, history=History(run))
    network = network.cpu().eval()
    network.taught_by, network.alone = "labels", False
    network.shift(-float(logit(_matched_cut(network, rusty))))
    classifier.mask_network = network
    table = _judge(classifier, photographs.validation)
    table.to_csv(out / "masks_val.csv", index=False)
    store_mask_network(checkpoint, network, run.best)
    return table


def _matched_cut(network: MaskNetwork, rusty: Sequence[MaskedPhotograph]) -> float:
    """The probability from which on as much is rust as the outlines have, photographs alike."""
    some = [rusty[index] for index in _spread(len(rusty), _MATCHED)]
    levels = np.linspace(0, 1, 1001)
    found = [
        np.quantile(learnt_probability(network, one.image), levels)
        for one in progress(some, "comparing with the outlines")
    ]
    share = float(np.mean([one.mask.mean() for one in some]))
    return float(np.clip(np.quantile(found, 1 - share), _SUREST, 1 - _SUREST))


def _judge(classifier: CorrosionClassifier, photographs: Photographs) -> pd.DataFrame:
    """How much of some photographs of each class is rust, with and without the mask network."""
    rows = []
    for label in (1, 0):
        of_class = [path for path, known in photographs if known == label]
        some = [of_class[index] for index in _spread(len(of_class), _JUDGED)]
        name = "corroded" if label else "sound"
        for path in progress(some, f"measuring {name} photographs"):
            image = read_image(path, min_side=MAP_SIDE)
            evidence = rust_evidence(classifier, image)
            assert isinstance(evidence, JointRust)
            rows.append(
                {
                    "path": str(path),
                    "label": label,
                    "rusted_share": float(evidence.mask(image).mean()),
                    "rusted_share_from_labels": float(evidence.seen.mask(image).mean()),
                }
            )
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _spread(count: int, most: int) -> list[int]:
    """Indices of at most so many of some things, evenly spread."""
    return sorted({round(index) for index in np.linspace(0, count - 1, min(count, most))})
