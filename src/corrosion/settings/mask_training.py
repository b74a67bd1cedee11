"""What `corrosion train-masks` can be told."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from corrosion.settings.base import Settings
from corrosion.settings.inference import Device
from corrosion.settings.types import AnyPath, BatchSize, Epochs, LearningRate, Probability, Seed


class MaskTrainingSettings(Settings):
    """How a network learns from masks."""

    device: Device = "auto"
    """Where it learns: auto (a GPU if there is one), cpu, cuda, cuda:1 or mps."""
    epochs: Epochs = 20
    """How often it sees each photograph with a mask; outlined ones it sees once."""
    lr: LearningRate = 1e-3
    """Largest learning rate of the decoder; the backbone, which has learnt before, has a tenth."""
    batch_size: BatchSize = 8
    """Crops in a step."""
    crop: Annotated[int, Ge(64), Le(1024)] = 320
    """Side of the crops in pixels; each shows a third of a photograph to all of it."""
    validation: Probability = 0.2
    """Share of the photographs with masks that are kept for validation."""
    masks_only: bool = False
    """Learn from the masks of FOLDER alone. By default it learns first from the photographs that
    the network was trained on, as its masks from labels alone outline them: a few dozen masks by
    themselves teach less than labels do."""
    sound: AnyPath | None = None
    """Folder of photographs without any rust, which teach what is none beside the masks of FOLDER:
    as many of them as there are with masks."""
    seed: Seed = 0
    """Seed of the validation photographs, the decoder's weights, order and augmentation."""
