import json
import math

import numpy as np
import pandas as pd
import pytest
import yaml
from samples import predictions

from corrosion.errors import CorrosionError
from corrosion.evaluation.evaluation import EvaluationSettings, evaluate_run
from corrosion.evaluation.metric_table import EVALUATED
from corrosion.evaluation.metrics import all_metrics
from corrosion.evaluation.predictions import read_predictions
from corrosion.runs import RunDirectory
from corrosion.system.files import write_json

SETTINGS = {"resamples": 50}


@pytest.fixture
def run_dir(tmp_path):
    """A run of 60 test and 80 validation images from two sources, with a threshold of its own."""
    test = predictions("test", 60, 0, separation=3)
    validation = predictions("val", 80, 1, separation=3)
    test.to_csv(tmp_path / "predictions.csv", index=False)
    validation.to_csv(tmp_path / "predictions_val.csv", index=False)
    split = pd.concat([test, validation])[["path", "label"]]
    split["split"] = ["test"] * 60 + ["val"] * 80
    split = split.assign(source=["a", "a", "b", "b"] * 35, group=np.arange(140) // 2)
    split.to_csv(tmp_path / "split.csv", index=False)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"model": {"threshold": 0.4}}))
    return tmp_path


def test_a_run_is_evaluated_from_its_files_alone(run_dir):
    evaluation = evaluate_run(run_dir, EvaluationSettings(**SETTINGS, costs=(10, 1)))
    table = pd.read_csv(run_dir / "predictions.csv")
    expected = all_metrics(table["label"], table["probability"], threshold=0.4)
    assert {name: one.value for name, one in evaluation.metrics.items()} == pytest.approx(expected)
    assert evaluation.threshold == 0.4
    assert sum(evaluation.confusion) == 60
    rules = [one.threshold.rule for one in evaluation.choices.thresholds]
    assert rules[:3] == ["in use", "best F1", "recall at least 0.98 on validation"]
    assert rules[3].startswith("lowest cost")


def test_thresholds_temperature_and_band_are_chosen_on_validation_only(run_dir):
    before = evaluate_run(run_dir, EvaluationSettings(**SETTINGS)).choices
    table = pd.read_csv(run_dir / "predictions.csv")
    table.assign(probability=1 - table["probability"]).to_csv(
        run_dir / "predictions.csv", index=False
    )
    after = evaluate_run(run_dir, EvaluationSettings(**SETTINGS)).choices
    assert [one.threshold for one in before.thresholds] == [
        one.threshold for one in after.thresholds
    ]
    assert (before.temperature, before.band) == (after.temperature, after.band)
    assert before.thresholds[1].test != after.thresholds[1].test
    assert before.ece != after.ece


def test_sources_are_told_apart_where_there_are_several(run_dir):
    subgroups = evaluate_run(run_dir, EvaluationSettings(**SETTINGS)).subgroups
    assert list(subgroups) == ["source"]
    assert {name: part.images for name, part in subgroups["source"].items()} == {"a": 30, "b": 30}
    assert set(subgroups["source"]["a"].metrics) == set(EVALUATED)


def test_any_column_can_tell_subgroups_apart_and_images_without_a_value_form_one(run_dir):
    split = pd.read_csv(run_dir / "split.csv")
    split["kind"] = ["pitting", None] * 70
    split.to_csv(run_dir / "split.csv", index=False)
    parts = evaluate_run(run_dir, EvaluationSettings(**SETTINGS, by=("kind",))).subgroups["kind"]
    assert {name: (part.images, part.corroded) for name, part in parts.items()} == {
        "(none)": (30, 30),
        "pitting": (30, 0),
    }
    assert math.isnan(parts["pitting"].metrics["auroc"].value)


@pytest.mark.parametrize(
    ("column", "message"), [("weather", "no column weather.*group"), ("path", "60")]
)
def test_columns_that_tell_nothing_are_refused(run_dir, column, message):
    with pytest.raises(CorrosionError, match=message):
        evaluate_run(run_dir, EvaluationSettings(**SETTINGS, by=(column,)))


def test_groups_of_the_split_widen_intervals(run_dir):
    grouped = evaluate_run(run_dir, EvaluationSettings(**SETTINGS)).metrics["accuracy"]
    table = pd.read_csv(run_dir / "predictions.csv")
    wrong = (table["probability"] >= 0.4) != table["label"]
    # images 2 and 3, ... share a group: let them be wrong together
    split = pd.read_csv(run_dir / "split.csv")
    split.loc[:59, "group"] = wrong.astype(int).to_numpy() * 1000 + np.arange(60) // 2
    split.loc[np.flatnonzero(wrong), "group"] = 5000
    split.to_csv(run_dir / "split.csv", index=False)
    together = evaluate_run(run_dir, EvaluationSettings(**SETTINGS)).metrics["accuracy"]
    assert together.value == grouped.value
    assert together.high - together.low > grouped.high - grouped.low


def test_an_evaluation_is_plain_values_as_json_holds_them(run_dir, tmp_path):
    content = evaluate_run(run_dir, EvaluationSettings(**SETTINGS)).as_dict()
    write_json(tmp_path / "evaluation.json", content)
    read = json.loads((tmp_path / "evaluation.json").read_text())
    assert read["metrics"]["accuracy"]["method"] == "wilson"
    assert read["images"] == {"corrosion": 30, "no_corrosion": 30, "groups": 30}
    assert read["choices"]["temperature"]["value"] > 0
    assert read["choices"]["thresholds"][1]["rule"] == "best F1"
    assert sum(row["images"] for row in read["reliability"]) == 60


def test_a_confidence_that_the_run_was_trained_with_goes_on_unless_another_is_given(run_dir):
    config = {"model": {"threshold": 0.4}, "choices": {"min_recall": 0.9, "confidence": 0.8}}
    (run_dir / "config.yaml").write_text(yaml.safe_dump(config))
    chosen = evaluate_run(run_dir, EvaluationSettings(**SETTINGS)).choices
    assert chosen.thresholds[2].threshold.rule == "recall at least 0.9, confidence 0.8"
    assert (chosen.band.max_risk, chosen.band.confidence) == (0.01, 0.8)
    other = evaluate_run(run_dir, EvaluationSettings(**SETTINGS, confidence=0.5, min_recall=0.7))
    assert other.choices.thresholds[2].threshold.rule == "recall at least 0.7, confidence 0.5"
    none = evaluate_run(run_dir, EvaluationSettings(**SETTINGS, confidence=None)).choices
    assert none.band.confidence is None


def test_groups_of_validation_count_as_fewer_images_for_a_promise(run_dir, caplog):
    asked = EvaluationSettings(**SETTINGS, confidence=0.9)
    notes = evaluate_run(run_dir, asked).choices.not_promised
    assert "by 40 independent validation images" in notes[0]  # 80, in pairs
    assert notes[0] in caplog.text
    (run_dir / "split.csv").unlink()
    assert (
        "by 80 independent validation images"
        in evaluate_run(run_dir, asked).choices.not_promised[0]
    )


def test_a_threshold_named_by_its_rule_keeps_its_promise(run_dir):
    names = {"threshold": "recall", "min_recall": 0.9}
    seen = evaluate_run(run_dir, EvaluationSettings(**SETTINGS, **names))
    promised = evaluate_run(run_dir, EvaluationSettings(**SETTINGS, **names, confidence=0.95))
    assert promised.threshold == promised.choices.thresholds[2].threshold.value
    assert promised.threshold < seen.threshold


def test_figures_are_restated_for_a_share_of_corroded_photographs(run_dir):
    asked = EvaluationSettings(**SETTINGS, prevalence=0.05, costs=(20, 1))
    evaluation = evaluate_run(run_dir, asked)
    rules = [one.threshold.rule for one in evaluation.at_prevalence]
    assert rules[0] == "in use"
    assert rules[-1] == "lowest cost (missed 20, false alarm 1, 0.05 corroded)"
    first, metrics = evaluation.at_prevalence[0], evaluation.metrics
    alarms = 95 * (1 - metrics["specificity"].value)
    assert first.false_alarms.value == pytest.approx(alarms)
    assert first.precision.value < metrics["precision"].value
    assert evaluation.as_dict()["at_prevalence"][0]["precision"]["value"] == first.precision.value
    (run_dir / "predictions_val.csv").unlink()
    alone = evaluate_run(run_dir, EvaluationSettings(**SETTINGS, prevalence=0.05)).at_prevalence
    assert [one.precision for one in alone] == [first.precision]


def test_without_predictions_for_validation_nothing_is_chosen(run_dir):
    (run_dir / "predictions_val.csv").unlink()
    evaluation = evaluate_run(run_dir, EvaluationSettings(**SETTINGS))
    assert evaluation.choices is None
    assert evaluation.as_dict()["choices"] is None
    for wish in ({"min_recall": 0.9}, {"costs": (1, 1)}):
        with pytest.raises(CorrosionError, match=r"predictions_val\.csv.*never on the test set"):
            evaluate_run(run_dir, EvaluationSettings(**SETTINGS, **wish))


def test_logits_beside_the_probabilities_are_what_a_temperature_is_fitted_on(run_dir):
    path = run_dir / "predictions_val.csv"
    table = pd.read_csv(path)
    before = evaluate_run(run_dir, EvaluationSettings(**SETTINGS)).choices.temperature.value
    logits = np.log(table["probability"] / (1 - table["probability"]))
    table.assign(logit=2 * logits).to_csv(path, index=False)
    after = evaluate_run(run_dir, EvaluationSettings(**SETTINGS)).choices.temperature.value
    assert after == pytest.approx(2 * before, rel=1e-3)


def test_a_threshold_that_is_given_goes_before_the_runs_own(run_dir):
    assert evaluate_run(run_dir, EvaluationSettings(**SETTINGS, threshold=0.7)).threshold == 0.7
    (run_dir / "config.yaml").unlink()
    assert evaluate_run(run_dir, EvaluationSettings(**SETTINGS)).threshold == 0.5
    with pytest.raises(CorrosionError, match="threshold=1"):
        evaluate_run(run_dir, EvaluationSettings(**SETTINGS, threshold=1))


def test_a_threshold_can_be_named_by_the_rule_that_chose_it_on_validation(run_dir):
    evaluation = evaluate_run(run_dir, EvaluationSettings(**SETTINGS, threshold="recall"))
    in_use, *chosen = [result.threshold for result in evaluation.choices.thresholds]
    assert evaluation.threshold == in_use.value
    assert in_use.value == next(one.value for one in chosen if one.rule.startswith("recall"))
    with pytest.raises(CorrosionError, match='threshold=zeal: .*"best F1"'):
        evaluate_run(run_dir, EvaluationSettings(**SETTINGS, threshold="zeal"))
    (run_dir / "predictions_val.csv").unlink()
    with pytest.raises(CorrosionError, match=r"There is no .*predictions_val\.csv"):
        evaluate_run(run_dir, EvaluationSettings(**SETTINGS, threshold="recall"))


def test_a_configuration_without_a_threshold_is_an_error(run_dir):
    (run_dir / "config.yaml").write_text("model: {name: resnet50}\n")
    with pytest.raises(CorrosionError, match=r"config\.yaml names no model\.threshold"):
        evaluate_run(run_dir, EvaluationSettings(**SETTINGS))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no .*predictions.csv"),
        ("", r"predictions\.csv can't be read"),
        ("path,label\na.jpg,1\n", "no column probability"),
        (
            "path,label,probability\na.jpg,1,\n",
            r"predictions.csv: 1 row\(s\) with no probability.*: 0",
        ),
        ("path,label,probability\na.jpg,1,high\n", "no probability"),
        ("path,label,probability\na.jpg,rust,0.5\n", "neither 0 nor 1"),
        ("path,label,probability\na.jpg,1,0.5\na.jpg,1,0.5\n", "a.jpg twice"),
        ("path,label,probability\n", "no predictions"),
    ],
)
def test_bad_prediction_files_are_refused(tmp_path, content, message):
    path = tmp_path / "predictions.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CorrosionError, match=message):
        read_predictions(RunDirectory(tmp_path), "test")


def test_predictions_of_another_run_are_refused(run_dir):
    split = pd.read_csv(run_dir / "split.csv").iloc[3:]
    split.to_csv(run_dir / "split.csv", index=False)
    with pytest.raises(CorrosionError, match=r"3 image\(s\) are not in .*split\.csv"):
        evaluate_run(run_dir, EvaluationSettings(**SETTINGS))
