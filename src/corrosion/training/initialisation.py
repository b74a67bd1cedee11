"""The module that a training begins or goes on with."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corrosion.errors import CorrosionError
from corrosion.models.backbones import check_runs
from corrosion.models.checkpoint import load_model
from corrosion.models.checkpoint_schema import TrainingState
from corrosion.models.state_dicts import read_checkpoint
from corrosion.models.weights import load_weights
from corrosion.runs import RunDirectory
from corrosion.settings.model import ModelSettings
from corrosion.settings.run import RunSettings
from corrosion.training.extensions import Extensions
from corrosion.training.module import CorrosionModule

log = logging.getLogger(__name__)


def new_module(settings: RunSettings, extensions: Extensions) -> CorrosionModule:
    """A module with its first weights.

    Args:
        settings: of the run.
        extensions: the user's own loss and metrics.

    Raises:
        CorrosionError: the network can't take the images' size, or its weights can't be had.
    """
    model = settings.model
    module = _module(model, settings, extensions)
    network = module.network
    check_runs(network.backbone, model.backbone, image_size=network.image_size)
    network.train()
    weights = load_weights(network, model.backbone, model.weights)
    if weights.used == "random" and model.from_random:
        log.info("weights are random: %s (model.from_random)", _listed(model.from_random))
        model = model.from_random_weights()
        module = _module(model, settings, extensions)
    module.hparams["weights"] = weights.as_dict()
    return module


def _module(model: ModelSettings, settings: RunSettings, extensions: Extensions) -> CorrosionModule:
    return CorrosionModule(
        **{key: value for key, value in dict(model).items() if key != "weights"},
        image_size=settings.data.image_size,
        resize=settings.data.resize,
        shortcut=settings.data.shortcut,
        loss_function=extensions.loss,
        metrics=extensions.metrics,
    )


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in values.items())


def resumed_module(
    checkpoint: Path, settings: RunSettings, extensions: Extensions
) -> CorrosionModule:
    """The module of a run that goes on.

    Args:
        checkpoint: of that run.
        settings: of the run.
        extensions: the user's own loss and metrics.

    Raises:
        CorrosionError: the checkpoint is bad, or the training images were marked otherwise.
    """
    log.info("going on from %s", checkpoint)
    try:
        load_model(checkpoint)  # tells in one sentence what is wrong with a bad file
        TrainingState.check(read_checkpoint(checkpoint, mapped=True), checkpoint)
    except CorrosionError as error:
        run = RunDirectory.holding(checkpoint)
        best = None if run is None else run.best
        if best is None or checkpoint == best or not best.is_file():
            raise
        raise CorrosionError(
            f"{error} To go on from the best epoch instead: resume={best}"
        ) from error
    module = CorrosionModule.load_from_checkpoint(
        checkpoint,
        map_location="cpu",
        weights_only=True,
        loss_function=extensions.loss,
        metrics=extensions.metrics,
    )
    if module.hparams["shortcut"] != settings.data.shortcut:
        # what the run has written says how its images were marked, and must stay true
        raise CorrosionError(
            f"shortcut={settings.data.shortcut:g}: {checkpoint} was trained with "
            f"shortcut={module.hparams['shortcut']:g}, and goes on with that alone."
        )
    return module
