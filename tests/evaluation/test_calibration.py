import math

import numpy as np
import pytest
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from statsmodels.stats.proportion import proportion_confint

from corrosion.errors import CorrosionError
from corrosion.evaluation.calibration import fit_temperature, logit, reliability


def overconfident(temperature, count=4000):
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, count)
    return (rng.random(count) < expit(true)).astype(int), true * temperature


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_a_temperature_undoes_what_made_the_logits_too_large_or_small(temperature):
    label, logits = overconfident(temperature)
    fitted = fit_temperature(label, logits)
    assert fitted.value == pytest.approx(temperature, rel=0.1)
    assert fitted.log_loss[1] < fitted.log_loss[0]
    assert fitted.ece[1] < 0.5 * fitted.ece[0]
    assert fitted.images == 4000


def test_a_temperature_is_a_logistic_regression_without_intercept():
    label, logits = overconfident(2.0, count=300)
    regression = LogisticRegression(C=np.inf, fit_intercept=False).fit(logits[:, None], label)
    assert fit_temperature(label, logits).value == pytest.approx(
        1 / regression.coef_[0, 0], rel=1e-3
    )


def test_applying_a_temperature_keeps_the_order_and_decisions_at_one_half():
    label, logits = overconfident(3.0, count=200)
    probability = expit(logits)
    calibrated = fit_temperature(label, logits).apply(logits)
    assert np.array_equal(np.argsort(calibrated), np.argsort(probability))
    assert np.array_equal(calibrated >= 0.5, probability >= 0.5)


def test_logits_of_saturated_probabilities_stay_finite():
    assert logit([0.0, 0.5, 1.0]) == pytest.approx([-16.6, 0, 16.6], abs=0.05)


@pytest.mark.parametrize(
    ("logits", "reason"), [([-1.0, 2.0, -3.0, 1.0], "wrong"), ([1.0, -2.0, 3.0, -1.0], "chance")]
)
def test_without_a_best_temperature_probabilities_stay_as_they_are(logits, reason):
    fitted = fit_temperature([0, 1, 0, 1], logits)
    assert fitted.value == 1
    assert fitted.log_loss[0] == fitted.log_loss[1]
    assert reason in fitted.none_best
    assert fit_temperature([0, 1, 0, 1], [-1.0, 2.0, 0.5, 1.0]).none_best is None


def test_a_temperature_needs_both_classes_and_finite_logits():
    with pytest.raises(CorrosionError, match="both classes"):
        fit_temperature([1, 1], [0.5, 2.0])
    with pytest.raises(CorrosionError, match=r"1 logit\(s\)"):
        fit_temperature([1, 0], [math.inf, 2.0])


def test_a_reliability_table_agrees_with_scikit_learn_and_statsmodels():
    rng = np.random.default_rng(0)
    score = np.concatenate([rng.random(300), [0.0, 0.2, 0.4, 1.0]])
    label = (rng.random(304) < score).astype(int)
    table = reliability(label, score)
    share, mean = calibration_curve(label, score, n_bins=15)
    assert table["corroded"].to_numpy() == pytest.approx(share)
    assert table["probability"].to_numpy() == pytest.approx(mean)
    assert table["images"].sum() == 304
    low, high = proportion_confint(
        table["corroded"] * table["images"], table["images"], method="wilson"
    )
    assert table["low"].to_numpy() == pytest.approx(low.to_numpy())
    assert table["high"].to_numpy() == pytest.approx(high.to_numpy())


def test_bins_without_images_are_left_out():
    table = reliability([1, 0, 0], [0.95, 0.05, 0.04], bins=10)
    assert table["bin_low"].tolist() == pytest.approx([0.0, 0.9])
    assert table["images"].tolist() == [2, 1]
