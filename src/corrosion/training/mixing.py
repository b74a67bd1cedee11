"""Mix the images of a training batch with each other, and their labels with them."""

from __future__ import annotations

from torch import Tensor
from torchvision.transforms import v2


class BatchMixing:
    """Mixup and CutMix of torchvision; with both, each batch is mixed by one of them, by chance.

    An image is mixed with its neighbour in the batch, which is shuffled. Random numbers come from
    torch's global generator.

    Args:
        mixup: alpha of the Beta distribution that the share of the other image is drawn from, 0 for
            none (Zhang et al., ICLR 2018).
        cutmix: likewise, of the share of the area that the other image takes (Yun et al., ICCV
            2019).

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> mix = BatchMixing(mixup=0.2)
        >>> images, shares = mix(torch.zeros(4, 3, 64, 64), torch.tensor([0.0, 1.0, 0.0, 1.0]))
        >>> images.shape, bool(((shares >= 0) & (shares <= 1)).all())
        (torch.Size([4, 3, 64, 64]), True)
    """

    def __init__(self, *, mixup: float = 0.0, cutmix: float = 0.0) -> None:
        ways: list[v2.Transform] = []
        if mixup:
            ways.append(v2.MixUp(alpha=float(mixup)))
        if cutmix:
            ways.append(v2.CutMix(alpha=float(cutmix)))
        self._way = v2.RandomChoice(ways) if ways else None

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mix a batch.

        Args:
            images: (N, 3, H, W), uint8 in [0, 255] or float in [0, 1].
            labels: (N,) float, 0 or 1.

        Returns:
            Images, float in [0, 1], and the share of corrosion in each, (N,) float in [0, 1]; as
            they are, if nothing is to be mixed.
        """
        if self._way is None:
            return images, labels
        pixels = images if images.is_floating_point() else images / 255
        mixed, shares = self._way(pixels, labels[:, None])
        return mixed, shares[:, 0]


def smooth_labels(targets: Tensor, amount: float) -> Tensor:
    """Label smoothing (Szegedy et al., CVPR 2016, section 7): certainty is not asked for.

    Args:
        targets: float in [0, 1].
        amount: share of every label that is spread evenly over both classes, [0, 1).

    Returns:
        Of the same shape, in [amount / 2, 1 - amount / 2].

    Example:
        >>> import torch
        >>> smooth_labels(torch.tensor([0.0, 1.0]), 0.1)
        tensor([0.0500, 0.9500])
    """
    return targets * (1 - amount) + amount / 2
