import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from corrosion.errors import CorrosionError
from corrosion.evaluation.metric_table import EVALUATED, LOGGED, METRICS, agreement, direction
from corrosion.evaluation.metrics import all_metrics, decision_metrics
from corrosion.training.epoch_metrics import compute_metrics


@pytest.mark.parametrize("key", LOGGED)
def test_perfect_and_reversed_predictions_lie_at_the_better_and_the_worse_end(key):
    if key == "loss":
        assert direction("val/loss") == "min"
        return
    label = torch.tensor([1, 1, 0, 0])
    perfect = compute_metrics(label.float(), label)[key]
    reversed_ = compute_metrics(1 - label.float(), label)[key]
    assert perfect == METRICS[key].high
    assert reversed_ < perfect
    assert direction(f"val/{key}") == "max"


def test_the_table_says_what_is_computed_and_in_which_range():
    generator = np.random.default_rng(0)
    for _ in range(50):
        label = np.r_[0, 1, generator.integers(0, 2, 8)]
        values = all_metrics(label, generator.random(10))
        assert tuple(values) == EVALUATED
        assert all(METRICS[key].low <= value <= METRICS[key].high for key, value in values.items())


def test_the_table_says_which_metrics_need_both_classes():
    values = all_metrics([1, 1], [0.9, 0.8])
    undefined = {key for key, value in values.items() if np.isnan(value)}
    assert undefined - {"specificity"} == {
        key for key in EVALUATED if METRICS[key].needs_both_classes
    }


def test_the_table_says_what_is_of_decisions_alone():
    assert set(decision_metrics(1, 1, 1, 1)) == {
        key for key in EVALUATED if METRICS[key].needs == "decisions"
    }


@pytest.mark.parametrize("objective", ["test/auroc", "auroc", "val/mcc", "val/f2", "train/loss"])
def test_an_objective_that_training_does_not_validate_is_refused_with_the_choices(objective):
    with pytest.raises(CorrosionError, match=rf"objective={objective}: choose one of val/loss, "):
        direction(objective)


def test_the_table_costs_no_heavy_import():
    code = "import sys, corrosion.evaluation.metric_table as _; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("kappa", "level"),
    [
        (-0.01, "poor"), (0.0, "slight"), (0.20, "slight"), (0.21, "fair"), (0.40, "fair"),
        (0.41, "moderate"), (0.60, "moderate"), (0.61, "strong"), (0.80, "strong"),
        (0.81, "almost perfect"), (1.0, "almost perfect"), (math.nan, "undefined"),
    ],
)  # fmt: skip
def test_agreement_follows_table_7(kappa, level):
    assert agreement(kappa) == level


def test_a_kappa_out_of_range_is_an_error():
    with pytest.raises(ValueError, match=r"1\.2"):
        agreement(1.2)
