"""How `keras.applications.NASNetMobile` names and orders its layers, against our `NASNet`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

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


def keras_layers(*, with_top: bool) -> dict[str, tuple[str, ...]]:
    """The layers with weights, in the order of Keras' `Model.layers`.

    Args:
        with_top: include the classifier.

    Returns:
        Keras' name of a layer -> where each of its arrays goes in `NASNet.state_dict()`.
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
