"""Our checkpoints in any PyTorch program: no Hydra, no Lightning, no network, no pickled code."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch

from corrosion.errors import CorrosionError
from corrosion.models.checkpoint_schema import (
    Calibration,
    CheckpointContent,
    StoredMasks,
)
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.device import choose_device
from corrosion.models.digest import KEY, sign, verify
from corrosion.models.fitting import check_fit, check_width, is_finite
from corrosion.models.kind_head import KindHead
from corrosion.models.mask_network import MaskNetwork
from corrosion.models.state_dicts import NETWORK_PREFIX, below, read_checkpoint, save_whole
from corrosion.models.training_distance import TrainingDistance
from corrosion.runs import checkpoint_of
from corrosion.settings.data import InputSettings
from corrosion.settings.model import NetworkSettings

log = logging.getLogger(__name__)

_CALIBRATION, _DISTANCE, _MASKS = "calibration", "training_distance", "mask_network"
_COMPETENCE, _KINDS = "competence", "kinds"
_NETWORK_SETTINGS = (*NetworkSettings.model_fields, *InputSettings.model_fields)


def load_model(path: str | Path, *, device: str | torch.device = "cpu") -> CorrosionClassifier:
    """Rebuild a trained network from a checkpoint or the directory of a run.

    Args:
        path: path of a checkpoint, of a run's directory, which stands for its best epoch, or of a
            folder that `corrosion pack` has written.
        device: device of the network: "auto" (a GPU if there is one), "cpu", "cuda",
            "cuda:1" or "mps".

    Returns:
        A plain `nn.Module` in evaluation mode with `classes`, `threshold`, `image_size`, `resize`
        and, if training could choose them on validation, `temperature` (in `predict_proba`),
        `thresholds`, `band`, `training_distance`, `competence` and `mask_network` (None where there
        is none), and `kinds` of corrosion (empty where it has learnt none); it maps RGB
        images (N, 3, H, W), uint8 or float in [0, 1], to logits (N,).

    Raises:
        CorrosionError: the file is missing, damaged, changed since it was written, contains pickled
            code, values out of their range or weights that are not finite, or is no checkpoint of
            this project; or the machine lacks the device.

    Example:
        >>> model = load_model("outputs/RUN", device="auto")  # doctest: +SKIP
        >>> model.predict_proba(images)  # doctest: +SKIP
        tensor([0.9731, 0.0213])
        >>> load_model("best.ckp")
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: No checkpoint or file of weights at best.ckp.
    """
    place = choose_device(device)
    path = checkpoint_of(path) if Path(path).is_dir() else Path(path)
    return _network(path, *read_content(path, mapped=True)).to(place).eval()


def _network(
    path: Path, content: Mapping[str, Any], values: CheckpointContent
) -> CorrosionClassifier:
    settings = values.hyper_parameters
    arguments = {name: getattr(settings, name) for name in _NETWORK_SETTINGS}
    state = below(values.state_dict, NETWORK_PREFIX)
    try:
        with torch.device("meta"):  # without memory, which the file's tensors must be worth
            outline = CorrosionClassifier(**arguments)
        check_fit(state, outline.state_dict(), path, f"network it describes ({settings.backbone})")
        network = CorrosionClassifier(**arguments)
    except CorrosionError as error:
        told = str(error)
        raise CorrosionError(told if str(path) in told else f"{path}: {told}") from error
    network.load_state_dict(state)
    if not is_finite(network) or not (network.std > 0).all():
        raise CorrosionError(
            f"{path} holds weights that are not finite (NaN), and knows nothing: its training has "
            f"diverged. Train again with a lower model.lr, or take another checkpoint."
        )
    if settings.shortcut:
        log.warning(
            "%s was trained on corroded images with a planted mark (data.shortcut=%g): a test of "
            "explanations, no network to find corrosion with",
            path,
            settings.shortcut,
        )
    if (chosen := values.calibration) is not None:
        network.temperature = chosen.temperature
        network.thresholds = dict(chosen.thresholds)
        network.band = chosen.band
    features = network.head.dense.in_features
    if (distance := values.training_distance) is not None:
        check_width("training_distance.reference", distance.reference, features, path)
        network.training_distance = TrainingDistance(
            distance.reference, distance.limit, pooling=distance.pooling
        )
    if (kinds := values.kinds) is not None:
        check_width("kinds.weight", kinds.weight, features, path)
        told = content[_KINDS].get(_COMPETENCE)
        network.kind_head = KindHead(kinds.names, kinds.weight, kinds.bias, told)
    if (masks := values.mask_network) is not None:
        network.mask_network = _mask_network(outline, network, masks, path)
    network.competence = content.get(_COMPETENCE)
    return network


def _mask_network(
    outline: CorrosionClassifier, network: CorrosionClassifier, stored: StoredMasks, path: Path
) -> MaskNetwork:
    with torch.device("meta"):
        wanted = MaskNetwork(outline.backbone, outline.mean, outline.std).state_dict()
    check_fit(stored.state_dict, wanted, path, "mask network (corrosion train-masks)")
    masks = MaskNetwork(network.backbone, network.mean, network.std)
    masks.load_state_dict(stored.state_dict)
    masks.share_scale, masks.validated = stored.share_scale, stored.validated
    masks.taught_by, masks.alone = stored.taught_by, stored.alone
    if not is_finite(masks):
        raise CorrosionError(
            f"{path}: the weights of its mask network are not finite (NaN). Train it again with a "
            f"lower lr (corrosion train-masks)."
        )
    return masks


def check_network(network: object) -> None:
    """Refuse what is no network, as the path of a checkpoint where its network is wanted.

    Args:
        network: what was given for a network.

    Raises:
        CorrosionError: it is no `CorrosionClassifier`.
    """
    if not isinstance(network, CorrosionClassifier):
        path = f'"{network}"' if isinstance(network, (str, Path)) else "CHECKPOINT"
        raise CorrosionError(
            f"{_brief(network)} is no network: give the one of corrosion.load_model({path})."
        )


def _brief(value: object) -> str:
    return repr(str(value)) if isinstance(value, (str, Path)) else f"a {type(value).__name__}"


def store_choices(
    path: Path,
    calibration: Calibration | None,
    distance: TrainingDistance | None = None,
    competence: Mapping[str, Any] | None = None,
    kinds: KindHead | None = None,
) -> None:
    """Add to a checkpoint what was found out after its training; its tensors stay as they are.

    Args:
        path: path of the checkpoint.
        calibration: temperature, thresholds and band; None leaves what the checkpoint has.
        distance: what tells photographs unlike those of the training; None likewise.
        competence: plain values of `corrosion.evaluation.competence.Competence`; None likewise.
        kinds: what tells kinds of corrosion; None likewise.

    Raises:
        CorrosionError: the file can't be loaded (see `load_model`), or not be written; it then
            stays as it was.
    """
    content, _ = read_content(path)
    if calibration is not None:
        content[_CALIBRATION] = {**dict(calibration), "thresholds": dict(calibration.thresholds)}
    if distance is not None:
        content[_DISTANCE] = {
            "reference": distance.reference.cpu(),
            "limit": distance.limit,
            "pooling": distance.pooling,
        }
    if competence is not None:
        content[_COMPETENCE] = dict(competence)
    if kinds is not None:
        content[_KINDS] = kinds.stored()
    write_checkpoint(content, path)


def store_mask_network(checkpoint: Path, masks: MaskNetwork, path: Path) -> None:
    """Write a checkpoint with a mask network beside its classifier.

    Args:
        checkpoint: path of the classifier's checkpoint, which stays as it is.
        masks: what has learnt where rust is on a copy of its backbone.
        path: path of the new checkpoint.

    Raises:
        CorrosionError: the checkpoint can't be loaded (see `load_model`), or the new one not be
            written.
    """
    content, _ = read_content(checkpoint)
    content[_MASKS] = {
        "state_dict": masks.state_dict(),
        "share_scale": masks.share_scale,
        "validated": masks.validated,
        "taught_by": masks.taught_by,
        "alone": masks.alone,
    }
    write_checkpoint(content, path)


def write_checkpoint(content: dict[str, Any], path: Path) -> None:
    """Write a checkpoint with its digest, whole or not at all.

    Args:
        content: by key, as `corrosion.models.checkpoint_schema.CheckpointContent` describes it.
        path: path of the file.

    Raises:
        CorrosionError: a value is one that `load_model` would refuse, the disk is full, or the
            folder can't be written; an older file at `path` stays as it was.
    """
    CheckpointContent.read_from(content, path)
    sign(content)
    save_whole(content, path)


def describe(path: str | Path) -> dict[str, Any]:
    """Describe a checkpoint: its hyperparameters, epoch (from 1) and number of parameters.

    Args:
        path: path of a checkpoint, or of a run's directory, which stands for its best epoch.

    Raises:
        CorrosionError: the file can't be loaded: see `load_model`.
    """
    path = checkpoint_of(path)
    content, values = read_content(path, mapped=True)
    network = _network(path, content, values)
    distance, masks = network.training_distance, network.mask_network
    rule = values.calibration.band_rule if values.calibration else ""
    return {
        "classes": ", ".join(network.classes),
        **content["hyper_parameters"],
        "temperature": network.temperature,
        "thresholds": dict(network.thresholds),
        "band": network.band,
        **({"band_rule": rule} if rule else {}),
        "training_distance": None
        if distance is None
        else f"limit {distance.limit:.4f}, {len(distance.reference)} training photographs",
        "mask_network": None if masks is None else masks.lesson,
        **({"kinds": ", ".join(network.kinds)} if network.kinds else {}),
        "epoch": values.epoch + 1,
        KEY: content.get(KEY),
        "parameters": sum(
            parameter.numel()
            for part in (network.backbone, network.head)
            for parameter in part.parameters()
        ),
    }


def read_content(path: Path, *, mapped: bool = False) -> tuple[dict[str, Any], CheckpointContent]:
    """Read a checkpoint and check its values and its digest.

    Args:
        path: path of the file, or of the `model.safetensors` of a packed one.
        mapped: as for `corrosion.models.state_dicts.read_checkpoint`.

    Returns:
        What it holds by key, and the checked values.

    Raises:
        CorrosionError: the file can't be read, is no checkpoint, or was changed: see `load_model`.
    """
    content = read_checkpoint(path, mapped=mapped)
    values = CheckpointContent.read_from(content, path)
    if not verify(content, path):
        _warn_of_unsigned(path)
    return content, values


@cache
def _warn_of_unsigned(path: Path) -> None:
    """Say it once: a command may read a checkpoint several times."""
    log.warning(
        "%s has no %s, as checkpoints of earlier versions have none: nothing tells whether it was "
        "changed since it was written",
        path,
        KEY,
    )
