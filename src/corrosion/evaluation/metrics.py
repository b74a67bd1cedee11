"""Every metric of a set of predictions, for many weightings of its images at once.

The bootstrap asks for the same metrics of thousands of resamples of one test set. A resample
is a weight an image (how often it was drawn), so images are sorted once and every metric is a
ratio of cumulative sums of weights: O(N) a resample, without sorting again.

What is undefined is NaN, never a silent 0: precision without an image predicted corroded; recall
(specificity) without a corroded (clean) image; F1 with neither; kappa, MCC, balanced accuracy and
the areas with one class only. MCC and kappa of constant decisions on two classes are 0, and the
ROC-AUC of constant scores is 0.5.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import is_corroded
from corrosion.evaluation.metric_table import EVALUATED

Floats = NDArray[np.float64]

BINS = 15
"""Bins of equal width for calibration (Guo et al., 2017)."""


class Confusion(NamedTuple):
    """Counts of a binary decision; corrosion is positive."""

    tp: int
    fn: int
    tn: int
    fp: int


def checked(label: ArrayLike, probability: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    """Labels and probabilities as arrays, or an error that names the bad rows.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.

    Returns:
        (N,) int64 and (N,) float64, N at least 1.

    Raises:
        CorrosionError: no images, lengths that differ, a label that is not 0 or 1, a probability
            that is NaN or outside [0, 1]; rows count from 0.

    Example:
        >>> checked([1, 0], [0.9, 1.2])
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: 1 row(s) with a probability outside [0, 1]: 1 (the first \
row is 0).
    """
    labels = np.asarray(label)
    scores = np.asarray(probability, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise CorrosionError(
            f"Give one label and one probability an image, not {labels.shape} and {scores.shape}."
        )
    if not labels.size:
        raise CorrosionError("There are no predictions to evaluate.")
    _refuse("a label that is neither 0 nor 1", (labels != 0) & (labels != 1))
    _refuse("no probability (NaN)", np.isnan(scores))
    _refuse("a probability outside [0, 1]", (scores < 0) | (scores > 1))
    return labels.astype(np.int64), scores


def _refuse(what: str, bad: NDArray[np.bool_]) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        named = ", ".join(map(str, rows[:5])) + (", ..." if rows.size > 5 else "")
        raise CorrosionError(f"{rows.size} row(s) with {what}: {named} (the first row is 0).")


def confusion(label: ArrayLike, probability: ArrayLike, *, threshold: float = 0.5) -> Confusion:
    """Count right and wrong decisions; from `threshold` on an image counts as corroded.

    Raises:
        CorrosionError: as `checked`.

    Example:
        >>> confusion([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1])
        Confusion(tp=1, fn=1, tn=1, fp=1)
    """
    labels, scores = checked(label, probability)
    decided = is_corroded(scores, threshold)
    fn_tn_fp_tp = np.bincount(2 * decided + (labels == decided))
    fn, tn, fp, tp = np.pad(fn_tn_fp_tp, (0, 4 - len(fn_tn_fp_tp))).tolist()
    return Confusion(tp=tp, fn=fn, tn=tn, fp=fp)


def decision_metrics(
    tp: ArrayLike, fn: ArrayLike, tn: ArrayLike, fp: ArrayLike
) -> dict[str, Floats]:
    """Metrics of decisions from their counts, or sums of weights, of any common shape.

    Returns:
        accuracy, precision, recall, specificity, f1, kappa (Cohen, 1960), mcc (Matthews, 1975;
        0 for constant decisions as in Chicco & Jurman, 2020) and balanced_accuracy, each in the
        counts' shape; NaN where undefined.

    Example:
        >>> values = decision_metrics(tp=180, fn=9, tn=215, fp=5)
        >>> {name: round(float(values[name]), 4) for name in ("accuracy", "f1", "kappa")}
        {'accuracy': 0.9658, 'f1': 0.9626, 'kappa': 0.931}
    """
    tp, fn, tn, fp = (np.asarray(count, dtype=np.float64) for count in (tp, fn, tn, fp))
    positives, negatives = tp + fn, tn + fp
    both = (positives > 0) & (negatives > 0)
    recall, specificity = _ratio(tp, positives), _ratio(tn, negatives)
    margins = (tp + fp) * (fn + tn) * positives * negatives
    determinant = tp * tn - fp * fn
    chance = (tp + fp) * negatives + positives * (fn + tn)
    return {
        "accuracy": _ratio(tp + tn, positives + negatives),
        "precision": _ratio(tp, tp + fp),
        "recall": recall,
        "specificity": specificity,
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "kappa": np.where(both, _ratio(2 * determinant, chance), np.nan),
        "mcc": np.where(both, determinant / np.sqrt(np.where(margins > 0, margins, 1)), np.nan),
        "balanced_accuracy": (recall + specificity) / 2,
    }


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient; NaN for nothing of nothing."""
    with np.errstate(invalid="ignore"):
        return numerator / denominator


class WeightedMetrics:
    """All metrics of one set of predictions as functions of its images' weights.

    ROC-AUC is the probability that a corroded image scores above a clean one, ties counting half
    (Mann-Whitney); it is the same for both classes. PR-AUC is average precision, not the trapezoid
    (Davis & Goadrich, 2006), each score a threshold, ties together; `auprc_negative` is that of
    "no corrosion". ECE is the expected calibration error of P(corrosion) over bins of equal width
    (Naeini et al., 2015): the gap between mean probability and share of corroded images. Log loss
    takes probabilities as at least 2.2e-16 away from 0 and 1.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        threshold: probability from which an image counts as corroded.
        bins: number of bins of the expected calibration error.

    Raises:
        CorrosionError: as `checked`.

    Example:
        >>> metrics = WeightedMetrics([1, 0, 0], [0.9, 0.2, 0.6])
        >>> weights = np.array([[1.0, 1.0, 1.0], [2.0, 1.0, 0.0]])
        >>> metrics(weights)["accuracy"].round(4).tolist()
        [0.6667, 1.0]
    """

    def __init__(
        self,
        label: ArrayLike,
        probability: ArrayLike,
        *,
        threshold: float = 0.5,
        bins: int = BINS,
    ) -> None:
        labels, scores = checked(label, probability)
        order = np.argsort(scores, kind="stable")
        self._positives, self._negatives = order[labels[order] == 1], order[labels[order] == 0]
        positives, negatives = scores[self._positives], scores[self._negatives]
        # as many score below the threshold: `is_corroded` holds from there on
        self._cuts = np.searchsorted(positives, threshold), np.searchsorted(negatives, threshold)
        # for each positive: positives and negatives that score less, and negatives that don't
        # score more; for each negative: positives and negatives that don't score more
        self._below = np.searchsorted(positives, positives), np.searchsorted(negatives, positives)
        self._negatives_to = np.searchsorted(negatives, positives, side="right")
        self._to = (
            np.searchsorted(positives, negatives, side="right"),
            np.searchsorted(negatives, negatives, side="right"),
        )
        self._losses = np.stack([(scores - labels) ** 2, log_losses(labels, scores)], axis=1)
        from scipy.sparse import csr_array  # shares and decisions do without SciPy

        self._gaps = csr_array(
            (scores - labels, (np.arange(len(labels)), bin_of(scores, bins))),
            shape=(len(labels), bins),
        )

    def __call__(self, weight: Floats) -> dict[str, Floats]:
        """The metrics under each row of weights.

        Args:
            weight: (B, N) float64, not negative.

        Returns:
            (B,) float64 for each of `EVALUATED`; NaN where undefined.
        """
        of_positives, of_negatives = weight[:, self._positives], weight[:, self._negatives]
        to_positive, to_negative = _sums(of_positives), _sums(of_negatives)
        positives, negatives = to_positive[:, -1], to_negative[:, -1]
        fn, tn = to_positive[:, self._cuts[0]], to_negative[:, self._cuts[1]]

        wins = to_negative[:, self._below[1]] + to_negative[:, self._negatives_to]
        tp_from = positives[:, None] - to_positive[:, self._below[0]]
        fp_from = negatives[:, None] - to_negative[:, self._below[1]]
        fn_to, tn_to = to_positive[:, self._to[0]], to_negative[:, self._to[1]]
        total = positives + negatives
        brier, log_loss = (weight @ self._losses).T
        both = np.where((positives > 0) & (negatives > 0), 1.0, np.nan)
        return {
            **decision_metrics(tp=positives - fn, fn=fn, tn=tn, fp=negatives - tn),
            "auroc": _ratio(_dot(of_positives, wins), 2 * positives * negatives),
            "auprc": both * _ratio(_dot(of_positives, _share(tp_from, fp_from)), positives),
            "auprc_negative": both * _ratio(_dot(of_negatives, _share(tn_to, fn_to)), negatives),
            "brier": _ratio(brier, total),
            "log_loss": _ratio(log_loss, total),
            "ece": _ratio(np.abs(weight @ self._gaps).sum(axis=1), total),
        }


def _sums(weight: Floats) -> Floats:
    """Cumulative sums (B, n + 1) along rows (B, n), from 0 on."""
    sums = np.zeros((weight.shape[0], weight.shape[1] + 1))
    np.cumsum(weight, axis=1, out=sums[:, 1:])
    return sums


def _dot(left: Floats, right: Floats) -> Floats:
    return np.einsum("bn,bn->b", left, right)


def _share(part: Floats, rest: Floats) -> Floats:
    """Share of the part in the whole; 0 for nothing of nothing, whose weight is 0 too."""
    return part / np.maximum(part + rest, np.finfo(float).tiny)


def log_losses(label: NDArray[np.int64], probability: Floats) -> Floats:
    """Log loss of each image, of probabilities at least 2.2e-16 away from 0 and 1.

    Example:
        >>> log_losses(np.array([1, 0]), np.array([0.5, 0.9])).round(3).tolist()
        [0.693, 2.303]
    """
    clipped = np.clip(probability, np.finfo(float).eps, 1 - np.finfo(float).eps)
    return -np.log(np.where(label == 1, clipped, 1 - clipped))


def bin_of(probability: Floats, bins: int = BINS) -> NDArray[np.int64]:
    """Bin of equal width each probability lies in; an edge belongs to the bin below it.

    Example:
        >>> bin_of(np.array([0.0, 0.5, 0.51, 1.0]), bins=2).tolist()
        [0, 0, 1, 1]
    """
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probability)


def all_metrics(
    label: ArrayLike, probability: ArrayLike, *, threshold: float = 0.5, bins: int = BINS
) -> dict[str, float]:
    """All of `EVALUATED` of a set of predictions.

    Args:
        label: (N,) 0 or 1.
        probability: (N,) in [0, 1], of corrosion.
        threshold: probability from which an image counts as corroded.
        bins: number of bins of the expected calibration error.

    Returns:
        The value of each metric, as `WeightedMetrics` defines them; NaN where undefined.

    Raises:
        CorrosionError: as `checked`.

    Example:
        >>> values = all_metrics([1, 0, 0], [0.9, 0.2, 0.6])
        >>> round(values["accuracy"], 4), values["auroc"]
        (0.6667, 1.0)
    """
    compute = WeightedMetrics(label, probability, threshold=threshold, bins=bins)
    values = compute(np.ones((1, np.size(np.asarray(label)))))
    return {name: float(values[name][0]) for name in EVALUATED}
