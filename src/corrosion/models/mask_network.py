"""A network that learns where rust is: a U-Net whose encoder is a trained backbone."""

from __future__ import annotations

import copy
import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from corrosion.errors import CorrosionError
from corrosion.models.batch import normalised

Teacher = Literal["masks", "labels"]
"""What has taught a mask network."""

_WIDTHS = (128, 64, 48, 32, 16)  # channels of the decoder, from the deepest stage on
_LEAST_STAGES = 3
_PIXEL_FEATURES = 24


class MaskNetwork(nn.Module):
    """Gives each pixel a logit of rust.

    A U-Net (Ronneberger, Fischer & Brox, MICCAI 2015) of segmentation-models-pytorch on the stages
    of a backbone. Its last layers see the colours of the pixels once more, since the first stage
    of a backbone halves the resolution.

    Shapes: images (N, 3, H, W), RGB, uint8 in [0, 255] or float in [0, 1] -> logits (N, H, W)
    float, of any height and width from 32 pixels on.

    Args:
        backbone: timm's network, copied: that of a classifier, which stays as it is.
        mean: channel means (1, 3, 1, 1) of images in [0, 1], as the backbone takes them.
        std: channel standard deviations, likewise.

    Attributes:
        share_scale: scale of the intervals of rusted shares, from validation photographs; see
            `corrosion.explanation.share_interval`. Infinite before there is one.
        validated: number of these photographs.
        taught_by: "masks" that were drawn, or "labels" of whole photographs, as the classifier
            outlines what it has learnt from them.
        alone: whether masks are cut from what it says alone, without the classifier's evidence.

    Raises:
        CorrosionError: the backbone gives no features at several resolutions.

    Example:
        >>> from corrosion.models.classifier import CorrosionClassifier
        >>> net = CorrosionClassifier("test_resnet.r160_in1k", image_size=64)
        >>> masks = MaskNetwork(net.backbone, net.mean, net.std)
        >>> masks.eval()(torch.zeros(2, 3, 64, 96, dtype=torch.uint8)).shape
        torch.Size([2, 64, 96])
    """

    backbone: Any  # a timm model: nn.Module's type doesn't know its methods
    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        # its import takes a second that other commands need not wait
        from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder

        self._stages, channels = _stages(backbone)
        self.share_scale, self.validated = math.inf, 0
        self.taught_by: Teacher = "masks"
        self.alone = True
        self.backbone = copy.deepcopy(backbone)
        self.decoder = UnetDecoder([3, *channels], _WIDTHS[: len(channels)], n_blocks=len(channels))
        self.pixels = nn.Sequential(
            nn.Conv2d(_WIDTHS[len(channels) - 1] + 3, _PIXEL_FEATURES, 3, padding=1, bias=False),
            nn.BatchNorm2d(_PIXEL_FEATURES),
            nn.ReLU(inplace=True),
            nn.Conv2d(_PIXEL_FEATURES, 1, 1),
        )
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())

    @property
    def lesson(self) -> str:
        """What it has learnt from, in words."""
        validated = f", {self.validated} validation photographs" if self.validated else ""
        return f"learnt from {self.taught_by}{validated}"

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) to logits (N, H, W)."""
        pixels = normalised(images, self.mean, self.std)
        features = self.backbone.forward_intermediates(
            pixels, indices=self._stages, intermediates_only=True
        )
        decoded = self.decoder([pixels, *features])
        return self.pixels(torch.cat([decoded, pixels], dim=1)).squeeze(1)

    @torch.no_grad()
    def shift(self, logit: float) -> None:
        """Add a number to the logits of all pixels from now on."""
        last = self.pixels[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        last.bias.add_(logit)

    def train(self, mode: bool = True) -> MaskNetwork:
        """Set the mode; the encoder's batch normalisation keeps its statistics.

        A few photographs would change what it has learnt from many.
        """
        super().train(mode)
        for module in self.backbone.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self


def _stages(backbone: Any) -> tuple[list[int], list[int]]:
    """Indices and channels of the features that a backbone gives, the last of each resolution."""
    last = {
        stage["reduction"]: (index, stage["num_chs"])
        for index, stage in enumerate(getattr(backbone, "feature_info", None) or ())
    }
    if len(last) < _LEAST_STAGES or not hasattr(backbone, "forward_intermediates"):
        raise CorrosionError(
            "This network's backbone gives no features at several resolutions, from which masks "
            "could be learnt: train a convolutional network of timm, as model=efficientnet_lite0."
        )
    chosen = [last[stride] for stride in sorted(last)][-len(_WIDTHS) :]
    return [index for index, _ in chosen], [channels for _, channels in chosen]
