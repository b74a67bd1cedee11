import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score
from statsmodels.stats.multitest import multipletests

from corrosion.errors import CorrosionError
from corrosion.evaluation.alignment import align
from corrosion.evaluation.conclusions import conclusion
from corrosion.evaluation.metric_table import TESTED
from corrosion.evaluation.model_tests import compare_models
from corrosion.evaluation.significance import delong, mcnemar

COUNT = 300


def table(strength, seed, **columns):
    """Predictions for the same images by a model that is better the higher its strength."""
    label = np.arange(COUNT) % 2
    noise = np.random.default_rng(seed).normal(size=COUNT)
    return pd.DataFrame(
        {
            "path": [f"/photos/{number}.jpg" for number in range(COUNT)],
            "label": label,
            "probability": 1 / (1 + np.exp(-(strength * (label - 0.5) + noise))),
            **columns,
        }
    )


MODELS = {"good": table(5, 0), "also good": table(5, 1), "poor": table(1, 2)}


@pytest.fixture(scope="module")
def comparison():
    return compare_models(MODELS, count=500)


def test_each_pair_is_tested_on_each_metric(comparison):
    assert len(comparison) == 3 * len(TESTED)
    assert list(comparison["metric"].unique()) == list(TESTED)
    assert (comparison["difference"] == comparison["value_a"] - comparison["value_b"]).all()
    inside = (comparison["low"] <= comparison["difference"]) & (
        comparison["difference"] <= comparison["high"]
    )
    assert inside.all()


def test_accuracy_is_tested_by_mcnemar_and_roc_auc_by_delong(comparison):
    rows = comparison.set_index(["metric", "a", "b"])
    label = MODELS["good"]["label"]
    good, poor = (MODELS[name]["probability"] for name in ("good", "poor"))
    accuracy = rows.loc[("accuracy", "good", "poor")]
    expected = mcnemar((good >= 0.5) == label, (poor >= 0.5) == label).p_value
    assert (accuracy["test"], accuracy["p_value"]) == ("McNemar mid-p", pytest.approx(expected))
    area = rows.loc[("auroc", "good", "poor")]
    found = delong(label, good, poor)
    assert (area["low"], area["high"], area["p_value"]) == pytest.approx(
        (found.low, found.high, found.p_value)
    )


def test_calibration_is_compared_by_log_loss_and_brier_score_alone(comparison):
    assert {"log_loss", "brier"} < set(comparison["metric"])
    assert "ece" not in set(comparison["metric"])


def test_a_single_large_loss_tells_no_models_apart():
    # whose bootstrap interval leaves out 0 whenever the image is drawn often
    label = np.arange(40) % 2
    calm = pd.DataFrame({"path": np.arange(40).astype(str), "label": label})
    calm["probability"] = np.where(label == 1, 0.9, 0.1)
    p_value = compare_models(
        {"a": calm, "b": calm.assign(probability=calm["probability"].mask(calm.index < 4, 0.5))},
        count=500,
    ).set_index("metric")["p_value"]
    assert p_value["brier"] == pytest.approx(2 / 16, abs=0.05)


def test_holms_correction_takes_all_pairs_on_a_metric_as_a_family(comparison):
    for _, rows in comparison.groupby("metric"):
        expected = multipletests(rows["p_value"], method="holm")[1]
        assert rows["p_holm"].to_numpy() == pytest.approx(expected)


def test_a_clear_difference_is_significant_and_none_is_not(comparison):
    rows = comparison.set_index(["metric", "a", "b"])["significant"]
    assert rows[:, "good", "poor"].all()
    assert not rows[:, "good", "also good"].any()


def test_the_conclusion_says_what_is_significant_and_what_is_not(comparison):
    text = conclusion(comparison, "log_loss")
    found, others = text.split(" Not significant: ")
    this = "this checkpoint of"
    assert found.startswith(f"Significant for log loss: {this} good is better than {this} poor (0.")
    assert f"{this} also good is better than {this} poor" in found
    assert others.startswith(f"{this} good and {this} also good (0.")


def test_the_conclusion_says_when_nothing_is_significant():
    pair = compare_models({"a": MODELS["good"], "b": MODELS["good"]}, count=50)
    assert (pair["p_value"] == 1).all()
    assert conclusion(pair, "accuracy").startswith(
        "No difference in accuracy is significant: the test images can't tell apart "
        "this checkpoint of a and this checkpoint of b (0."
    )


def test_the_paired_bootstrap_agrees_with_one_written_out():
    pair = compare_models({name: MODELS[name] for name in ("good", "poor")}, count=2000)
    row = pair[pair["metric"] == "f1"].iloc[0]
    label = MODELS["good"]["label"].to_numpy()
    decided = [(MODELS[name]["probability"] >= 0.5).to_numpy() for name in ("good", "poor")]
    rng = np.random.default_rng(5)
    sides = [np.flatnonzero(label == side) for side in (0, 1)]
    changes = []
    for _ in range(1000):
        drawn = np.concatenate([rng.choice(side, len(side)) for side in sides])
        changes.append(np.subtract(*(f1_score(label[drawn], one[drawn]) for one in decided)))
    expected = np.quantile(changes, [0.025, 0.975])
    assert (row["low"], row["high"]) == pytest.approx(expected, abs=0.015)


def test_copies_of_images_settle_less_if_grouped():
    copies = np.repeat(np.arange(40), 6)
    models = {
        name: table(strength, seed)
        .iloc[copies]
        .assign(path=[str(number) for number in range(len(copies))])
        for name, strength, seed in (("a", 2.5, 11), ("b", 1.5, 12))
    }
    alone = compare_models(models, count=200).set_index("metric")["p_value"]
    grouped = compare_models(
        {name: one.assign(group=copies) for name, one in models.items()}, count=200
    ).set_index("metric")["p_value"]
    for metric in ("accuracy", "auroc"):
        assert alone[metric] < grouped[metric]


def test_each_model_is_judged_at_its_own_threshold():
    shifted = MODELS["good"].assign(probability=MODELS["good"]["probability"] / 2)
    pair = compare_models({"a": MODELS["good"], "b": shifted}, thresholds={"b": 0.25}, count=20)
    accuracy = pair.set_index("metric").loc["accuracy"]
    assert accuracy["value_a"] == accuracy["value_b"]


def test_tables_are_put_in_the_same_order_of_images():
    shuffled = MODELS["poor"].sample(frac=1, random_state=0)
    aligned = align({"good": MODELS["good"], "poor": shuffled})
    pd.testing.assert_frame_equal(aligned["poor"], MODELS["poor"])


def test_images_are_told_by_their_content_where_it_is_known():
    hashes = [f"{number:04x}" for number in range(COUNT)]
    here = MODELS["good"].assign(content_hash=hashes)
    there = MODELS["poor"].assign(content_hash=hashes, path=[f"/else/{n}" for n in hashes])
    aligned = align({"here": here, "there": there.iloc[::-1]})
    assert aligned["there"]["content_hash"].tolist() == hashes


def test_other_test_images_are_refused_with_the_difference_named():
    fewer = MODELS["poor"].iloc[2:]
    with pytest.raises(
        CorrosionError, match=r"good and poor .* 2 only of good \(as /photos/0\.jpg\)"
    ):
        compare_models({"good": MODELS["good"], "poor": fewer})
    other = fewer.assign(path=fewer["path"].replace("/photos/5.jpg", "/photos/new.jpg"))
    with pytest.raises(CorrosionError, match=r"3 only of good .*, 1 only of poor \(as /photos/new"):
        align({"good": MODELS["good"], "poor": other})


def test_other_labels_of_the_same_images_are_refused():
    relabelled = MODELS["poor"].copy()
    relabelled.loc[7, "label"] = 0
    with pytest.raises(CorrosionError, match=r"label of 1 image\(s\), as /photos/7\.jpg"):
        align({"good": MODELS["good"], "poor": relabelled})


def test_one_model_is_no_comparison():
    with pytest.raises(CorrosionError, match="two models"):
        align({"good": MODELS["good"]})
