"""NASNet-A Mobile (4 @ 1056), the network of `keras.applications.NASNetMobile`, for timm.

Paper: Zoph, Vasudevan, Shlens, Le: Learning Transferable Architectures for Scalable Image
Recognition, CVPR 2018 (https://arxiv.org/abs/1707.07012), cells as in its figure 4. Numbers follow
Keras rather than the paper where the two differ: with the same weights the logits are the same.

A cell reads the outputs of the two cells before it. Every reader of an output starts with ReLU,
so here a cell hands on its activated output: ReLU runs once instead of once a reader, every
feature map a user can tap is activated, and Keras' last ReLU needs no special case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from timm.layers import create_classifier
from timm.models import (
    build_model_with_cfg,
    generate_default_cfgs,
    register_model,
    resolve_pretrained_cfg,
)
from timm.models._features import feature_take_indices
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from corrosion.models.keras_download import WITH_TOP, imagenet_weights
from corrosion.models.keras_weights import HDF5_SUFFIXES, read_keras_weights

__all__ = ["NASNet"]

NormLayer = Callable[[int], nn.Module]
Adjustment = Literal["as_is", "project", "reduce"]


def _stride_2_pad(x: Tensor, kernel_size: int) -> Tensor:
    """Zero-pad for a kernel of stride 2 as Keras' `correct_pad` does: even sizes one less at first.

    What that takes at the front goes to the end, where stride 2 never reads it: with a padding of
    `kernel_size - 1` at any size, and no `if`, an exported graph serves odd and even sizes.
    """
    height, width = x.shape[-2], x.shape[-1]
    k = kernel_size // 2
    odd_h, odd_w = height % 2, width % 2
    return F.pad(x, (k - 1 + odd_w, k + 1 - odd_w, k - 1 + odd_h, k + 1 - odd_h))


class ConvNorm(nn.Module):
    """Convolution without bias, then batch normalisation."""

    def __init__(
        self,
        in_chs: int,
        out_chs: int,
        kernel_size: int = 1,
        stride: int = 1,
        *,
        norm_layer: NormLayer,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_chs, out_chs, kernel_size, stride, bias=False)
        self.bn = norm_layer(out_chs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_chs, H, W) -> (N, out_chs, H', W'), no padding."""
        return self.bn(self.conv(x))


class SeparableConv(nn.Module):
    """Depthwise, then pointwise convolution, then batch normalisation; stride 1 or 2."""

    def __init__(
        self, in_chs: int, out_chs: int, kernel_size: int, stride: int, *, norm_layer: NormLayer
    ) -> None:
        super().__init__()
        self.pad = stride == 2
        self.depthwise = nn.Conv2d(
            in_chs,
            in_chs,
            kernel_size,
            stride,
            padding=0 if self.pad else kernel_size // 2,
            groups=in_chs,
            bias=False,
        )
        self.pointwise = nn.Conv2d(in_chs, out_chs, 1, bias=False)
        self.bn = norm_layer(out_chs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_chs, H, W) -> (N, out_chs, ceil(H / stride), ceil(W / stride))."""
        if self.pad:
            x = _stride_2_pad(x, self.depthwise.kernel_size[0])
        return self.bn(self.pointwise(self.depthwise(x)))


class SeparableBranch(nn.Module):
    """Two separable convolutions with ReLU between; the caller has activated the input."""

    def __init__(
        self, in_chs: int, out_chs: int, kernel_size: int, stride: int = 1, *, norm_layer: NormLayer
    ) -> None:
        super().__init__()
        self.sep1 = SeparableConv(in_chs, out_chs, kernel_size, stride, norm_layer=norm_layer)
        self.act = nn.ReLU(inplace=True)
        self.sep2 = SeparableConv(out_chs, out_chs, kernel_size, 1, norm_layer=norm_layer)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_chs, H, W) -> (N, out_chs, ceil(H / stride), ceil(W / stride))."""
        return self.sep2(self.act(self.sep1(x)))


class FactorizedReduction(nn.Module):
    """Halve a map: 1x1 convolutions of its even and of its odd pixels, joined and normalised."""

    def __init__(self, in_chs: int, out_chs: int, *, norm_layer: NormLayer) -> None:
        super().__init__()
        self.conv_even = nn.Conv2d(in_chs, out_chs // 2, 1, stride=2, bias=False)
        self.conv_odd = nn.Conv2d(in_chs, out_chs // 2, 1, stride=2, bias=False)
        self.bn = norm_layer(out_chs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_chs, H, W) -> (N, out_chs, ceil(H / 2), ceil(W / 2))."""
        even = self.conv_even(x)
        odd = self.conv_odd(x[:, :, 1:, 1:])
        # an odd size has one odd pixel less; Keras fills it with zero
        height, width = (even.shape[side] - odd.shape[side] for side in (-2, -1))
        odd = F.pad(odd, (0, width, 0, height))
        return self.bn(torch.cat([even, odd], dim=1))


class Cell(nn.Module):
    """What both kinds of cell share: bring their two inputs to `chs` channels at one size.

    Args:
        in_chs: channels of the previous cell's output.
        prev_chs: channels of the output before that.
        chs: channels of each of the cell's branches.
        prev: how the older input is brought to size: "as_is", "project" (1x1 convolution)
            or "reduce" (it is twice as large).
        norm_layer: makes the normalisation of a number of channels.
    """

    def __init__(
        self, in_chs: int, prev_chs: int, chs: int, prev: Adjustment, *, norm_layer: NormLayer
    ) -> None:
        super().__init__()
        self.squeeze = ConvNorm(in_chs, chs, norm_layer=norm_layer)
        self.adjust: nn.Module
        if prev == "as_is":
            self.adjust = nn.Identity()
        elif prev == "project":
            self.adjust = ConvNorm(prev_chs, chs, norm_layer=norm_layer)
        else:
            self.adjust = FactorizedReduction(prev_chs, chs, norm_layer=norm_layer)
        self.act = nn.ReLU(inplace=True)


class NormalCell(Cell):
    """Figure 4, left: keeps the size, gives 6 * `chs` channels."""

    def __init__(
        self, in_chs: int, prev_chs: int, chs: int, prev: Adjustment, *, norm_layer: NormLayer
    ) -> None:
        super().__init__(in_chs, prev_chs, chs, prev, norm_layer=norm_layer)
        branch = partial(SeparableBranch, chs, chs, norm_layer=norm_layer)
        self.left1, self.right1 = branch(5), branch(3)
        self.left2, self.right2 = branch(5), branch(3)
        self.left5 = branch(3)

    def forward(self, x: Tensor, prev: Tensor) -> Tensor:
        """Activated maps x (N, in_chs, H, W) and prev -> (N, 6 * chs, H, W), activated."""
        h, p = self.squeeze(x), self.adjust(prev)
        h_act, p_act = F.relu(h), F.relu(p)
        # border pixels are averaged over the pixels there are
        average = partial(F.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
        x1 = self.left1(h_act) + self.right1(p_act)
        x2 = self.left2(p_act) + self.right2(p_act)
        x3 = average(h) + p
        x4 = 2 * average(p)  # figure 4 adds two equal averages
        x5 = self.left5(h_act) + h
        return self.act(torch.cat([p, x1, x2, x3, x4, x5], dim=1))


class ReductionCell(Cell):
    """Figure 4, right: halves the size, gives 4 * `chs` channels."""

    def __init__(
        self, in_chs: int, prev_chs: int, chs: int, prev: Adjustment, *, norm_layer: NormLayer
    ) -> None:
        super().__init__(in_chs, prev_chs, chs, prev, norm_layer=norm_layer)
        branch = partial(SeparableBranch, out_chs=chs, norm_layer=norm_layer)
        p_chs = prev_chs if prev == "as_is" else chs
        self.left1 = branch(chs, kernel_size=5, stride=2)
        self.right1 = branch(p_chs, kernel_size=7, stride=2)
        self.right2 = branch(p_chs, kernel_size=7, stride=2)
        self.right3 = branch(p_chs, kernel_size=5, stride=2)
        self.left4 = branch(chs, kernel_size=3)

    def forward(self, x: Tensor, prev: Tensor) -> Tensor:
        """Activated x (N, in_chs, H, W) and prev -> (N, 4 * chs, ceil(H/2), ceil(W/2)), activated.

        Pools of stride 2 see the zeros around the map: the maximum may be one of them, the
        average counts them.
        """
        h, p_act = self.squeeze(x), F.relu(self.adjust(prev))
        h_padded = _stride_2_pad(h, 3)
        h_max = F.max_pool2d(h_padded, 3, 2)
        x1 = self.left1(F.relu(h)) + self.right1(p_act)
        x2 = h_max + self.right2(p_act)
        x3 = F.avg_pool2d(h_padded, 3, 2) + self.right3(p_act)
        x4 = x2 + F.avg_pool2d(x1, 3, 1, padding=1, count_include_pad=False)
        x5 = self.left4(F.relu(x1)) + h_max
        return self.act(torch.cat([x2, x3, x4, x5], dim=1))


class Stage(nn.Module):
    """A reduction cell, then normal cells, at one size.

    Args:
        in_chs: channels of the previous cell's output.
        prev_chs: channels of the output before that.
        chs: channels of a branch, in the reduction cell and in the normal cells.
        num_normal: normal cells.
        prev: how the reduction cell's older input is brought to size, see `Cell`.
        norm_layer: makes the normalisation of a number of channels.
    """

    def __init__(
        self,
        in_chs: int,
        prev_chs: int,
        chs: tuple[int, int],
        num_normal: int,
        prev: Adjustment,
        *,
        norm_layer: NormLayer,
    ) -> None:
        super().__init__()
        cells: list[Cell] = [ReductionCell(in_chs, prev_chs, chs[0], prev, norm_layer=norm_layer)]
        in_chs, prev_chs, prev = 4 * chs[0], in_chs, "reduce"
        for _ in range(num_normal):
            cells.append(NormalCell(in_chs, prev_chs, chs[1], prev, norm_layer=norm_layer))
            in_chs, prev_chs, prev = 6 * chs[1], in_chs, "project"
        self.cells = nn.ModuleList(cells)
        self.out_chs, self.prev_chs = in_chs, prev_chs

    def forward(self, x: Tensor, prev: Tensor) -> tuple[Tensor, Tensor]:
        """Activated outputs of the last two cells before -> those of the last two cells here."""
        for cell in self.cells:
            x, prev = cell(x, prev), x
        return x, prev


class NASNet(nn.Module):
    """NASNet-A with the two-cell stem for large images (paper, figure 2 and appendix A).

    The first of the four stages is one reduction cell, the others a reduction cell and
    `num_cells` normal cells each.

    Args:
        num_classes: outputs of the classifier; 0 leaves it out.
        in_chans: channels of the input.
        global_pool: timm's name of the pooling, e.g. "avg", "max", "catavgmax", or "" for none.
        drop_rate: dropout before the classifier.
        num_features: channels of the last map, a multiple of 96; P in NASNet-A (N @ P).
        num_cells: normal cells a stage; N in NASNet-A (N @ P).
        stem_chs: channels of the first convolution.
        bn_momentum: share of a batch in the running statistics of batch normalisation. Keras has
            0.0003, right for the 10^5 steps of ImageNet: 300 steps from scratch would leave
            statistics that are nine tenths initial values, and a short fine-tuning would be
            tested with those of ImageNet. With torch's 0.1 they are the data's after some 50.
        bn_eps: added to the variance in batch normalisation (Keras' value).

    Shapes:
        (N, in_chans, H, W), H and W at least 32, odd sizes too -> (N, num_classes).

    Example:
        >>> small = NASNet(num_classes=2, num_features=96, num_cells=1)
        >>> small(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 2])
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        num_features: int = 1056,
        num_cells: int = 4,
        stem_chs: int = 32,
        bn_momentum: float = 0.1,
        bn_eps: float = 1e-3,
    ) -> None:
        super().__init__()
        if num_features % 96:
            raise ValueError(f"num_features={num_features} must be a multiple of 96.")
        self.num_classes = num_classes
        self.in_chans = in_chans
        self.num_features = num_features
        self.grad_checkpointing = False

        norm_layer = partial(nn.BatchNorm2d, eps=bn_eps, momentum=bn_momentum)
        self.stem = nn.Sequential(
            ConvNorm(in_chans, stem_chs, 3, 2, norm_layer=norm_layer), nn.ReLU(inplace=True)
        )
        self.feature_info = [{"num_chs": stem_chs, "reduction": 2, "module": "stem"}]
        self.stages = nn.ModuleList()
        f = num_features // 24
        in_chs = prev_chs = stem_chs
        layout: tuple[tuple[tuple[int, int], int, Adjustment], ...] = (
            ((f // 4, 0), 0, "as_is"),
            ((f // 2, f), num_cells, "reduce"),
            ((f * 2, f * 2), num_cells, "project"),
            ((f * 4, f * 4), num_cells, "project"),
        )
        for chs, num_normal, prev in layout:
            stage = Stage(in_chs, prev_chs, chs, num_normal, prev, norm_layer=norm_layer)
            in_chs, prev_chs = stage.out_chs, stage.prev_chs
            index = len(self.stages)
            self.stages.append(stage)
            self.feature_info.append(
                {"num_chs": in_chs, "reduction": 4 * 2**index, "module": f"stages.{index}"}
            )
        self.global_pool, self.head_drop, self.classifier = create_classifier(
            num_features, num_classes, pool_type=global_pool, drop_rate=drop_rate
        )
        self.head_hidden_size = num_features * self.global_pool.feat_mult()

        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # he_normal, as Keras' 1x1 convolutions
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Parameter groups from the input on, by stage (coarse) or by cell."""
        blocks = r"^stages\.(\d+)" if coarse else r"^stages\.(\d+)\.cells\.(\d+)"
        return {"stem": r"^stem", "blocks": blocks}

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute each stage in the backward pass instead of keeping its activations."""
        self.grad_checkpointing = enable

    def get_classifier(self) -> nn.Module:
        """The last linear layer, or the identity without classes."""
        return self.classifier

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the classifier by a fresh one, and the pooling if another is given."""
        self.num_classes = num_classes
        pool_type = self.global_pool.pool_type if global_pool is None else global_pool
        self.global_pool, classifier = create_classifier(
            self.num_features, num_classes, pool_type=pool_type
        )
        self.classifier = classifier.to(next(self.parameters()))  # device and dtype
        self.head_hidden_size = self.num_features * self.global_pool.feat_mult()

    def _forward_stage(self, stage: nn.Module, x: Tensor, prev: Tensor) -> tuple[Tensor, Tensor]:
        if self.grad_checkpointing and self.training:
            return checkpoint(stage, x, prev, use_reentrant=False)
        return stage(x, prev)

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Compute feature maps on the way, all activated: of the stem, then of the four stages.

        Args:
            x: images (N, in_chans, H, W).
            indices: positions of the maps asked for, among five; None for all, a number for the
                last ones.
            norm: not used.
            stop_early: whether the stages behind the last map asked for are left out.
            output_fmt: layout of the maps, which is always "NCHW".
            intermediates_only: whether the final map is left out.

        Returns:
            The maps asked for, or (final map, maps asked for).
        """
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt={output_fmt!r}: only NCHW is supported.")
        take, last = feature_take_indices(len(self.stages) + 1, indices)
        x = prev = self.stem(x)
        maps = [x]
        for stage in self.stages[:last] if stop_early else self.stages:
            x, prev = self._forward_stage(stage, x, prev)
            maps.append(x)
        taken = [maps[index] for index in take]
        return taken if intermediates_only else (x, taken)

    def prune_intermediate_layers(
        self,
        indices: int | Sequence[int] = 1,
        prune_norm: bool = False,
        prune_head: bool = True,
    ) -> list[int]:
        """Drop the stages behind the last map asked for (timm's `features_only` does)."""
        take, last = feature_take_indices(len(self.stages) + 1, indices)
        shorter = last < len(self.stages)
        self.stages = self.stages[:last]
        self.num_features = self.feature_info[last]["num_chs"]
        if prune_head or shorter:
            self.reset_classifier(0, "")
        return take

    def forward_features(self, x: Tensor) -> Tensor:
        """Images (N, in_chans, H, W) -> last map (N, 1056, ~H / 32, ~W / 32), at least 0."""
        x = prev = self.stem(x)
        for stage in self.stages:
            x, prev = self._forward_stage(stage, x, prev)
        return x

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Last map -> logits (N, num_classes), or the pooled features before the classifier."""
        x = self.head_drop(self.global_pool(x))
        return x if pre_logits else self.classifier(x)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, in_chans, H, W), normalised to [-1, 1] -> logits (N, num_classes)."""
        return self.forward_head(self.forward_features(x))


default_cfgs = generate_default_cfgs(
    {
        "nasnetmobile.keras_in1k": {
            "url": WITH_TOP.url,
            "input_size": (3, 224, 224),
            "min_input_size": (3, 32, 32),
            "pool_size": (7, 7),
            "crop_pct": 0.875,
            "interpolation": "bilinear",
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "num_classes": 1000,
            "first_conv": "stem.0.conv",
            "classifier": "classifier",
            "license": "apache-2.0",
            "origin_url": "https://keras.io/api/applications/nasnet/",
            "paper_ids": "arXiv:1707.07012",
        },
    }
)


def _weights_overlay(variant: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Turn what timm can't read itself, Keras' files, into something it can.

    timm then fits the weights to `num_classes`, `in_chans` and `features_only` as for any model.
    """
    overlay = dict(kwargs.get("pretrained_cfg_overlay") or {})
    cfg = resolve_pretrained_cfg(variant, kwargs.get("pretrained_cfg"), overlay)
    if cfg.state_dict:
        return overlay
    if cfg.file and Path(cfg.file).suffix in HDF5_SUFFIXES:
        state = read_keras_weights(Path(cfg.file))
        classes = len(state["classifier.bias"]) if "classifier.bias" in state else 0
        return overlay | {"file": None, "state_dict": state, "num_classes": classes}
    if not cfg.file and not cfg.hf_hub_id and cfg.url == WITH_TOP.url:
        classes = 0 if kwargs.get("features_only") else kwargs.get("num_classes", cfg.num_classes)
        path = imagenet_weights(
            with_top=classes == WITH_TOP.classes, folder=kwargs.get("cache_dir")
        )
        return overlay | {"file": str(path)}
    return overlay


@register_model
def nasnetmobile(pretrained: bool = False, **kwargs: Any) -> NASNet:
    """NASNet-A Mobile (4 @ 1056): 5,326,716 parameters and statistics, 224 px.

    Args:
        pretrained: load Keras' ImageNet weights (see `corrosion.models.keras_download`), or the
            file of weights in `pretrained_cfg_overlay=dict(file=...)`: Keras' .h5, .safetensors
            or a torch state dict.
        **kwargs: arguments of `NASNet` and of timm's `build_model_with_cfg`.

    Raises:
        CorrosionError: the weights can't be had or read.
    """
    if pretrained:
        kwargs["pretrained_cfg_overlay"] = _weights_overlay("nasnetmobile", kwargs)
    model = build_model_with_cfg(
        NASNet,
        "nasnetmobile",
        pretrained,
        feature_cfg={"feature_cls": "getter", "out_indices": (0, 1, 2, 3, 4)},
        **kwargs,
    )
    model.pretrained_cfg.pop("state_dict", None)  # a copy of the weights describes nothing
    return model
