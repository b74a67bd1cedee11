"""The registry of backbones: the study's four and EfficientNet-Lite by name, else timm's names."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import timm
import torch
from timm.layers import PatchEmbed
from timm.models import PretrainedCfg
from timm.models._manipulate import group_parameters
from torch import Tensor, nn

from corrosion.errors import CorrosionError
from corrosion.models import nasnet as nasnet  # registers "nasnetmobile" with timm
from corrosion.settings.ranges import brief

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
"""timm's name of each of the study's backbones, with the tag of the ImageNet weights."""

NAMED_BACKBONES: Mapping[str, str] = MappingProxyType(
    {
        **STUDY_BACKBONES,
        # Google's own, whose weights come as packages; timm's networks of these very names are
        # other ones, of which only the first has weights: give its tag to have it
        "efficientnet_lite0": "tf_efficientnet_lite0.in1k",
        "efficientnet_lite1": "tf_efficientnet_lite1.in1k",
        "efficientnet_lite2": "tf_efficientnet_lite2.in1k",
    }
)
"""timm's name of every backbone with a name of ours, with the tag of the ImageNet weights."""


def timm_name(backbone: str) -> str:
    """Translate a backbone's name into timm's.

    Args:
        backbone: a name of `NAMED_BACKBONES`, or any timm model name, with or without a tag.

    Raises:
        CorrosionError: timm knows no such model; the message lists names that look alike.

    Example:
        >>> timm_name("efficientnetv2b0"), timm_name("regnety_002")
        ('tf_efficientnetv2_b0.in1k', 'regnety_002')
    """
    name = NAMED_BACKBONES.get(backbone, backbone)
    architecture = name.split(".", 1)[0]
    if not timm.is_model(architecture):
        alike = timm.list_models(f"*{architecture[:6]}*")[:8]
        hint = f"; similar in timm: {', '.join(alike)}" if alike else ""
        raise CorrosionError(
            f"backbone={brief(backbone)!r} is unknown. Choose one of "
            f"{', '.join(NAMED_BACKBONES)} or any timm model name{hint}."
        )
    return name


def pretrained_cfg(backbone: str) -> Any:
    """Look up timm's description of the ImageNet weights of a backbone: origin, input statistics.

    Args:
        backbone: name of the backbone, as `timm_name` takes it.

    Raises:
        CorrosionError: the backbone or the tag of its weights is unknown.
    """
    name = timm_name(backbone)
    try:
        # of a model that was registered without weights timm knows nothing: its statistics are
        # ImageNet's, as timm's defaults are
        return timm.get_pretrained_cfg(name) or PretrainedCfg()
    except RuntimeError as error:
        known = ", ".join(timm.list_pretrained(name.split(".", 1)[0] + ".*"))
        raise CorrosionError(
            f"backbone={backbone!r}: timm knows no weights of that tag, only {known}."
        ) from error


def create_backbone(backbone: str, *, image_size: int, pretrained: bool = False) -> nn.Module:
    """Build a backbone without pooling and classifier.

    Args:
        backbone: name of the backbone, as `timm_name` takes it.
        image_size: side of the square input in pixels; only fixed-size networks (ViT, Swin)
            depend on it.
        pretrained: whether ImageNet weights are loaded through timm (from its cache, else by
            download).

    Returns:
        A timm model whose `forward_features` takes normalised float images (N, 3, H, W).

    Raises:
        CorrosionError: the name is unknown, timm can't build the network as a backbone, or its
            patches don't cover the image.

    Example:
        >>> backbone = create_backbone("test_resnet.r160_in1k", image_size=64)
        >>> backbone.forward_features(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 96, 2, 2])
    """
    kwargs: dict[str, Any] = {}
    if getattr(pretrained_cfg(backbone), "fixed_input_size", False):
        kwargs["img_size"] = image_size
    try:
        network = _build(timm_name(backbone), pretrained=pretrained, **kwargs)
    except (TypeError, AssertionError) as error:
        raise CorrosionError(
            f"backbone={backbone!r} can't be built at image_size={image_size}: {error}"
        ) from error
    for module in network.modules():
        if isinstance(module, PatchEmbed) and module.img_size and not module.dynamic_img_pad:
            left = module.img_size[0] % module.patch_size[0]
            if left:  # timm would cut them off without a word
                raise CorrosionError(
                    f"backbone={backbone!r} cuts images into patches and would not see the "
                    f"last pixels of image_size={image_size}. "
                    f"{_sizes_to_try(network, image_size)}"
                )
    return network


def _build(name: str, **kwargs: Any) -> Any:
    """A network without its pooling, or where timm can't leave that out, without what is behind."""
    try:
        return timm.create_model(name, num_classes=0, global_pool="", **kwargs)
    except AssertionError:
        network: Any = timm.create_model(name, num_classes=0, **kwargs)
    if "reset_other" in inspect.signature(network.reset_classifier).parameters:
        network.reset_classifier(0, reset_other=True)  # layers that would never learn
    return network


def check_runs(network: Any, backbone: str, *, image_size: int) -> None:
    """Make sure, with one black image, that a network takes its image size.

    Timm builds many networks (MaxViT, HRNet, Inception ...) at sizes that they fail at later.

    Args:
        network: network from `create_backbone` with the same `backbone` and `image_size`; it is in
            evaluation mode afterwards.
        backbone: its name, for the message.
        image_size: side of the square input in pixels.

    Raises:
        CorrosionError: the network fails, or what it returns is no feature map.
    """
    image = torch.zeros(1, 3, image_size, image_size)
    try:
        with torch.no_grad():
            features = network.eval().forward_features(image)
    except Exception as error:  # each network has its own way
        raise CorrosionError(
            f"backbone={backbone!r} fails at image_size={image_size}. "
            f"{_sizes_to_try(network, image_size)} [{error}]"
        ) from error
    try:
        shape = tuple(feature_map(network, features).shape)
    except (AttributeError, RuntimeError):  # several outputs; tokens that are no square
        shape = ()
    if len(shape) != 4 or shape[1] != network.num_features:
        raise CorrosionError(
            f"backbone={backbone!r} can't be used: what it gives in place of a feature map "
            f"can't be explained. Choose another network."
        )


def _sizes_to_try(network: Any, image_size: int) -> str:
    own = network.pretrained_cfg["input_size"][-1]
    stride = network.feature_info[-1]["reduction"] if getattr(network, "feature_info", None) else 0
    if not stride or image_size % stride == 0:
        return f"Try image_size={own}, the size its weights come from."
    below = image_size - image_size % stride
    sizes = " or ".join(str(size) for size in (below, below + stride) if size)
    return f"Choose a multiple of {stride}: image_size={sizes}."


def feature_map(backbone: nn.Module, features: Tensor) -> Tensor:
    """Bring what `forward_features` returns into the layout of a convolutional feature map.

    Args:
        backbone: the timm model the features come from.
        features: (N, C, H, W); (N, H, W, C) from networks such as Swin; or tokens
            (N, prefix + H * W, C) from vision transformers.

    Returns:
        (N, C, H, W), same dtype; class and register tokens are dropped, so of DINOv2 only what
        its patches know reaches the head.

    Example:
        A class token and 4 x 4 patches become a map of 4 x 4:

        >>> vit = create_backbone("test_vit.r160_in1k", image_size=64)
        >>> tokens = vit.forward_features(torch.zeros(1, 3, 64, 64))
        >>> tokens.shape, feature_map(vit, tokens).shape
        (torch.Size([1, 17, 64]), torch.Size([1, 64, 4, 4]))
    """
    if features.ndim == 3:
        tokens = features[:, getattr(backbone, "num_prefix_tokens", 0) :]
        side = math.isqrt(tokens.shape[1])
        return tokens.transpose(1, 2).unflatten(2, (side, side))
    if getattr(backbone, "output_fmt", "NCHW") == "NHWC":
        return features.permute(0, 3, 1, 2)
    return features


def stages(backbone: Any) -> list[list[str]]:
    """Group the names of a backbone's parameters by stage, from the input on.

    A stage is what timm's own coarse grouping says it is: the stem, then each group of blocks
    at one resolution (a 1x1 convolution behind the last block belongs to the last stage); of a
    network without such a grouping, the whole.

    Example:
        >>> groups = stages(create_backbone("test_resnet.r160_in1k", image_size=64))
        >>> [names[0].split(".")[0] for names in groups]
        ['conv1', 'layer1', 'layer2', 'layer3', 'layer4']
    """
    try:
        matcher = backbone.group_matcher(coarse=True)
    except (AttributeError, AssertionError):
        return [[name for name, _ in backbone.named_parameters()]]
    groups: dict[int, list[str]] = group_parameters(backbone, matcher)
    return [groups[key] for key in sorted(groups)]


def input_statistics(backbone: str) -> tuple[Tensor, Tensor]:
    """The channel means and standard deviations, each (1, 3, 1, 1), of images in [0, 1].

    Example:
        >>> mean, std = input_statistics("mobilenetv2")
        >>> mean.flatten(), std.flatten()
        (tensor([0.4850, 0.4560, 0.4060]), tensor([0.2290, 0.2240, 0.2250]))
    """
    cfg = pretrained_cfg(backbone)
    return torch.tensor(cfg.mean).view(1, 3, 1, 1), torch.tensor(cfg.std).view(1, 3, 1, 1)
