"""The registry of backbones: the study's four by name, any other timm model by its own name."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import timm
import torch
from timm.models._manipulate import group_parameters
from torch import Tensor, nn

from corrosion.errors import CorrosionError
from corrosion.models import nasnet as nasnet  # registers "nasnetmobile" with timm

log = logging.getLogger(__name__)

STUDY_BACKBONES: Mapping[str, str] = MappingProxyType(
    {
        # torchvision's first recipe is the closest timm has to the weights Keras ships
        "resnet50": "resnet50.tv_in1k",
        "mobilenetv2": "mobilenetv2_100.ra_in1k",
        "nasnetmobile": "nasnetmobile",
        "efficientnetv2b0": "tf_efficientnetv2_b0.in1k",
    }
)
"""Our name -> timm's name (with the tag of the ImageNet weights)."""


def timm_name(backbone: str) -> str:
    """Translate a backbone's name into timm's.

    Args:
        backbone: a name of `STUDY_BACKBONES`, or any timm model name, with or without a tag.

    Raises:
        CorrosionError: timm knows no such model; the message lists names that look alike.
    """
    name = STUDY_BACKBONES.get(backbone, backbone)
    architecture = name.split(".", 1)[0]
    if not timm.is_model(architecture):
        alike = timm.list_models(f"*{architecture[:6]}*")[:8]
        hint = f"; similar in timm: {', '.join(alike)}" if alike else ""
        raise CorrosionError(
            f"model.backbone={backbone!r} is unknown. Choose one of "
            f"{', '.join(STUDY_BACKBONES)} or any timm model name{hint}."
        )
    return name


def pretrained_cfg(backbone: str) -> Any:
    """Timm's description of the ImageNet weights of a backbone (origin, input statistics).

    Raises:
        CorrosionError: the backbone or the tag of its weights is unknown.
    """
    name = timm_name(backbone)
    try:
        return timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        known = ", ".join(timm.list_pretrained(name.split(".", 1)[0] + ".*"))
        raise CorrosionError(
            f"model.backbone={backbone!r}: timm knows no weights of that tag, only {known}."
        ) from error


def create_backbone(backbone: str, *, image_size: int, pretrained: bool = False) -> nn.Module:
    """Build a backbone without pooling and classifier.

    Args:
        backbone: see `timm_name`.
        image_size: side of the square input in pixels; only fixed-size networks (ViT, Swin)
            depend on it.
        pretrained: load ImageNet weights through timm (cache, else download).

    Returns:
        A timm model whose `forward_features` takes normalised float images (N, 3, H, W).

    Raises:
        CorrosionError: the name is unknown, or timm can't build the network as a backbone.
    """
    kwargs: dict[str, Any] = {}
    if getattr(pretrained_cfg(backbone), "fixed_input_size", False):
        kwargs["img_size"] = image_size
    try:
        return timm.create_model(
            timm_name(backbone), pretrained=pretrained, num_classes=0, global_pool="", **kwargs
        )
    except (TypeError, AssertionError) as error:
        raise CorrosionError(
            f"model.backbone={backbone!r} can't be built at data.image_size={image_size}: {error}"
        ) from error


def feature_map(backbone: nn.Module, features: Tensor) -> Tensor:
    """Bring what `forward_features` returns into the layout of a convolutional feature map.

    Args:
        backbone: the timm model the features come from.
        features: (N, C, H, W); (N, H, W, C) from networks such as Swin; or tokens
            (N, prefix + H * W, C) from vision transformers.

    Returns:
        (N, C, H, W), same dtype; class and register tokens are dropped.
    """
    if features.ndim == 3:
        tokens = features[:, getattr(backbone, "num_prefix_tokens", 0) :]
        side = math.isqrt(tokens.shape[1])
        return tokens.transpose(1, 2).unflatten(2, (side, side))
    if getattr(backbone, "output_fmt", "NCHW") == "NHWC":
        return features.permute(0, 3, 1, 2)
    return features


def stages(backbone: Any) -> list[list[str]]:
    """Names of a backbone's parameters by stage, from the input on.

    A stage is what timm's own coarse grouping says it is: the stem, then each group of blocks
    at one resolution (a 1x1 convolution behind the last block belongs to the last stage).
    """
    groups: dict[int, list[str]] = group_parameters(backbone, backbone.group_matcher(coarse=True))
    return [groups[key] for key in sorted(groups)]


def input_statistics(backbone: str) -> tuple[Tensor, Tensor]:
    """Channel mean and standard deviation, each (1, 3, 1, 1), for images in [0, 1]."""
    cfg = pretrained_cfg(backbone)
    return torch.tensor(cfg.mean).view(1, 3, 1, 1), torch.tensor(cfg.std).view(1, 3, 1, 1)
