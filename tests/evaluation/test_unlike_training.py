import numpy as np
import pandas as pd
import pytest
from samples import predictions

from corrosion.evaluation.evaluation import evaluate_predictions
from corrosion.evaluation.selective import Band, apply_band
from corrosion.evaluation.unlike_training import unlike_training
from corrosion.report.evaluation_report import tables
from corrosion.settings.evaluation import EvaluationSettings


def table(count=60):
    distance = np.random.default_rng(1).uniform(0.5, 1.4, count).round(2)
    return predictions("test", count, 0, separation=1.5).assign(unlike_training=distance)


def test_like_and_unlike_photographs_are_parts_of_the_whole():
    test = table()
    found = unlike_training(test, threshold=0.5, band=None)
    right = (test["probability"] >= 0.5) == test["label"]
    unlike = test["unlike_training"] > 1
    assert (found.images, found.share.value) == (unlike.sum(), unlike.mean())
    assert found.accuracy_like.value == right[~unlike].mean()
    assert found.accuracy_unlike.value == right[unlike].mean()
    assert found.decided is None


def test_unlike_photographs_join_those_of_the_band():
    test, band = table(), Band(0.3, 0.7, 0.5, 0.01)
    found = unlike_training(test, threshold=0.5, band=band)
    like = test[test["unlike_training"] <= 1]
    alone = apply_band(band, like["label"], like["probability"])
    assert found.decided.risk == alone.risk
    assert found.decided.coverage.value == pytest.approx(
        alone.coverage.value * len(like) / len(test)
    )


@pytest.mark.parametrize("unlike", [0.5, 1.5])
def test_a_part_without_photographs_has_no_accuracy(unlike):
    found = unlike_training(table().assign(unlike_training=unlike), threshold=0.5, band=None)
    empty = found.accuracy_unlike if unlike < 1 else found.accuracy_like
    assert np.isnan(empty.value)


def test_predictions_of_a_network_that_cannot_tell_say_nothing():
    test = table()
    assert unlike_training(test.drop(columns="unlike_training"), threshold=0.5, band=None) is None
    gap = test.assign(unlike_training=[np.nan, *test["unlike_training"][1:]])
    assert unlike_training(gap, threshold=0.5, band=None) is None


def test_the_evaluation_shows_decisions_with_and_without_unlike_photographs():
    test, settings = table(), EvaluationSettings(resamples=100)
    validation = predictions("val", 80, 1, separation=1.5)
    found = evaluate_predictions(test, validation, threshold=0.5, settings=settings)
    shown = tables(found)[-1]
    band = found.choices.band
    assert [row[0] for row in shown.rows] == [
        "like the training photographs",
        "unlike them",
        f"not for an inspector (an inspector decides from {band.low:.3g} to {band.high:.3g})",
        "of these, like the training photographs",
    ]
    like, unlike = (float(row[1].split()[0]) for row in shown.rows[:2])
    assert like + unlike == pytest.approx(1, abs=2e-3)
    assert found.as_dict()["unlike_training"]["images"] == (test["unlike_training"] > 1).sum()
    without = evaluate_predictions(
        pd.DataFrame(test.drop(columns="unlike_training")),
        validation,
        threshold=0.5,
        settings=settings,
    )
    assert without.as_dict()["unlike_training"] is None
    assert "Photographs unlike" not in tables(without)[-1].title
