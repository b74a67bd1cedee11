"""What the paper published, and where it contradicts itself.

Aminudin et al., "Explainable Deep Learning Framework for Binary Corrosion Image Classification
Using Grad-CAM", Sensors 2025, 25, 7070, doi 10.3390/s25227070.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from corrosion.evaluation.estimates import estimate_metrics
from corrosion.evaluation.intervals import Estimate
from corrosion.evaluation.metric_table import EVALUATED, METRICS
from corrosion.evaluation.metrics import Confusion


@dataclass(frozen=True)
class Published:
    """What the paper says of a network.

    Attributes:
        confusion: Figure 5.
        auroc: Figure 6, of corrosion.
        auprc: Figure 7, of corrosion and of no corrosion.
        hyperparameters: Table 6.
        minutes: Table 8, of training on an RTX 2070 Super Max-Q.
    """

    confusion: Confusion
    auroc: float
    auprc: tuple[float, float]
    hyperparameters: Mapping[str, float]
    minutes: float

    def metrics(self, *, level: float = 0.95) -> dict[str, Estimate]:
        """Metrics with the intervals that the confusion matrix gives.

        The areas are as published, without intervals, since no probabilities were.
        """
        counts = self.confusion
        label = np.repeat([1, 1, 0, 0], [counts.tp, counts.fn, counts.tn, counts.fp])
        decision = np.repeat([1.0, 0.0, 0.0, 1.0], [counts.tp, counts.fn, counts.tn, counts.fp])
        estimates = estimate_metrics(label, decision, level=level)
        areas = {"auroc": self.auroc, "auprc": self.auprc[0], "auprc_negative": self.auprc[1]}
        return {
            **{name: estimates[name] for name in _OF_DECISIONS},
            **{name: Estimate(value, np.nan, np.nan, "undefined") for name, value in areas.items()},
        }


_OF_DECISIONS = tuple(key for key in EVALUATED if METRICS[key].needs == "decisions")


def _settings(spatial: float, units: int, dropout: float, rate: float) -> dict[str, float]:
    return {"spatial_dropout": spatial, "dense_units": units, "dropout": dropout, "lr": rate}


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "resnet50": Published(
            Confusion(tp=180, fn=9, tn=215, fp=5),
            0.988,
            (0.988, 0.985),
            _settings(0.2906, 512, 0.6, 1e-5),
            48,
        ),
        "mobilenetv2": Published(
            Confusion(tp=172, fn=17, tn=208, fp=12),
            0.978,
            (0.969, 0.981),
            _settings(0.4667, 192, 0.3163, 6.457e-5),
            41,
        ),
        "nasnetmobile": Published(
            Confusion(tp=178, fn=11, tn=214, fp=6),
            0.992,
            (0.991, 0.992),
            _settings(0.3641, 320, 0.3411, 9.0257e-5),
            54,
        ),
        "efficientnetv2b0": Published(
            Confusion(tp=175, fn=14, tn=217, fp=3),
            0.993,
            (0.992, 0.994),
            _settings(0.2153, 192, 0.4999, 4.679e-5),
            44,
        ),
    }
)
"""By our name of the network."""

ERRATA = (
    "The stated split 2812 + 821 + 398 sums to 4031, not to the 4012 images of Table 1; 821 is "
    "almost surely a misprint of 802.",
    '"A total of 9636 images" is 3 x 2812 + 802 + 398: every training image in three versions.',
    "The confusion matrices sum to 409 test images (189 corroded, 220 not), not to 398.",
    "The text gives ResNet50 two false positives; its matrix and every metric need five.",
    "The conclusion speaks of 710 images and calls NASNetMobile the most accurate; Table 9 says "
    "ResNet50.",
    "The versions of CUDA and cuDNN in Table 3 (7.5, 10.1) are swapped.",
    "Section 3.4 gives ResNet50's PR-AUC once as 0.988, once as 0.998.",
)
"""Contradictions in the paper; docs/paper.md lists them too."""
