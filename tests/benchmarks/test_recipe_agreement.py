"""How much more runs of two models differ than runs of one."""

import numpy as np
import pytest
from recipe_agreement import agreement, tetrachoric
from scipy.stats import multivariate_normal, norm


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8])
def test_errors_tell_the_correlation_of_scores(correlation):
    ends = np.array([-1.3, -1.0])
    share = multivariate_normal.cdf(ends, cov=[[1, correlation], [correlation, 1]])
    assert tetrachoric(*norm.cdf(ends), share) == pytest.approx(correlation, abs=1e-3)


def test_runs_of_two_models_differ_by_what_each_model_sees():
    generator = np.random.default_rng(0)
    everyone, first, second = generator.normal(size=(3, 1, 50_000))
    own = generator.normal(size=(2, 3, 50_000))
    # two thirds of what the runs of a model do not share is as much as models do not share
    a, b = (
        np.sqrt(0.5) * everyone + np.sqrt(0.2) * model + np.sqrt(0.3) * noise < -1.2
        for model, noise in zip((first, second), own, strict=True)
    )
    found = agreement(a, b)
    assert found.correlation == pytest.approx((0.7, 0.7, 0.5), abs=0.02)
    assert found.excess == pytest.approx(2 / 3, abs=0.1)
    assert found.differing[0] == pytest.approx(np.mean(a[0] != a[1]), abs=0.005)
    assert found.differing[2] == pytest.approx(np.mean(a[0] != b[0]), abs=0.005)
    half = np.arange(50_000) % 2.0
    some, weighted = agreement(a[:, half > 0], b[:, half > 0]), agreement(a, b, half)
    assert weighted.excess == pytest.approx(some.excess)
    assert weighted.differing == pytest.approx(some.differing)
