"""Class activation maps of a batch by pytorch-grad-cam, at about the price of a forward pass.

The maps look at the last feature map only, so only the head behind it runs with autograd: the
backbone, nearly all of the work, runs as for a prediction, and pytorch-grad-cam sees a small
network, the `Tap`, whose input is that feature map.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pytorch_grad_cam
import torch
import torch.nn.functional as F
from pytorch_grad_cam.ablation_layer import AblationLayer
from torch import Tensor, nn

from corrosion.errors import CorrosionError
from corrosion.evaluation.told_kinds import ToldKind, told_kinds
from corrosion.explanation.explanation import EMPTY_SHARE
from corrosion.explanation.targets import Evidence, check_target, target_names, target_signs
from corrosion.models.backbones import feature_map
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.evaluating import evaluating
from corrosion.models.kind_head import KindLogit
from corrosion.models.tta import VIEWS

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "gradcam": "GradCAM",
        "gradcam++": "GradCAMPlusPlus",
        "xgradcam": "XGradCAM",
        "hirescam": "HiResCAM",
        "gradcamelementwise": "GradCAMElementWise",
        "layercam": "LayerCAM",
        "eigencam": "EigenCAM",
        "eigengradcam": "EigenGradCAM",
        "segeigencam": "SegEigenCAM",
        "kpcacam": "KPCA_CAM",
        "fem": "FEM",
        "ablationcam": "AblationCAM",
        "scorecam": "ScoreCAM",
    }
)
"""The methods by name, each a class of pytorch_grad_cam, whose documentation gives the sources.

With the study's head, which pools by averaging, hirescam equals gradcam; with `pooling="rms"` it
does not. eigencam, kpcacam and fem
ignore the target; the sign of the maps of eigencam, eigengradcam and kpcacam is arbitrary.
ablationcam runs the head, scorecam the whole network once more for every channel: both are slow.

Of a vision transformer the patch tokens of the last layer are the feature map, without class and
register tokens, which the head doesn't see. The head pools them by averaging, so the gradient
methods split its logit among the patches as they do for a convolutional network, gradcam (equal to
hirescam) exactly; no attention is rolled out. Attention has mixed the tokens before, so that
evidence may stand in another patch than the pixels it comes from.
"""


@dataclass(frozen=True, eq=False)
class ActivationMaps:
    """Maps of a batch, on the network's device.

    Attributes:
        logit: (N,) float32, logits of corrosion, without temperature.
        probability: (N,) float32, probabilities of corrosion, with the network's temperature.
        sign: (N,) float32, 1 where a map is evidence for corrosion or a kind, -1 for no corrosion.
        raw: (N, h, w) float32 at the resolution of the last feature map; positive where the image
            speaks for the target, negative where it speaks against it; in the method's unit.
        targets: name of what each map is evidence for.
        kinds: what kind of corrosion each image shows, if any; None where the network tells none.
        distance: (N,) float32, how unlike the training photographs the images are, as
            `CorrosionClassifier.unlike_training` gives it; None where the network can't tell.
        of_target: (N,) float32 in [0, 1], probability of the kind that is the target, given that
            there is corrosion; None where the target is no kind.
    """

    logit: Tensor
    probability: Tensor
    sign: Tensor
    raw: Tensor
    targets: Sequence[str]
    kinds: Sequence[ToldKind | None]
    distance: Tensor | None = None
    of_target: Tensor | None = None

    @property
    def scale(self) -> Tensor:
        """The strongest evidence, for or against: the largest |raw| of each map, (N,) float32."""
        return self.raw.abs().amax(dim=(1, 2))

    @property
    def empty(self) -> Tensor:
        """Whether nothing in an image speaks for the target, (N,) bool: see `EMPTY_SHARE`."""
        return self.raw.amax(dim=(1, 2)) <= EMPTY_SHARE * self.scale

    def scaled(self, size: tuple[int, int] | None = None) -> Tensor:
        """Evidence for the target in [0, 1].

        Negative values are cut off (the ReLU of Grad-CAM) and the rest is divided by `scale`, not
        by the map's own maximum as pytorch-grad-cam does: where an image speaks against the target,
        what little speaks for it stays small. Nothing is subtracted: an even map stays even. Where
        the strongest evidence is for the target and some place has none, both ways are the same.

        Args:
            size: (height, width) to interpolate to, bilinear; None keeps (h, w).

        Returns:
            (N, height, width) float32.
        """
        tiny = torch.finfo(torch.float32).tiny
        maps = self.raw.relu() / self.scale.clamp_min(tiny)[:, None, None]
        if size is None:
            return maps
        peak = maps.amax(dim=(1, 2), keepdim=True)
        maps = F.interpolate(maps[:, None], size, mode="bilinear", align_corners=False)[:, 0]
        # interpolation flattens peaks, which get their height back: as the library does
        return maps * (peak / maps.amax(dim=(1, 2), keepdim=True).clamp_min(tiny))


def activation_maps(
    network: CorrosionClassifier,
    images: Tensor,
    *,
    method: str = "gradcam",
    target: str = "corrosion",
    threshold: float | None = None,
    tta: str | None = None,
) -> ActivationMaps:
    """Explain a batch.

    The backbone runs in the precision of its weights, the head and the maps in float32, and
    autocast is switched off: with float16 the backbone's rounding moved maps of EfficientNet-Lite0
    by up to a tenth of their scale, and NASNetMobile's overflowed. The network may be in training
    mode, which is put back afterwards, and may be frozen; gradients of its parameters stay
    untouched. Works under `torch.no_grad` and `torch.inference_mode`. With test-time augmentation
    logits and maps are means over the views, the maps turned back.

    Args:
        network: a network on any device.
        images: (N, 3, H, W) RGB, uint8 in [0, 255] or float in [0, 1]; moved to that device.
        method: a name of `METHODS`.
        target: a name of `corrosion.explanation.targets.TARGETS`, or a kind of corrosion that the
            network tells.
        threshold: probability from which an image counts as corroded, for the target "predicted";
            None for the network's own.
        tta: test-time augmentation, a name of `corrosion.models.tta.VIEWS`; None for the network's
            own.

    Raises:
        CorrosionError: the method or target is unknown.
    """
    check_method(method)
    check_target(target, network.kinds)
    images = images.to(network.mean.device)
    # autograd can't use what inference mode makes
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        torch.autocast(images.device.type, enabled=False),
        evaluating(network),
    ):
        images = images.clone() if images.is_inference() else images
        views = VIEWS[network.tta if tta is None else tta]
        tap = Tap(copy.deepcopy(network.head).float().requires_grad_(False))
        kind = target in network.kinds
        explained = tap
        if network.kind_head is not None and kind:
            number = network.kinds.index(target)
            explained = Tap(KindLogit(network.kind_head, number, network.head.pooling))
        shown = [view.apply(images) for view in views]
        features = [network.forward_features(one).float() for one in shown]
        logits = [tap(one) for one in features]
        logit = torch.stack(logits).mean(dim=0)
        probability = network.calibrated(logit)
        least = network.threshold if threshold is None else threshold
        if kind:
            sign, targets_of = torch.ones_like(logit), [target] * len(logit)
        else:
            sign = target_signs(probability, target, threshold=least)
            targets_of = list(target_names(sign))
        maps = []
        for view, own_images, own_features in zip(views, shown, features, strict=True):
            pairs = zip(sign.tolist(), explained(own_features).tolist(), strict=True)
            targets = [Evidence(*pair) for pair in pairs]
            if method == "scorecam":
                own = _masked_maps(network, explained, own_images, targets)
            else:
                own = _signed_maps(method, explained, own_features, targets)
            maps.append(view.undo(torch.from_numpy(own)))
        raw = torch.stack(maps).mean(dim=0).to(logit)
        distance = network.forward_distance(features[0])  # the first view is the image as it is
        chances = network.forward_kinds(features[0]).softmax(dim=1) if network.kinds else None
        of_target = None
        if chances is not None and kind:
            of_target = chances[:, network.kinds.index(target)]
        kinds = told_kinds(
            network.kinds, None if chances is None else chances.cpu().numpy(), len(logit)
        )
    return ActivationMaps(logit, probability, sign, raw, targets_of, kinds, distance, of_target)


def check_method(method: str) -> None:
    """Make sure that a method is known.

    Raises:
        CorrosionError: it is not.
    """
    if method not in METHODS:
        raise CorrosionError(f"method={method}: choose {', '.join(METHODS)}.")


class Tap(nn.Module):
    """A head behind a layer that pytorch-grad-cam can watch: features (N, C, h, w) -> logits (N,).

    Args:
        head: a head in float32; a copy, since the library calls `eval` and `zero_grad`.
    """

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.layer = nn.Identity()
        self.head = head

    def forward(self, features: Tensor) -> Tensor:
        """Logits in float32."""
        return self.head(self.layer(features.float()))


def _masked_maps(
    network: CorrosionClassifier, tap: Tap, images: Tensor, targets: list[Evidence]
) -> np.ndarray:
    """Score-CAM's maps (N, h, w): one by one, the library holds a masked copy for every channel."""
    pixels, whole = network.normalise(images), _Whole(network.backbone, tap)
    maps = [
        _signed_maps("scorecam", whole, pixels[[row]], targets[row : row + 1])
        for row in range(len(pixels))
    ]
    return np.concatenate(maps)


class _Whole(nn.Module):
    """The whole network for normalised images, which Score-CAM masks; ends in a tap."""

    def __init__(self, backbone: Any, tap: Tap) -> None:
        super().__init__()
        self.backbone = backbone
        self.tap = tap
        self.layer = tap.layer

    def forward(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(next(self.backbone.parameters()).dtype)
        return self.tap(feature_map(self.backbone, self.backbone.forward_features(pixels)))


class _ZeroChannels(AblationLayer):
    """Ablates channels as published, by zeros, also where features can be negative.

    The library's own layer sets them to the minimum less 1e7 there, further down by 1e7 for every
    channel of a batch.
    """

    def __call__(self, features: Tensor) -> Tensor:
        rows = torch.arange(len(self.activations))
        self.activations[rows, self.indices[: len(rows)]] = 0
        return self.activations


class _Signed:
    """Mixed into a class of pytorch-grad-cam, keeps its maps as they are before it cuts and scales.

    `raw` is (N, h, w).
    """

    raw: np.ndarray

    def get_cam_image(self, *arguments: Any) -> np.ndarray:
        self.raw = super().get_cam_image(*arguments)  # type: ignore[misc]
        return self.raw


def _signed_maps(
    method: str, model: Tap | _Whole, inputs: Tensor, targets: list[Evidence]
) -> np.ndarray:
    """Maps (N, h, w) float32 of a model's layer, positive and negative."""
    options = {"ablation_layer": _ZeroChannels()} if method == "ablationcam" else {}
    base = getattr(pytorch_grad_cam, METHODS[method])
    cam = type(base.__name__, (_Signed, base), {})(model, [model.layer], **options)
    try:
        # the slow methods draw a progress bar for every image
        with torch.set_grad_enabled(cam.uses_gradients), redirect_stderr(io.StringIO()):
            cam(inputs.detach().requires_grad_(cam.uses_gradients), targets)
    finally:
        cam.activations_and_grads.release()  # not by `with`: it swallows IndexError
    return cam.raw.astype(np.float32, copy=False)
