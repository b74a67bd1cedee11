"""Read Keras' weights of NASNetMobile from its legacy HDF5 layout.

In the legacy layout (Keras 2's `save_weights("x.h5")`; `model.save("x.h5")` to this day, there
below a group `model_weights`) the root lists the layers in `layer_names`, and each layer is a group
that lists its arrays in `weight_names`. Reference: `keras.src.legacy.saving.legacy_h5_format`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import count, product, takewhile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from corrosion.errors import CorrosionError
from corrosion.system.files import unreadable

log = logging.getLogger(__name__)

Array = np.ndarray[Any, np.dtype[Any]]
HDF5_SUFFIXES = (".h5", ".hdf5")
_LARGEST = 2**28  # bytes of all arrays; NASNetMobile's take a tenth

# how `keras.applications.NASNetMobile` names its layers, by our names within a cell
_ENTRY_LAYERS = {
    "squeeze.conv": "{kind}_conv_1_{block}",
    "squeeze.bn": "{kind}_bn_1_{block}",
    "adjust.conv": "adjust_conv_projection_{block}",
    "adjust.conv_even": "adjust_conv_1_{block}",
    "adjust.conv_odd": "adjust_conv_2_{block}",
    "adjust.bn": "adjust_bn_{block}",
}

# Keras orders layers by their distance from the output, which mixes the branches of a cell.
_STEM_1 = ("squeeze.conv", "squeeze.bn")
_STEM_2 = ("adjust.conv_even", "adjust.conv_odd", "squeeze.conv", "squeeze.bn", "adjust.bn")
_REDUCE = ("squeeze.conv", "adjust.conv", "squeeze.bn", "adjust.bn")
_FIRST_NORMAL = ("adjust.conv_even", "adjust.conv_odd", "squeeze.conv", "adjust.bn", "squeeze.bn")
_NORMAL = ("adjust.conv", "squeeze.conv", "adjust.bn", "squeeze.bn")

_NORMAL_BRANCHES = [
    f"{branch}.{layer}"
    for layer, branch in product(
        ("sep1", "sep1.bn", "sep2", "sep2.bn"), ("left1", "right1", "left2", "right2", "left5")
    )
]
_REDUCTION_BRANCHES = [
    *("left1.sep1", "right1.sep1", "left1.sep1.bn", "right1.sep1.bn"),
    *("left1.sep2", "right1.sep2", "left1.sep2.bn", "right1.sep2.bn"),
    *("right2.sep1", "right2.sep1.bn"),
    *("right3.sep1", "left4.sep1", "right3.sep1.bn", "left4.sep1.bn"),
    *("right2.sep2", "right2.sep2.bn"),
    *("right3.sep2", "left4.sep2", "right3.sep2.bn", "left4.sep2.bn"),
]


def load_keras_weights(model: nn.Module, path: str | Path) -> None:
    """Fill a NASNet-A Mobile with weights of `keras.applications.NASNetMobile`, in place.

    Args:
        model: network of `timm.create_model("nasnetmobile", ...)`. With `num_classes=0` a
            classifier in the file is left out; a file without one leaves the model's as it is,
            with a warning.
        path: path of an HDF5 file in the legacy layout, weights alone or a whole model.

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
        path: path of an HDF5 file in the legacy layout, weights alone or a whole model.

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
    # h5py has many kinds, of which UnicodeError is a ValueError
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise unreadable(path, error, "It is damaged: get the file again.") from error
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
    layers: dict[str, list[Array]] = {}
    size = 0
    for name in names:
        group = root[name]
        found = [_dataset(group, key) for key in _string_list(group, "weight_names")]
        size += sum(one.nbytes for one in found)
        if size > _LARGEST:
            raise ValueError(f"its arrays take more than {_LARGEST // 2**20} MiB")
        if found:
            layers[name] = [one[()] for one in found]
    return layers


def _dataset(group: h5py.Group, key: str) -> h5py.Dataset:
    """An array of a group that lies in this file: HDF5 can also name places in others."""
    found = group[key]
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise ValueError(f"{key} is no array of this file")
    if Path(found.file.filename) != Path(group.file.filename) or found.dtype.kind not in "fiu":
        raise ValueError(f"{key} is no array of numbers of this file")
    return found


def _string_list(group: h5py.Group, key: str) -> list[str]:
    """A list among a group's attributes; Keras cuts a long one into key0, key1, ..."""
    numbered = (f"{key}{index}" for index in count())
    pieces = [key] if key in group.attrs else takewhile(lambda name: name in group.attrs, numbered)
    return [
        name.decode("utf-8") if isinstance(name, bytes) else str(name)
        for piece in pieces
        for name in np.atleast_1d(group.attrs[piece])
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


def keras_layers(*, with_top: bool) -> dict[str, tuple[str, ...]]:
    """List the layers with weights, in the order of Keras' `Model.layers`.

    Args:
        with_top: whether the classifier is one of them.

    Returns:
        The keys of `NASNet.state_dict()` that each layer's arrays belong to, by Keras' name of the
        layer.
    """
    layers = {"stem_conv1": _keys("stem.0.conv"), "stem_bn1": _keys("stem.0.bn")}
    for cell, kind, block, entry in _cells():
        branches = _NORMAL_BRANCHES if kind == "normal" else _REDUCTION_BRANCHES
        for layer in (*entry, *branches):
            layers[_keras_name(layer, kind, block)] = _keys(f"{cell}.{layer}")
    if with_top:
        layers["predictions"] = ("classifier.weight", "classifier.bias")
    return layers


def _cells() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Our name of each cell, its kind, Keras' block_id, and the order of its first layers."""
    yield "stages.0.cells.0", "reduction", "stem_1", _STEM_1
    for stage, block in enumerate(("stem_2", "reduce_4", "reduce_8"), start=1):
        yield f"stages.{stage}.cells.0", "reduction", block, _STEM_2 if stage == 1 else _REDUCE
        first = (0, 5, 9)[stage - 1]  # Keras counts the reduction at 4, but not the one at 8
        for index in range(4):
            entry = _NORMAL if index else _FIRST_NORMAL
            yield f"stages.{stage}.cells.{index + 1}", "normal", str(first + index), entry


def _keras_name(layer: str, kind: str, block: str) -> str:
    if layer in _ENTRY_LAYERS:
        return _ENTRY_LAYERS[layer].format(kind=kind, block=block)
    branch, separable, *norm = layer.split(".")
    return "_".join(["separable_conv", separable[-1], *norm, kind, branch, block])


def _keys(module: str) -> tuple[str, ...]:
    kind = module.rsplit(".", 1)[1]
    if kind == "bn":
        parts: tuple[str, ...] = ("weight", "bias", "running_mean", "running_var")
    elif kind.startswith("sep"):
        parts = ("depthwise.weight", "pointwise.weight")
    else:
        parts = ("weight",)
    return tuple(f"{module}.{part}" for part in parts)
