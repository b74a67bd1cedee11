"""Our checkpoints in any PyTorch program: no Hydra, no Lightning, no network, no pickled code."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.device import choose_device
from corrosion.models.mask_network import MaskNetwork
from corrosion.models.state_dicts import NETWORK_PREFIX, below, read_checkpoint
from corrosion.models.training_distance import TrainingDistance
from corrosion.runs import checkpoint_of
from corrosion.system.files import replacing

log = logging.getLogger(__name__)

_CALIBRATION, _DISTANCE, _MASKS = "calibration", "training_distance", "mask_network"
_COMPETENCE = "competence"
_NETWORK_ARGUMENTS = frozenset(inspect.signature(CorrosionClassifier).parameters)


def load_model(path: str | Path, *, device: str | torch.device = "cpu") -> CorrosionClassifier:
    """Rebuild a trained network from a checkpoint or the directory of a run.

    Args:
        path: path of a checkpoint, or of a run's directory, which stands for its best epoch.
        device: device of the network: "auto" (a GPU if there is one), "cpu", "cuda",
            "cuda:1" or "mps".

    Returns:
        A plain `nn.Module` in evaluation mode with `classes`, `threshold`, `image_size`, `resize`
        and, if training could choose them on validation, `temperature` (in `predict_proba`),
        `thresholds`, `band`, `training_distance`, `competence` and `mask_network` (None where there
        is none); it maps RGB images (N, 3, H, W), uint8 or float in [0, 1], to logits (N,).

    Raises:
        CorrosionError: the file is missing, damaged, contains pickled code or weights that are not
            finite, or is no checkpoint of this project; or the machine lacks the device.

    Example:
        >>> model = load_model("outputs/RUN", device="auto")  # doctest: +SKIP
        >>> model.predict_proba(images)  # doctest: +SKIP
        tensor([0.9731, 0.0213])
        >>> load_model("best.ckp")
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: No checkpoint or file of weights at best.ckp.
    """
    place = choose_device(device)
    path = Path(path)
    if path.is_dir():
        path = checkpoint_of(path)
    content = _read(path)
    hyperparameters = content["hyper_parameters"]
    network = CorrosionClassifier(
        **{key: value for key, value in hyperparameters.items() if key in _NETWORK_ARGUMENTS}
    )
    try:
        network.load_state_dict(below(content["state_dict"], NETWORK_PREFIX))
    except RuntimeError as error:
        raise CorrosionError(
            f"{path} doesn't fit the network it describes ({hyperparameters.get('backbone')}): "
            f"it was written by another version of corrosion or timm. {error}"
        ) from error
    if not _is_finite(network):
        raise CorrosionError(
            f"{path} holds weights that are not finite (NaN), and knows nothing: its training has "
            f"diverged. Train again with a lower model.lr, or take another checkpoint."
        )
    if share := hyperparameters.get("shortcut"):
        log.warning(
            "%s was trained on corroded images with a planted mark (data.shortcut=%g): a test of "
            "explanations, no network to find corrosion with",
            path,
            share,
        )
    chosen = content.get(_CALIBRATION)
    if chosen is not None:
        network.temperature = chosen["temperature"]
        network.thresholds = chosen["thresholds"]
        network.band = chosen["band"]
    if (distance := content.get(_DISTANCE)) is not None:
        network.training_distance = TrainingDistance(**distance)
    if (masks := content.get(_MASKS)) is not None:
        network.mask_network = _mask_network(network, masks, path)
    network.competence = content.get(_COMPETENCE)
    return network.to(place).eval()


def _mask_network(
    network: CorrosionClassifier, content: Mapping[str, Any], path: Path
) -> MaskNetwork:
    masks = MaskNetwork(network.backbone, network.mean, network.std)
    try:
        masks.load_state_dict(content["state_dict"])
        masks.share_scale, masks.validated = content["share_scale"], content["validated"]
    except (RuntimeError, KeyError) as error:
        raise CorrosionError(
            f"{path}: its mask network was written by another version of corrosion, timm or "
            f"segmentation-models-pytorch. Train it again (corrosion train-masks). {error}"
        ) from error
    if not _is_finite(masks):
        raise CorrosionError(
            f"{path}: the weights of its mask network are not finite (NaN). Train it again with a "
            f"lower lr (corrosion train-masks)."
        )
    return masks


def _is_finite(module: nn.Module) -> bool:
    return all(bool(value.isfinite().all()) for value in module.state_dict().values())


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


@dataclass(frozen=True)
class Calibration:
    """What was chosen on the validation set, as a checkpoint keeps it.

    Attributes:
        temperature: temperature of the probabilities, above 0.
        thresholds: thresholds for these probabilities, by what each is for.
        band: lowest and highest probability between which an image goes to an inspector.
        images: number of images of the validation set.
        band_rule: what the band was chosen for, in words; empty where it is unknown.
    """

    temperature: float
    thresholds: Mapping[str, float]
    band: tuple[float, float]
    images: int
    band_rule: str = ""


def store_choices(
    path: Path,
    calibration: Calibration | None,
    distance: TrainingDistance | None = None,
    competence: Mapping[str, Any] | None = None,
) -> None:
    """Add to a checkpoint what was found out after its training; its tensors stay as they are.

    Args:
        path: path of the checkpoint.
        calibration: temperature, thresholds and band; None leaves what the checkpoint has.
        distance: what tells photographs unlike those of the training; None likewise.
        competence: plain values of `corrosion.evaluation.competence.Competence`; None likewise.

    Raises:
        CorrosionError: the file can't be loaded (see `load_model`), or not be written; it then
            stays as it was.
    """
    content = _read(path)
    if calibration is not None:
        content[_CALIBRATION] = asdict(calibration)
    if distance is not None:
        content[_DISTANCE] = {"reference": distance.reference.cpu(), "limit": distance.limit}
    if competence is not None:
        content[_COMPETENCE] = dict(competence)
    with replacing(path) as temporary:
        torch.save(content, temporary)


def store_mask_network(checkpoint: Path, masks: MaskNetwork, path: Path) -> None:
    """Write a checkpoint with a mask network beside its classifier.

    Args:
        checkpoint: path of the classifier's checkpoint, which stays as it is.
        masks: what has learnt from masks on a copy of its backbone.
        path: path of the new checkpoint.

    Raises:
        CorrosionError: the checkpoint can't be loaded (see `load_model`), or the new one not be
            written.
    """
    content = _read(checkpoint)
    content[_MASKS] = {
        "state_dict": masks.state_dict(),
        "share_scale": masks.share_scale,
        "validated": masks.validated,
    }
    with replacing(path) as temporary:
        torch.save(content, temporary)


def describe(path: str | Path) -> dict[str, Any]:
    """Describe a checkpoint: its hyperparameters, epoch (from 1) and number of parameters.

    Args:
        path: path of a checkpoint, or of a run's directory, which stands for its best epoch.

    Raises:
        CorrosionError: the file can't be loaded: see `load_model`.
    """
    path = checkpoint_of(path)
    network = load_model(path)
    content, distance, masks = _read(path), network.training_distance, network.mask_network
    return {
        "classes": ", ".join(network.classes),
        **content["hyper_parameters"],
        "temperature": network.temperature,
        "thresholds": dict(network.thresholds),
        "band": network.band,
        **(
            {"band_rule": rule}
            if (rule := (content.get(_CALIBRATION) or {}).get("band_rule"))
            else {}
        ),
        "training_distance": None
        if distance is None
        else f"limit {distance.limit:.4f}, {len(distance.reference)} training photographs",
        "mask_network": None
        if masks is None
        else f"learnt from masks, {masks.validated} validation photographs",
        "epoch": content["epoch"] + 1,
        "parameters": sum(
            parameter.numel()
            for part in (network.backbone, network.head)
            for parameter in part.parameters()
        ),
    }


def _read(path: Path) -> dict[str, Any]:
    content = read_checkpoint(path)
    if not isinstance(content, dict) or not {"hyper_parameters", "state_dict"} <= content.keys():
        raise CorrosionError(
            f"{path} is no checkpoint of corrosion: a state dict of another program can start a "
            f"training with weights={path}."
        )
    return content
