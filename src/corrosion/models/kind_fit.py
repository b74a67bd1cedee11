"""Find the head of the kinds of corrosion: a multinomial logistic regression on pooled features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

from corrosion.errors import CorrosionError
from corrosion.models.kind_head import KindHead
from corrosion.models.logistic_head import Floats, RowSpace, check_finite

_STRENGTHS = tuple(np.logspace(-4, 2, 13))
_UNCHOSEN = 0.01  # where no validation photograph has a known kind


@dataclass(frozen=True, eq=False)
class KindFit:
    """A head that was found.

    Attributes:
        head: the head.
        strength: inverse strength of its L2 penalty.
        validation_loss: log loss on validation at that strength; NaN where it was not chosen there.
    """

    head: KindHead
    strength: float
    validation_loss: float


def fit_kinds(
    names: Sequence[str],
    features: Floats,
    labels: NDArray[np.int64],
    validation: Floats,
    validation_labels: NDArray[np.int64],
    *,
    balanced: bool = True,
    strengths: Sequence[float] = _STRENGTHS,
) -> KindFit:
    """Fit a multinomial logistic regression whose L2 penalty is chosen by log loss on validation.

    The cross-entropy over corroded photographs of known kind, as a softmax layer would learn it,
    but to its minimum, without a learning rate, and the same each time.

    Args:
        names: names of the K kinds.
        features: (N, C), of the corroded training images whose kind is known.
        labels: (N,) number of the kind of each, from 0.
        validation: (M, C), of such validation images; M may be 0, and the penalty is then a usual
            one.
        validation_labels: (M,) likewise.
        balanced: whether each kind has the same total weight.
        strengths: inverse strengths of the penalty to choose from, each above 0.

    Raises:
        CorrosionError: a kind has no training image, or a feature is not finite.

    Example:
        >>> random = np.random.default_rng(0)
        >>> labels = np.arange(60) % 3
        >>> features = random.normal(size=(60, 8)) + 3 * np.eye(3, 8)[labels]
        >>> fit = fit_kinds("abc", features[:40], labels[:40], features[40:], labels[40:])
        >>> found = fit.head(torch.from_numpy(features)).argmax(dim=1).numpy()
        >>> bool((found == labels).mean() > 0.9)
        True
    """
    check_finite(features, validation)
    every = np.arange(len(names))
    if not np.array_equal(np.unique(labels), every):
        raise CorrosionError("The head of kinds needs training images of each.")
    space = RowSpace.of(features)
    train, val = space.within(features), space.within(validation)
    weighing = "balanced" if balanced else None
    weights = compute_sample_weight(weighing, labels)
    choices = tuple(strengths) if len(validation) else (_UNCHOSEN,)
    best: tuple[float, float, LogisticRegression] | None = None
    for strength in choices:
        model = LogisticRegression(C=strength, max_iter=2000)
        model.fit(train, labels, sample_weight=weights)
        loss = np.nan
        if len(validation):
            loss = float(
                log_loss(
                    validation_labels,
                    model.predict_proba(val),
                    labels=every,
                    sample_weight=compute_sample_weight(weighing, validation_labels),
                )
            )
        if best is None or loss < best[0]:
            best = (loss, float(strength), model)
    assert best is not None
    loss, strength, model = best
    coefficients, intercepts = model.coef_, model.intercept_
    if len(names) == 2:  # one logit, of the second: half of it for it, half against the first
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    weight, bias = space.outside(coefficients, intercepts)
    head = KindHead(names, torch.from_numpy(weight).float(), torch.from_numpy(bias).float())
    return KindFit(head, strength, loss)
