"""A logistic regression on pooled features, as the weights of the published head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from corrosion.errors import CorrosionError
from corrosion.models.head import ClassifierHead

Floats = NDArray[np.floating]

_STRENGTHS = tuple(np.logspace(-4, 1, 11))


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """A linear classifier: logit = features @ weight + bias.

    Attributes:
        weight: (C,) float64.
        bias: intercept.
        strength: inverse strength of the L2 penalty that did best on validation.
        validation_loss: log loss on validation at that strength.
    """

    weight: NDArray[np.float64]
    bias: float
    strength: float
    validation_loss: float

    def logits(self, features: Floats) -> NDArray[np.float64]:
        """Logits (N,) of features (N, C)."""
        return np.asarray(features, dtype=np.float64) @ self.weight + self.bias


@dataclass(frozen=True, eq=False)
class RowSpace:
    """The space that training features span, in which a penalised fit is quick.

    Features are centred and divided by one common scale: what varies much between photographs is
    what the network tells them apart by. Nothing is lost by the fit within the row space, since the
    penalised solution lies in it (the representer theorem).

    Attributes:
        mean: (C,) float64, of the training features.
        scale: their standard deviation, of all together.
        basis: (C, D) float64, orthonormal.
    """

    mean: NDArray[np.float64]
    scale: float
    basis: NDArray[np.float64]

    @classmethod
    def of(cls, features: Floats) -> RowSpace:
        """The space of features (N, C).

        Raises:
            CorrosionError: they are the same for all images.
        """
        mean, scale = features.mean(axis=0, dtype=np.float64), float(features.std(dtype=np.float64))
        if scale == 0:
            raise CorrosionError("The network gives the same features for all images.")
        basis = np.linalg.svd((features - mean) / scale, full_matrices=False)[2].T
        return cls(mean, scale, basis)

    def within(self, features: Floats) -> NDArray[np.float64]:
        """Coordinates (N, D) of features (N, C)."""
        return np.asarray((features - self.mean) / self.scale @ self.basis, dtype=np.float64)

    def outside(
        self, weight: NDArray[np.float64], bias: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights (K, C) and biases (K,) for features, of those (K, D), (K,) for coordinates."""
        outside = weight @ self.basis.T / self.scale
        return outside, bias - outside @ self.mean


def check_finite(*features: Floats) -> None:
    """Make sure that features are numbers.

    Raises:
        CorrosionError: one is not finite.
    """
    if not all(np.isfinite(one).all() for one in features):
        raise CorrosionError(
            "The network's features are not finite (NaN): its weights are damaged, or its training "
            "has diverged. Take other weights."
        )


def fit_logistic(
    features: Floats,
    labels: NDArray[np.int64],
    validation: Floats,
    validation_labels: NDArray[np.int64],
    *,
    strengths: Sequence[float] = _STRENGTHS,
) -> LogisticFit:
    """Fit a logistic regression whose L2 penalty is chosen by the log loss on validation.

    The fit runs in the `RowSpace` of the training features.

    Args:
        features: (N, C), of the training images.
        labels: (N,) 0 or 1.
        validation: (M, C), of the validation images.
        validation_labels: (M,) 0 or 1.
        strengths: inverse strengths of the penalty to choose from, each above 0.

    Raises:
        CorrosionError: a class is missing, or a feature is not finite.

    Example:
        >>> random = np.random.default_rng(0)
        >>> labels = np.arange(40) % 2
        >>> features = random.normal(size=(40, 8)) + 2 * labels[:, None]
        >>> fit = fit_logistic(features[:30], labels[:30], features[30:], labels[30:])
        >>> bool(((fit.logits(features) > 0) == labels).mean() > 0.9)
        True
    """
    check_finite(features, validation)
    if len(np.unique(labels)) < 2 or len(np.unique(validation_labels)) < 2:
        raise CorrosionError("The head needs images of both classes in training and validation.")
    space = RowSpace.of(features)
    train, val = space.within(features), space.within(validation)
    # from one penalty to the next there are few steps, and the weights of many digits cost no more
    model = LogisticRegression(solver="newton-cholesky", tol=1e-8, warm_start=True)
    fits = []
    for strength in strengths:
        model.set_params(C=strength).fit(train, labels)
        weight, bias = space.outside(model.coef_, model.intercept_)
        loss = float(log_loss(validation_labels, model.predict_proba(val)[:, 1]))
        fits.append(LogisticFit(weight[0], float(bias[0]), float(strength), loss))
    return min(fits, key=lambda fit: fit.validation_loss)


@torch.no_grad()
def set_logistic(head: ClassifierHead, fit: LogisticFit) -> None:
    """Write a linear classifier into the published head, exactly: z = relu(z) - relu(-z).

    Two dense units hold the classifier and its negative; the others keep their weights and count
    nothing. So checkpoints, explanations and fine-tuning from there need nothing of their own.

    Raises:
        CorrosionError: the head has a single dense unit.
    """
    if head.dense.out_features < 2:
        raise CorrosionError("dense_units=1: a logistic regression takes two units: give 2.")
    weight = torch.as_tensor(fit.weight, dtype=head.dense.weight.dtype)
    head.dense.weight[:2] = torch.stack([weight, -weight])
    head.dense.bias[:2] = torch.tensor([fit.bias, -fit.bias])
    head.logit.weight.zero_()
    head.logit.weight[0, :2] = torch.tensor([1.0, -1.0])
    head.logit.bias.zero_()
