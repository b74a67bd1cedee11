from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from corrosion.evaluation.competence import Competence, cautions
from corrosion.evaluation.intervals import Estimate

GOOD = Competence(0.95, 0.9, 0.98, 0.95, 60, "test")
GUESSING = Competence(0.55, 0.42, 0.67, 0.95, 60, "test")


def network(**known):
    """A network of a finished training, as far as `cautions` looks at it."""
    known = {"band": (0.3, 0.7), "threshold": 0.5, "competence": None, "kind_head": None} | known
    return SimpleNamespace(**known)


def test_a_network_whose_interval_contains_one_half_is_called_guessing():
    assert GOOD.cautions == {}
    said = GUESSING.cautions["chance"]
    assert "can't be told from guessing: ROC-AUC 0.550 (95% interval 0.420 to 0.670" in said
    assert "on 60 test photographs" in said
    assert Competence(0.3, 0.2, 0.45, 0.95, 60, "test").cautions.keys() == {"chance"}
    unknown = Competence(float("nan"), float("nan"), float("nan"), 0.95, 60, "test")
    assert unknown.cautions == {}


def test_a_network_trained_on_generated_pictures_is_called_so():
    assert "generated pictures" in Competence(1, 0.9, 1, 0.95, 9, "test", True).cautions["sample"]


def test_kinds_of_an_earlier_version_are_guesses():
    said = cautions(network(kind_head=SimpleNamespace(competence=None)))
    assert "Take a kind as a guess" in said["kinds"]


def test_cautions_of_a_network_are_read_from_plain_values():
    assert cautions(network(competence=GOOD.plain())) == {}
    later = {**GUESSING.plain(), "of a later version": 1}
    assert cautions(network(competence=later)) == GUESSING.cautions
    assert cautions(network()) == {}  # of an earlier version


def test_a_checkpoint_without_a_band_names_the_way_out():
    said = cautions(network(band=None))["no band"]
    assert "no thresholds and no band" in said
    assert "python train.py resume=RUN" in said


@pytest.mark.parametrize(
    ("area", "subset", "chance"),
    [
        (Estimate(0.6, 0.4, 0.8, "bootstrap"), "test", True),
        (Estimate(1.0, np.nan, np.nan, "undefined"), "validation", False),
    ],
)
def test_validation_is_asked_where_the_test_photographs_give_no_interval(area, subset, chance):
    label = np.arange(40) % 2
    score = np.where(np.arange(40) < 4, 0.5, 0.2 + 0.6 * label)
    table = pd.DataFrame({"label": label, "probability": score})
    found = Competence.measured(area, table, table, level=0.95, count=50, seed=0)
    assert found.subset == subset
    assert ("chance" in found.cautions) == chance
