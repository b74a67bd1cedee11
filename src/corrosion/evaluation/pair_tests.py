"""Every test of two models on the same images, each metric by the test that holds its level."""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.typing import ArrayLike

from corrosion.evaluation.decisions import is_corroded
from corrosion.evaluation.metric_table import TESTED
from corrosion.evaluation.metrics import checked
from corrosion.evaluation.permutation import swap_tests
from corrosion.evaluation.precision_areas import compare_precision
from corrosion.evaluation.significance import delong, mcnemar

PERMUTATION = "permutation"
"""Name of the permutation tests."""


@dataclass(frozen=True)
class PairTest:
    """What a test says of the difference of two models.

    Attributes:
        test: its name.
        p_value: two-sided; NaN where the data can't tell.
        exact: p-value of McNemar's exact test, beside its mid-p; NaN of other tests.
        interval: of the difference, as the test has it; None where it has none.
        freedom: degrees of freedom of its t; infinity of other tests.
        models: whether it speaks of the models, which other runs would be of too, or of these
            checkpoints alone.
    """

    test: str
    p_value: float
    exact: float = float("nan")
    interval: tuple[float, float] | None = None
    freedom: float = float("inf")
    models: bool = False

    def of_models(self) -> PairTest:
        """The same, of the models."""
        return replace(self, models=True)


def pair_tests(
    label: ArrayLike,
    probability_a: ArrayLike,
    probability_b: ArrayLike,
    *,
    thresholds: tuple[float, float] = (0.5, 0.5),
    group: ArrayLike | None = None,
    fold: ArrayLike | None = None,
    level: float = 0.95,
    count: int = 2000,
    seed: int = 0,
) -> dict[str, PairTest]:
    """Test two models on each of `TESTED`.

    Accuracy by McNemar's mid-p test, ROC-AUC by DeLong's, PR-AUC by the jackknife
    (`compare_precision`), other decisions and losses by swaps (`swap_tests`).

    Args:
        label: (N,) 0 or 1.
        probability_a: (N,) in [0, 1], of corrosion by the first model.
        probability_b: (N,) by the second.
        thresholds: probability from which an image counts as corroded, of each model.
        group: (N,) of any type; each image its own group if None.
        fold: (N,) of any type, for the means of ROC-AUC and PR-AUC within folds; a single one if
            None.
        level: confidence level of the intervals, in (0, 1).
        count: number of random swaps.
        seed: seed of the swaps.

    Raises:
        CorrosionError: bad arrays (as `checked`), groups, level or count.

    Example:
        >>> found = pair_tests([0, 1] * 20, [0.1, 0.9] * 20, [0.5] * 40, count=100)
        >>> found["accuracy"].test, found["accuracy"].p_value < 0.001, found["auroc"].test
        ('McNemar mid-p', True, 'DeLong')
    """
    labels, a = checked(label, probability_a)
    b = checked(label, probability_b)[1]
    right = [is_corroded(one, at) == labels for one, at in zip((a, b), thresholds, strict=True)]
    decisions = mcnemar(*right, group=group)
    areas = delong(labels, a, b, group=group, fold=fold, level=level)
    swaps = swap_tests(labels, a, b, thresholds=thresholds, group=group, count=count, seed=seed)
    found = {name: PairTest(PERMUTATION, p_value) for name, p_value in swaps.items()}
    found["accuracy"] = PairTest("McNemar mid-p", decisions.p_value, exact=decisions.exact)
    found["auroc"] = PairTest("DeLong", areas.p_value, interval=(areas.low, areas.high))
    for name, searched, of in (
        ("auprc", labels, (a, b)),
        ("auprc_negative", 1 - labels, (1 - a, 1 - b)),
    ):
        low, high, p_value = compare_precision(searched, *of, group=group, fold=fold, level=level)
        found[name] = PairTest("jackknife", p_value, interval=(low, high))
    return {name: found[name] for name in TESTED}
