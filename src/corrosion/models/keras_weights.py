"""Keras' weights of NASNetMobile: read the legacy HDF5 layout, fetch the ImageNet files.

In the legacy layout (Keras 2's `save_weights("x.h5")`; `model.save("x.h5")` to this day, there
below a group `model_weights`) the root lists the layers in `layer_names`, and each layer is a group
that lists its arrays in `weight_names`. Reference: `keras.src.legacy.saving.legacy_h5_format`.

ImageNet weights are downloaded once from where `keras.applications` gets them, checked by md5,
and kept as safetensors in the cache folder (`corrosion.data.cache.directory`: CORROSION_CACHE, else
~/.cache/corrosion). To do without network, put the .h5 file there by hand.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import shutil
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from corrosion.data.cache.directory import cache_dir
from corrosion.errors import CorrosionError
from corrosion.models.keras_layers import keras_layers
from corrosion.system.files import replacing

log = logging.getLogger(__name__)

Array = np.ndarray[Any, np.dtype[Any]]
HDF5_SUFFIXES = (".h5", ".hdf5")
_TIMEOUT_SECONDS = 30.0
_BASE_URL = "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/"


@dataclass(frozen=True)
class KerasFile:
    """A file of weights that `keras.applications` offers.

    Attributes:
        url: where it is downloaded; its last part is the file's name.
        md5: of the file, in hexadecimal.
        classes: outputs of its classifier, 0 without.
    """

    url: str
    md5: str
    classes: int

    @property
    def name(self) -> str:
        """The file's name in the cache."""
        return self.url.rsplit("/", 1)[1]


WITH_TOP = KerasFile(f"{_BASE_URL}NASNet-mobile.h5", "020fb642bf7360b370c678b08e0adf61", 1000)
WITHOUT_TOP = KerasFile(
    f"{_BASE_URL}NASNet-mobile-no-top.h5", "1ed92395b5b598bdda52abe5c0dbfd63", 0
)


def imagenet_weights(*, with_top: bool, folder: str | Path | None = None) -> Path:
    """Find, or download and convert, the ImageNet weights.

    Args:
        with_top: the 1000-class classifier is needed.
        folder: instead of `cache_dir()`.

    Returns:
        A safetensors file with the state dict of `NASNet`.

    Raises:
        CorrosionError: the file can't be downloaded, or its md5 is not the official one.
    """
    folder = Path(folder) if folder else cache_dir()
    usable = (WITH_TOP,) if with_top else (WITHOUT_TOP, WITH_TOP)
    for file in usable:
        converted = (folder / file.name).with_suffix(".safetensors")
        if converted.is_file():
            return converted
        placed_by_hand = folder / file.name
        if placed_by_hand.is_file():
            return _convert(placed_by_hand, file, converted, origin=str(placed_by_hand))
    file = usable[0]
    with TemporaryDirectory() as scratch:
        downloaded = Path(scratch) / file.name
        _download(file, downloaded, folder)
        converted = (folder / file.name).with_suffix(".safetensors")
        return _convert(downloaded, file, converted, origin=f"The download from {file.url}")


def _download(file: KerasFile, target: Path, folder: Path) -> None:
    log.info("Downloading %s", file.url)
    try:
        with (
            urllib.request.urlopen(file.url, timeout=_TIMEOUT_SECONDS) as response,
            target.open("wb") as out,
        ):
            shutil.copyfileobj(response, out)
    except (OSError, http.client.HTTPException) as error:
        raise CorrosionError(
            f"ImageNet weights of nasnetmobile can't be downloaded from {file.url}: {error}. "
            f"Without network, get that file (md5 {file.md5}) elsewhere and put it at "
            f"{folder / file.name}."
        ) from error


def _convert(source: Path, file: KerasFile, target: Path, *, origin: str) -> Path:
    """Write the state dict of an official file to `target`, whole or not at all."""
    with source.open("rb") as content:
        md5 = hashlib.file_digest(content, _md5).hexdigest()
    if md5 != file.md5:
        raise CorrosionError(
            f"{origin} is not Keras' {file.name}: its md5 is {md5}, not {file.md5}. It was cut "
            f"short or altered on the way: try again, or get {file.url} elsewhere and put it at "
            f"{target.with_name(file.name)}."
        )
    state = read_keras_weights(source)
    with replacing(target) as temporary:
        save_file({key: value.contiguous() for key, value in state.items()}, temporary)
    log.info("Cached %s", target)
    return target


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)  # plain md5 is barred on FIPS systems


def load_keras_weights(model: nn.Module, path: str | Path) -> None:
    """Fill a NASNet-A Mobile with weights of `keras.applications.NASNetMobile`, in place.

    Args:
        model: `timm.create_model("nasnetmobile", ...)`. With `num_classes=0` a classifier in the
            file is left out; a file without one leaves the model's as it is, with a warning.
        path: HDF5 file in the legacy layout, weights alone or a whole model.

    Raises:
        CorrosionError: the file is missing or not HDF5, is laid out otherwise, lacks layers, or
            holds arrays of other shapes, a classifier of another number of classes among them.
    """
    path = Path(path)
    state = read_keras_weights(path)
    wanted = model.state_dict()
    if "classifier.weight" not in wanted:
        state = {key: value for key, value in state.items() if not key.startswith("classifier.")}
    elif "classifier.weight" not in state:
        log.warning("%s has no classifier: the one of the model stays as it is.", path)
    elif len(state["classifier.bias"]) != len(wanted["classifier.bias"]):
        classes = len(state["classifier.bias"])
        raise CorrosionError(
            f"{path} classifies {classes} classes, the model {len(wanted['classifier.bias'])}. "
            f"Create the model with num_classes={classes} and call reset_classifier after "
            f"loading, or use a file without top."
        )
    in_file = {key: tuple(value.shape) for key, value in state.items()}
    in_model = {
        key: tuple(value.shape)
        for key, value in wanted.items()
        if not key.endswith("num_batches_tracked") and (key in state or "classifier." not in key)
    }
    for key in in_file | in_model:
        if in_file.get(key) != in_model.get(key):
            raise CorrosionError(
                f"{path} doesn't fit the model: {key} has shape {in_file.get(key)} in the file, "
                f"{in_model.get(key)} in the model. The file is for timm.create_model("
                f"'nasnetmobile') with in_chans=3."
            )
    model.load_state_dict(state, strict=False)


def read_keras_weights(path: str | Path) -> dict[str, Tensor]:
    """Read a file of `keras.applications.NASNetMobile` as a state dict of `NASNet`.

    Layers are found by name; where the names differ but their number is right, by order.

    Args:
        path: HDF5 file in the legacy layout, weights alone or a whole model.

    Returns:
        float32 tensors by name; `classifier.weight` and `.bias` only if the file has a top.

    Raises:
        CorrosionError: the file is missing or not HDF5, is laid out otherwise, or lacks layers.
    """
    path = Path(path)
    if not path.is_file():
        raise CorrosionError(f"No Keras weights at {path}.")
    if not h5py.is_hdf5(path):
        raise CorrosionError(
            f"{path} is not an HDF5 file. Expected is Keras' .h5; a download that was cut short "
            f"or an error page saved under that name looks like this: get the file again."
        )
    try:
        with h5py.File(path, "r") as file:
            layers = _weighted_layers(file, path)
    except (OSError, KeyError, RuntimeError) as error:
        raise CorrosionError(f"{path} is damaged, get the file again: {error}") from error
    state: dict[str, Tensor] = {}
    for name, keys in _match(layers, path).items():
        if [array.ndim for array in layers[name]] != [_ndim(key) for key in keys]:
            raise CorrosionError(
                f"{path}: layer {name} holds arrays of shapes "
                f"{[array.shape for array in layers[name]]}, which can't be {', '.join(keys)}. "
                f"Use a file of keras.applications.NASNetMobile."
            )
        for key, array in zip(keys, layers[name], strict=True):
            state[key] = _to_torch(key, array)
    return state


def _weighted_layers(file: h5py.File, path: Path) -> dict[str, list[Array]]:
    """Layers that have weights, in the file's order, each with its arrays in Keras' order."""
    root = file.get("model_weights", file)
    names = _string_list(root, "layer_names")
    if not names:
        raise CorrosionError(
            f"{path} has no `layer_names`: it is not in Keras' legacy HDF5 layout. Keras 3's "
            f".weights.h5 is another one; there, save the whole model: model.save('x.h5')."
        )
    layers = {
        name: [root[name][key][()] for key in _string_list(root[name], "weight_names")]
        for name in names
    }
    return {name: arrays for name, arrays in layers.items() if arrays}


def _string_list(group: h5py.Group, key: str) -> list[str]:
    """A list among a group's attributes; Keras cuts a long one into key0, key1, ..."""
    numbered = (f"{key}{index}" for index in count())
    pieces = [key] if key in group.attrs else takewhile(lambda name: name in group.attrs, numbered)
    return [
        name.decode() if isinstance(name, bytes) else str(name)
        for piece in pieces
        for name in group.attrs[piece]
    ]


def _match(layers: Mapping[str, list[Array]], path: Path) -> dict[str, tuple[str, ...]]:
    """Assign the file's layers: their name in the file -> keys of our state dict."""
    expected = keras_layers(with_top="predictions" in layers)
    if expected.keys() <= layers.keys():
        return expected
    if len(layers) == len(expected) + 1:
        expected = keras_layers(with_top=True)
    missing = [name for name in expected if name not in layers]
    in_place = [
        name == wanted or name not in expected
        for name, wanted in zip(layers, expected, strict=False)
    ]
    if len(layers) != len(expected) or not all(in_place):
        raise CorrosionError(
            f"{path} lacks {len(missing)} of NASNetMobile's {len(expected)} layers, among them "
            f"{missing[0]}. Use a file of keras.applications.NASNetMobile (not NASNetLarge)."
        )
    log.warning("%s: %d layers have unknown names, matched by order.", path, len(missing))
    return dict(zip(layers, expected.values(), strict=True))


def _ndim(key: str) -> int:
    """Dimensions of Keras' array for a key of our state dict."""
    module, parameter = key.rsplit(".", 1)
    if parameter != "weight" or module.endswith(".bn"):
        return 1
    return 2 if module == "classifier" else 4


def _to_torch(key: str, array: Array) -> Tensor:
    """Reorder a kernel's axes: Keras has (height, width, in, out), out being 1 if depthwise."""
    if array.ndim == 4:
        array = array.transpose((2, 3, 0, 1) if "depthwise" in key else (3, 2, 0, 1))
    elif array.ndim == 2:
        array = array.T
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
