import numpy as np
import pandas as pd
import pytest

from corrosion.data.curation.policy import inspect, left_out
from corrosion.errors import CorrosionError
from corrosion.settings.data import CurationSettings

A, B = (int(value) for value in np.random.default_rng(1).integers(0, 2**63, 2, dtype=np.uint64))
NEAR_A = A ^ 0b101


def images(*rows):
    """Records of (name, label, pixel hash, perceptual hash)."""
    table = pd.DataFrame(rows, columns=["path", "label", "pixel_hash", "perceptual_hash"])
    return table.assign(
        source="s", width=200, height=200, contrast=40.0, shadows=20, highlights=200, sharpness=2.0
    )


def settings(**policy):
    """No file of these records is there, so none can be looked at."""
    return CurationSettings(**{"cropped_duplicates": False} | policy)


def curated(records, *, places=None, **policy):
    policy = settings(**policy)
    places = None if places is None else pd.Series(places)
    out = left_out(inspect(records, policy), policy, assigned=places)
    return dict(zip(out["path"], out["reason"], strict=True))


def test_of_copies_the_first_stays():
    records = images(("a", 1, 1, A), ("b", 1, 2, B), ("c", 1, 1, A), ("d", 1, 1, A))
    assert curated(records) == {"c": "copy", "d": "copy"}
    assert curated(records, exact_duplicates="keep") == {}


def test_of_copies_the_one_in_the_test_set_stays():
    records = images(*[(name, 1, 1, A) for name in "abcd"])
    kept = {
        ("", "train", "val", "test"): "d",
        ("", "train", "val", ""): "c",
        ("", "train", "", ""): "b",
        ("test", "", "", "test"): "a",
    }
    for places, name in kept.items():
        assert set("abcd") - set(curated(records, places=places)) == {name}


def test_near_duplicates_of_one_class_stay():
    assert curated(images(("a", 1, 1, A), ("b", 1, 2, NEAR_A))) == {}


@pytest.mark.parametrize("second", [(1, A), (2, NEAR_A)], ids=["copy", "near-duplicate"])
def test_one_picture_in_both_classes_is_left_out(second):
    records = images(("a", 1, 1, A), ("b", 0, *second), ("c", 0, 3, B))
    assert curated(records) == {"a": "conflict", "b": "conflict"}
    assert curated(records, on_conflict="keep") == {}
    with pytest.raises(CorrosionError, match=r"2 images[\s\S]*a \(corrosion\) and b"):
        curated(records, on_conflict="error")


def test_near_duplicates_are_no_conflict_where_none_are_sought():
    records = images(("a", 1, 1, A), ("b", 0, 2, NEAR_A))
    assert curated(records, near_duplicates=None) == {}
    assert curated(records, near_duplicates=None, on_conflict="error") == {}


def test_links_through_others_are_no_conflict():
    records = images(("a", 1, 1, A), ("b", 1, 2, A ^ 0b1111), ("c", 0, 3, A ^ 0b11111111))
    assert curated(records, near_duplicates=4) == {"b": "conflict", "c": "conflict"}


def test_copies_of_a_conflict_are_left_out_as_conflicts():
    records = images(("a", 1, 1, A), ("b", 1, 1, A), ("c", 0, 1, A))
    assert set(curated(records).values()) == {"conflict"}


def test_copies_with_different_labels_are_kept_if_conflicts_are():
    records = images(("a", 1, 1, A), ("b", 1, 1, A), ("c", 0, 1, A))
    assert curated(records, on_conflict="keep") == {"b": "copy"}


def test_suspicious_images_are_left_out_on_demand_and_a_copy_takes_their_place():
    records = images(("a", 1, 1, A), ("b", 1, 1, A), ("c", 0, 2, B))
    records["sharpness"] = [0.1, 0.1, 2.0]
    records.loc[0, "contrast"] = 1.0
    limits = {"blurred": 0.8, "blank": 5, "small": None}
    assert curated(records, quality=limits) == {"b": "copy"}
    assert curated(records, quality={**limits, "remove": ["blank"]}) == {"a": "blank"}
    removed = curated(records, quality={**limits, "remove": ["blank", "blurred"]})
    assert removed == {"a": "blank", "b": "blurred"}


def test_details_say_why():
    records = images(("a", 1, 1, A), ("b", 1, 1, A), ("c", 0, 2, B), ("d", 1, 3, B), ("e", 1, 4, 7))
    records.loc[4, "contrast"] = 1.25
    policy = settings(quality={"blank": 5, "remove": ["blank"]})
    out = left_out(inspect(records, policy), policy)
    assert dict(zip(out["path"], out["detail"], strict=True)) == {
        "b": "of a",
        "c": "the other class has d",
        "d": "the other class has c",
        "e": "1.25, limit 5",
    }


def test_a_giant_group_is_told(caplog):
    inspect(images(*[(str(index), 1, index, A) for index in range(5)]), settings())
    assert "5 of 5 images are near-duplicates of each other" in caplog.text


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"exact_duplicates": "remove"}, "exact_duplicates"),
        ({"on_conflict": "warn"}, "on_conflict"),
        ({"quality": {"remove": ["blurry"]}}, "remove"),
        ({"quality": {"remove": "blurred"}}, "remove"),
    ],
)
def test_choices_that_there_are_not_are_errors_that_name_the_key(values, key):
    with pytest.raises(CorrosionError, match=key):
        CurationSettings(**values)
