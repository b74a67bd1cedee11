"""How a mask network learns: from which photographs, and by which steps."""

from __future__ import annotations

from collections.abc import Sequence

import lightning as L
import torch
from torch.utils.data import DataLoader

from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.device import lightning_device
from corrosion.models.mask_network import MaskNetwork
from corrosion.settings.mask_training import MaskTrainingSettings
from corrosion.system.lightning_messages import interruptions_raised
from corrosion.system.progress import is_watched, progress
from corrosion.training.callbacks import (
    History,
    SeedBatches,
    StopAtNonFiniteLoss,
    progress_callback,
)
from corrosion.training.masks.labelled import Photographs
from corrosion.training.masks.module import MaskModule
from corrosion.training.masks.photographs import (
    MaskCrops,
    MaskedPhotograph,
    read_outlined,
    read_sound,
)


def outline(classifier: CorrosionClassifier, photographs: Photographs) -> list[MaskedPhotograph]:
    """Outline labelled photographs by the classifier's own masks; those of sound ones are empty.

    Args:
        classifier: classifier in any mode, without a mask network.
        photographs: paths and labels.

    Raises:
        CorrosionError: a photograph can't be read.
    """
    corroded = [path for path, label in photographs if label]
    outlined = {
        path: read_outlined(classifier, path)
        for path in progress(corroded, "outlining what is labelled")
    }
    return [outlined[path] if label else read_sound(path) for path, label in photographs]


def fit(
    network: MaskNetwork,
    photographs: Sequence[MaskedPhotograph],
    settings: MaskTrainingSettings,
    *,
    epochs: int,
    lr: float,
    history: History | None = None,
) -> None:
    """Teach a mask network by crops of photographs with masks.

    Args:
        network: the network, which changes.
        photographs: at least one.
        settings: how it learns.
        epochs: how often it sees each photograph, at least 1.
        lr: largest learning rate of the decoder.
        history: writes the loss of each epoch; None for none.

    Raises:
        CorrosionError: the device is not there, or the loss is not finite.
    """
    crops = MaskCrops(photographs, crop=settings.crop, seed=settings.seed)
    loader = DataLoader(
        crops,
        batch_size=settings.batch_size,
        shuffle=True,
        # batch normalisation can't learn from one crop
        drop_last=len(crops) % settings.batch_size == 1 and len(crops) > 1,
        generator=torch.Generator().manual_seed(settings.seed),
    )
    accelerator, numbers = lightning_device(settings.device)
    on_cuda = accelerator in ("auto", "cuda") and torch.cuda.is_available()
    callbacks = [SeedBatches(settings.seed), StopAtNonFiniteLoss(), progress_callback()]
    try:
        trainer = L.Trainer(
            accelerator=accelerator,
            devices=numbers or 1,
            precision="16-mixed" if on_cuda else "32-true",
            max_epochs=epochs,
            enable_progress_bar=is_watched(),
            callbacks=callbacks if history is None else [*callbacks, history],
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            log_every_n_steps=1,
        )
    except (ValueError, RuntimeError) as error:
        raise CorrosionError(f"device={settings.device}: {error}") from error
    with interruptions_raised():
        trainer.fit(MaskModule(network, lr=lr), loader)
