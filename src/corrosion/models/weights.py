"""Where a network's first weights come from: ImageNet, a file, one of our checkpoints, chance."""

from __future__ import annotations

import logging
import sys
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from huggingface_hub import constants, try_to_load_from_cache
from torch import Tensor, nn

from corrosion.errors import CorrosionError
from corrosion.models.backbones import create_backbone, pretrained_cfg, timm_name
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.keras_weights import load_keras_weights
from corrosion.models.packaged_weights import PACKAGES, find_installed_weights
from corrosion.models.state_dicts import NETWORK_PREFIX, below, read_weights

log = logging.getLogger(__name__)

_REACH_SECONDS = 5.0


@dataclass(frozen=True)
class LoadedWeights:
    """What a training started from; stands in every result file.

    Attributes:
        requested: the value of `model.weights`; of a path the file's name alone, since results are
            sent away.
        used: "imagenet", "random" or "file".
        detail: name of the weights and of the package that they come from, if they come from one;
            what the file holds; or why they are random.
    """

    requested: str | None
    used: str
    detail: str

    def as_dict(self) -> dict[str, str | None]:
        """The fields as plain values, for JSON."""
        return asdict(self)


def load_weights(network: CorrosionClassifier, backbone: str, weights: str | None) -> LoadedWeights:
    """Fill a freshly built network with its first weights, in place.

    ImageNet weights are looked for in the hub's cache on this machine, in installed packages, and
    last on the hub itself: so what is installed is used at once, the same with and without a
    network.

    Args:
        network: built with the same `backbone`.
        backbone: a name of `corrosion.models.backbones`.
        weights: "imagenet" (or what else timm's tag of the backbone names, for DINOv2 LVD-142M);
            "auto" (the same where they can be had, else random with a warning); None (random); or a
            path: a timm, torchvision or torch state dict (.pth, .pt, .bin,
            .safetensors), Keras' NASNetMobile (.h5), or one of our checkpoints (.ckpt). Position
            embeddings of another image size are resampled.

    Raises:
        CorrosionError: "imagenet" can't be had, or the file is missing, not a file of weights,
            contains pickled code, or doesn't fit the backbone.
    """
    if weights is None:
        return LoadedWeights(None, "random", "weights=null")
    if weights not in ("auto", "imagenet"):
        return _load_file(network, Path(weights).expanduser())
    try:
        state, detail = _imagenet_state(backbone, network)
    except CorrosionError as error:
        if weights == "imagenet":
            raise
        log.warning(
            "RANDOM WEIGHTS: no ImageNet weights for %s, so training starts from chance and "
            "needs more images and epochs for the same accuracy. %s",
            backbone,
            error,
        )
        # the path of this machine's cache does not belong in results
        reason = str(error).replace(str(constants.HF_HUB_CACHE), "HF_HUB_CACHE")
        return LoadedWeights(weights, "random", f"ImageNet weights not available: {reason}")
    network.backbone.load_state_dict(state)
    return LoadedWeights(weights, "imagenet", detail)


def _imagenet_state(backbone: str, network: CorrosionClassifier) -> tuple[dict[str, Tensor], str]:
    """ImageNet weights of a backbone and where they come from; fails fast when offline."""
    name, cfg = timm_name(backbone), pretrained_cfg(backbone)
    if not cfg.has_weights:
        raise CorrosionError(f"timm has no ImageNet weights for backbone={backbone!r}.")
    if cfg.hf_hub_id and not _cached(cfg.hf_hub_id):
        published = f"{cfg.architecture}.{cfg.tag}"
        installed = find_installed_weights(published)
        if installed:
            fresh = network.backbone.state_dict()  # the file has no counters of batches
            state = installed.state_dict(network.backbone)
            return fresh | state, f"{published} from {installed.package}"
        if not _reachable(constants.ENDPOINT):  # timm would retry for most of a minute, twice
            raise _out_of_reach(published, cfg.hf_hub_id)
    try:
        trained = create_backbone(backbone, image_size=network.image_size, pretrained=True)
    except (OSError, RuntimeError) as error:
        raise CorrosionError(
            f"ImageNet weights for backbone={backbone!r} can't be loaded: {error} "
            f"Pass weights=PATH to a file of weights, or weights=null."
        ) from error
    return trained.state_dict(), name


def _out_of_reach(published: str, hub_id: str) -> CorrosionError:
    package = PACKAGES.get(published)
    install = f"Install the package {package.name}, which holds them. Or: " if package else ""
    return CorrosionError(
        f"They are neither cached nor downloadable ({constants.ENDPOINT} can't be reached). "
        f"{install}Download {hub_id} on a machine that is online and copy its folder to "
        f"{constants.HF_HUB_CACHE}, or pass weights=PATH to a file of weights, or "
        f"weights=null to start from random weights."
    )


def _cached(hub_id: str) -> bool:
    files = ("model.safetensors", "pytorch_model.bin")
    return any(isinstance(try_to_load_from_cache(hub_id, name), str) for name in files)


def _reachable(url: str) -> bool:
    if constants.HF_HUB_OFFLINE:
        return False
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_REACH_SECONDS).close()
    except urllib.error.HTTPError:
        return True  # the server answered, if only with a refusal of this page
    except OSError:
        return False
    return True


def _load_file(network: CorrosionClassifier, path: Path) -> LoadedWeights:
    if not path.is_file():
        raise CorrosionError(
            f"weights={path}: no such file. Give auto, imagenet, null or the path of a "
            f"state dict (.pth, .pt, .bin, .safetensors), Keras weights (.h5) or a checkpoint."
        )
    if path.suffix in (".h5", ".hdf5"):
        load_keras_weights(network.backbone, path)
        return LoadedWeights(path.name, "file", "Keras weights, backbone only")
    state, pooling = read_weights(path)
    state = below(state, NETWORK_PREFIX) or state
    backbone, head = below(state, "backbone."), below(state, "head.")
    _fill(network.backbone, backbone or state, path)
    if not backbone:
        return LoadedWeights(path.name, "file", "state dict, backbone only")
    wanted = {key: value.shape for key, value in network.head.state_dict().items()}
    fits = {key: value.shape for key, value in head.items()} == wanted
    if not fits or pooling not in (None, network.head.pooling):
        differs = "pooling" if fits else "dense_units"
        log.warning("%s: its head differs (model.%s), so only its backbone is used", path, differs)
        return LoadedWeights(path.name, "file", "our checkpoint, backbone only")
    network.head.load_state_dict(head)
    return LoadedWeights(path.name, "file", "our checkpoint, backbone and head")


def _fill(module: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Load what the backbone needs; a classifier in the file is left out."""
    wanted = module.state_dict()
    missing, misfits = _unfit(wanted, state)
    if missing or misfits:
        converted = _converted(module, state)
        if not any(_unfit(wanted, converted)):
            log.info("%s: fitted to the network as timm fits published weights", path)
            state, missing, misfits = converted, [], []
    if missing or misfits:
        raise CorrosionError(
            f"{path} doesn't fit backbone: {len(missing)} of {len(wanted)} tensors are "
            f"missing, {len(misfits)} have another shape (first: {(missing + misfits)[0]}). "
            f"Use weights saved from the same network."
        )
    module.load_state_dict({key: state[key] for key in wanted if key in state}, strict=False)


def _unfit(wanted: dict[str, Tensor], state: dict[str, Tensor]) -> tuple[list[str], list[str]]:
    """Names of tensors that are missing, and of those that have another shape."""
    missing = [key for key in wanted if key not in state and "num_batches_tracked" not in key]
    misfits = [key for key in wanted if key in state and state[key].shape != wanted[key].shape]
    return missing, misfits


def _converted(module: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights by timm's names and at the network's size, if timm can make them so.

    Next to most architectures stands the function by which timm loads what their authors published:
    it renames tensors and resamples position embeddings that were learnt at another image size.
    """
    convert = getattr(sys.modules[type(module).__module__], "checkpoint_filter_fn", None)
    try:
        return convert(dict(state), module) if convert else state
    except Exception:  # of a file that is no such publication, in as many ways as functions
        return state
