"""The module that a training begins or goes on with."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corrosion.errors import CorrosionError
from corrosion.models.backbones import check_runs
from corrosion.models.checkpoint import load_model
from corrosion.models.weights import load_weights
from corrosion.runs import RunDirectory
from corrosion.training.module import CorrosionModule

log = logging.getLogger(__name__)

_MODULE_KEYS = (
    "backbone",
    "dense_units",
    "spatial_dropout",
    "dropout",
    "threshold",
    "tta",
    "lr",
    "backbone_lr_factor",
    "layer_decay",
    "weight_decay",
    "unfreeze",
    "head_epochs",
    "schedule",
    "warmup_epochs",
    "label_smoothing",
    "mixup",
    "cutmix",
    "ema",
    "compile",
)


def new_module(config: Mapping[str, Any]) -> CorrosionModule:
    """A module with its first weights.

    Args:
        config: as for `corrosion.training.run.train`.

    Raises:
        CorrosionError: a value of `model` is bad, the network can't take the images' size, or its
            weights can't be had.
    """
    model = config["model"]
    module = _module(model, config["data"])
    network = module.network
    check_runs(network.backbone, model["backbone"], image_size=network.image_size)
    network.train()
    weights = load_weights(network, model["backbone"], model["weights"])
    if weights.used == "random" and model["from_random"]:
        log.info("weights are random: %s (model.from_random)", _listed(model["from_random"]))
        module = _module({**model, **model["from_random"]}, config["data"])
    module.hparams["weights"] = weights.as_dict()
    return module


def _module(model: Mapping[str, Any], data: Mapping[str, Any]) -> CorrosionModule:
    return CorrosionModule(
        **{key: model[key] for key in _MODULE_KEYS},
        image_size=data["image_size"],
        resize=data["resize"],
        shortcut=data["shortcut"],
    )


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in values.items())


def resumed_module(checkpoint: Path, config: Mapping[str, Any]) -> CorrosionModule:
    """The module of a run that goes on.

    Args:
        checkpoint: of that run.
        config: as for `corrosion.training.run.train`.

    Raises:
        CorrosionError: the checkpoint is bad, or the training images were marked otherwise.
    """
    log.info("going on from %s", checkpoint)
    try:
        load_model(checkpoint)  # tells in one sentence what is wrong with a bad file
    except CorrosionError as error:
        run = RunDirectory.holding(checkpoint)
        best = None if run is None else run.best
        if best is None or checkpoint == best or not best.is_file():
            raise
        raise CorrosionError(
            f"{error} To go on from the best epoch instead: resume={best}"
        ) from error
    module = CorrosionModule.load_from_checkpoint(checkpoint, map_location="cpu", weights_only=True)
    if module.hparams["shortcut"] != config["data"]["shortcut"]:
        # what the run has written says how its images were marked, and must stay true
        raise CorrosionError(
            f"data.shortcut={config['data']['shortcut']}: {checkpoint} was trained with "
            f"data.shortcut={module.hparams['shortcut']}, and goes on with that alone."
        )
    return module
