"""The network, its explanation and its preprocessing as one graph of forward operations.

Grad-CAM (Selvaraju et al., ICCV 2017) of the study's head needs no autograd. With g = the pooled
features, hidden = W1 g + b1 and z = w2 relu(hidden) + b2, the gradient of the logit z has this mean
over the positions:

    mean of dz / d(features at a position) =
        W1^T (1[hidden > 0] * w2) * mean of dg / d(features at a position)

These are the weights of the channels. The last factor, `corrosion.models.pooling.mean_slope`, is
1 / (h w) where the head pools by averaging. A linear probe, which is written into the same head
(`corrosion.models.logistic_head`), has the same form.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.pooling import mean_slope, pool
from corrosion.models.tta import VIEWS


class Outputs(NamedTuple):
    """What the graph gives of images (N, 3, H, W); the names are those of the exported outputs.

    Attributes:
        probability: (N,) float32 in [0, 1], with the checkpoint's temperature.
        logit: (N,) float32, without it.
        map: (N, h, w) float32 in [0, 1], evidence for corrosion at the resolution of the last
            feature map, as `corrosion.explanation.cam.ActivationMaps.scaled` gives it.
        map_scale: (N,) float32, what 1 in the map stands for, in logits a position.
        unlike_training: (N,) float32, as `CorrosionClassifier.unlike_training`; only where the
            checkpoint can tell.
        mask: (N, H, W) float32 in [0, 1], probability of rust; only where the checkpoint has a mask
            network.
        kind_probabilities: (N, K) float32 in [0, 1], as `CorrosionClassifier.predict_kinds`; only
            where the checkpoint tells kinds of corrosion.
    """

    probability: Tensor
    logit: Tensor
    map: Tensor
    map_scale: Tensor
    unlike_training: Tensor | None = None
    mask: Tensor | None = None
    kind_probabilities: Tensor | None = None

    @property
    def present(self) -> dict[str, Tensor]:
        """Those that there are, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class InspectionGraph(nn.Module):
    """A checkpoint's network as it is exported.

    Views of test-time augmentation go through the backbone as one batch.

    Args:
        network: a network, which is copied, and stays as it is.

    Shapes:
        images (N, 3, image_size, image_size) uint8 RGB -> the `present` of `Outputs`.

    Example:
        >>> network = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=64)
        >>> graph = InspectionGraph(network)
        >>> found = graph(torch.zeros(2, 3, 64, 64, dtype=torch.uint8))
        >>> {name: tuple(value.shape) for name, value in found.items()}
        {'probability': (2,), 'logit': (2,), 'map': (2, 2, 2), 'map_scale': (2,)}
    """

    reference: Tensor

    def __init__(self, network: CorrosionClassifier) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu().float().requires_grad_(False)
        self._views = VIEWS[network.tta]
        if self.network.training_distance is not None:
            # float32, so that every runtime computes what the checkpoint does
            unit = nn.functional.normalize(self.network.training_distance.reference.float(), dim=1)
            self.register_buffer("reference", unit)
        self.eval()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        absent = {
            "unlike_training": self.network.training_distance is None,
            "mask": self.network.mask_network is None,
            "kind_probabilities": self.network.kind_head is None,
        }
        return tuple(name for name in Outputs._fields if not absent.get(name, False))

    @torch.no_grad()
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map images (N, 3, H, W) uint8 to the outputs."""
        network, head, count = self.network, self.network.head, images.shape[0]
        shown = [view.apply(images) for view in self._views]
        features = network.forward_features(shown[0] if len(shown) == 1 else torch.cat(shown))
        pooled = pool(features, head.pooling)
        hidden = head.dense(pooled)
        logits = head.logit(hidden.relu()).squeeze(1)
        slopes = (hidden > 0).to(hidden.dtype) * head.logit.weight
        weights = slopes @ head.dense.weight * mean_slope(features, head.pooling)
        raw = (features * weights[:, :, None, None]).sum(dim=1)
        logit, evidence = self._averaged(logits, raw, count)
        scale = evidence.abs().amax(dim=(1, 2))
        tiny = torch.finfo(torch.float32).tiny
        return Outputs(
            probability=torch.sigmoid(logit / network.temperature),
            logit=logit,
            map=evidence.relu() / scale.clamp_min(tiny)[:, None, None],
            map_scale=scale,
            # the first view is the image as it is
            unlike_training=self._distance(features[:count]),
            mask=self._mask(images, count),
            kind_probabilities=self._kinds(pooled[:count]),
        ).present

    def _averaged(self, logits: Tensor, raw: Tensor, images: int) -> tuple[Tensor, Tensor]:
        """Means over the views of so many images, the maps turned back."""
        count = len(self._views)
        if count == 1:
            return logits, raw
        # not `chunk`, by which the exporter would fix the number of images
        parts = raw.unflatten(0, (count, images)).unbind(0)
        maps = [view.undo(part) for view, part in zip(self._views, parts, strict=True)]
        logit = logits.unflatten(0, (count, images)).mean(dim=0)
        return logit, torch.stack(maps).mean(dim=0)

    def _distance(self, features: Tensor) -> Tensor | None:
        distance = self.network.training_distance
        if distance is None:
            return None
        directions = nn.functional.normalize(pool(features, distance.pooling), dim=1)
        nearest = (directions @ self.reference.T).amax(dim=1)
        return (2 - 2 * nearest).clamp_min(0).sqrt() / distance.limit

    def _kinds(self, pooled: Tensor) -> Tensor | None:
        head = self.network.kind_head
        if head is None:
            return None
        return (pooled @ head.weight.T + head.bias).softmax(dim=1)  # without its autocast

    def _mask(self, images: Tensor, count: int) -> Tensor | None:
        """The mean of the image and its mirror, as `corrosion predict --masks` has it."""
        masks = self.network.mask_network
        if masks is None:
            return None
        seen = masks(torch.cat([images, images.flip(3)])).sigmoid()
        return (seen[:count] + seen[count:].flip(2)) / 2
