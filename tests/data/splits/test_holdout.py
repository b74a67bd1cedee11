import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.data.splits import split
from corrosion.data.splits.holdout import SPLITS
from corrosion.errors import CorrosionError


def make(sizes, *, source="a", subset="", prefix="f"):
    """Records from (label, group size) pairs; every image has bytes of its own."""
    rows = [
        (f"/{prefix}/{group}-{member}.jpg", label, source, subset, f"{prefix}{group:04}{member:03}",
         f"{prefix}{group}")
        for group, (label, size) in enumerate(sizes)
        for member in range(size)
    ]  # fmt: skip
    columns = ["path", "label", "source", "subset", "content_hash", "group"]
    return pd.DataFrame(rows, columns=columns)


def singles(corroded, sound, **kwargs):
    return make([(1, 1)] * corroded + [(0, 1)] * sound, **kwargs)


groups = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 6)), min_size=12, max_size=60).filter(
    lambda sizes: min(sum(1 for label, _ in sizes if label == wanted) for wanted in (0, 1)) >= 6
)


@given(groups, st.integers(0, 5))
def test_no_group_is_ever_divided(sizes, seed):
    result = split(make(sizes), seed=seed)
    assert (result.groupby("group")["split"].nunique() == 1).all()
    assert set(result["split"]) == set(SPLITS)


@given(st.integers(10, 80), st.integers(10, 80), st.integers(0, 5))
def test_each_class_is_shared_out_within_one_image(corroded, sound, seed):
    result = split(singles(corroded, sound), seed=seed)
    for label, total in ((1, corroded), (0, sound)):
        for name, share in zip(SPLITS, (0.7, 0.2, 0.1), strict=True):
            count = int(((result["label"] == label) & (result["split"] == name)).sum())
            assert abs(count - share * total) <= 1 + 1e-9


@given(groups, st.integers(0, 5))
def test_proportions_hold_within_the_size_of_the_largest_group(sizes, seed):
    result = split(make(sizes), seed=seed)
    largest = max(size for _, size in sizes)
    for label in (0, 1):
        of_class = result[result["label"] == label]
        for name, share in zip(SPLITS, (0.7, 0.2, 0.1), strict=True):
            count = int((of_class["split"] == name).sum())
            assert abs(count - share * len(of_class)) <= largest + 1e-9


@given(groups, st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(sizes, random):
    records = make(sizes)
    shuffled = records.sample(frac=1, random_state=random.randrange(1000))
    first = split(records, seed=3).set_index("path")["split"]
    second = split(shuffled, seed=3).set_index("path")["split"]
    pd.testing.assert_series_equal(first, second.loc[first.index])


def test_the_seed_matters():
    records = singles(60, 60)
    assert (split(records, seed=0)["split"] != split(records, seed=1)["split"]).any()
    assert (split(records, seed=0)["split"] == split(records, seed=0)["split"]).all()


def test_copies_of_a_file_stay_together_across_given_groups():
    records = singles(40, 40)
    records.loc[[3, 50], "content_hash"] = "same"
    result = split(records, seed=0)
    assert result["group"][3] == result["group"][50]
    assert result["split"][3] == result["split"][50]


def test_sources_are_shared_out_each():
    records = pd.concat([singles(50, 50), singles(20, 20, source="b", prefix="g")])
    result = split(records)
    shares = result[result["split"] == "train"].groupby(["source", "label"]).size()
    assert shares.tolist() == [35, 35, 14, 14]


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=12),
    st.integers(0, 3),
)
def test_shares_hold_in_each_class_and_source_however_many_small_sources(sources, seed):
    parts = [
        singles(corroded, sound, source=f"s{index}", prefix=f"s{index}-")
        for index, (corroded, sound) in enumerate([(20, 20), *sources])
    ]
    result = split(pd.concat(parts, ignore_index=True), seed=seed)
    for column, tolerance in (("label", 4 / 3), (["label", "source"], 2)):
        for _, rows in result.groupby(column):
            for name, share in zip(SPLITS, (0.7, 0.2, 0.1), strict=True):
                count = int((rows["split"] == name).sum())
                assert abs(count - share * len(rows)) <= tolerance + 1e-9


def test_groups_across_classes_and_sources_are_not_divided():
    records = pd.concat([singles(30, 30), singles(20, 20, source="b", prefix="g")])
    records["group"] = [index % 25 for index in range(len(records))]
    result = split(records)
    assert (result.groupby("group")["split"].nunique() == 1).all()
    assert result["split"].value_counts().to_dict() == pytest.approx(
        {"train": 70, "val": 20, "test": 10}, abs=4
    )


@pytest.mark.parametrize("count", [3, 4, 5, 7])
def test_a_small_class_is_in_every_split(count):
    for seed in range(10):
        result = split(singles(count, 50), seed=seed)
        assert set(result.loc[result["label"] == 1, "split"]) == set(SPLITS)


@pytest.mark.parametrize("count", [1, 2])
def test_a_class_too_small_for_three_splits_is_an_error_that_names_it(count):
    with pytest.raises(CorrosionError, match=f"class corrosion has {count} images"):
        split(singles(count, 50))


@pytest.mark.parametrize("fractions", [(0.7, 0.3), (0.7, 0.2, 0.2), (0.8, 0.2, 0.0), (1.2, -0.1, -0.1)])  # fmt: skip  # noqa: E501
def test_fractions_that_make_no_sense_are_an_error(fractions):
    with pytest.raises(CorrosionError, match=r"fractions"):
        split(singles(50, 50), fractions=fractions)


def official(*names):
    return pd.concat([
        singles(20, 20, subset=name, prefix=f"p{index}") for index, name in enumerate(names)
    ])  # fmt: skip


def test_complete_official_subsets_are_kept():
    result = split(official("train", "val", "test"))
    assert (result["split"].astype(str) == result["subset"]).all()


def test_official_subsets_can_be_split_anew():
    result = split(official("train", "val", "test"), keep_subsets=False)
    assert result["split"].value_counts()["train"] == 84


def test_a_missing_validation_folder_is_taken_out_of_training(caplog):
    with caplog.at_level(logging.INFO):
        result = split(official("train", "test"))
    assert (result.loc[result["subset"] == "test", "split"] == "test").all()
    taken = result.loc[result["subset"] == "train", "split"].value_counts()
    assert taken["test"] == 0
    assert taken["val"] == pytest.approx(40 * 0.2 / 0.9, abs=2)
    assert "no val folder" in caplog.text


def test_official_subsets_that_share_copies_are_told(caplog):
    records = official("train", "val", "test").reset_index(drop=True)
    for column in ("content_hash", "group"):
        records.loc[100, column] = records.loc[0, column]
    result = split(records)
    assert (result["split"].astype(str) == result["subset"]).all()
    assert "1 groups of copies or near-duplicates" in caplog.text


def test_a_class_that_official_subsets_lack_is_an_error_that_says_so():
    records = official("train", "val", "test")
    records = records[(records["subset"] != "test") | (records["label"] == 1)]
    with pytest.raises(CorrosionError, match="no_corrosion has no image in test.*keep_subsets"):
        split(records)


def test_official_subsets_of_one_source_leave_the_others_their_shares():
    other = singles(50, 50, source="b", prefix="g")
    result = split(pd.concat([official("train", "val", "test"), other], ignore_index=True))
    shares = result[result["source"] == "b"].groupby(["label", "split"], observed=True).size()
    assert shares.tolist() == [35, 10, 5, 35, 10, 5]


def test_a_train_folder_alone_is_split_anew():
    assert set(split(official("train"))["split"]) == set(SPLITS)


@given(groups, st.lists(st.tuples(st.integers(0, 1), st.integers(1, 3)), max_size=20))
def test_images_added_later_leave_the_others_where_they_are(sizes, more):
    before = split(make(sizes), seed=1)
    grown = pd.concat([make(sizes), make(more, prefix="new")], ignore_index=True)
    known = grown["path"].map(before.set_index("path")["split"].astype(str)).fillna("")
    after = split(grown, seed=1, assigned=known)
    assert after["split"][: len(before)].tolist() == before["split"].tolist()
    assert after["split"].isin(SPLITS).all()


def test_a_new_image_joins_the_group_it_belongs_to():
    before = split(make([(1, 2), (0, 1)] * 10), seed=0)
    group = before.loc[before["split"] == "test", "group"].iloc[0]
    member = before[before["group"] == group].iloc[0]
    new = pd.DataFrame([{**member, "path": "/new.jpg", "content_hash": "new"}])
    grown = pd.concat([before, new], ignore_index=True)
    known = pd.Series([*before["split"].astype(str), ""])
    after = split(grown, assigned=known)
    assert after["split"].iloc[-1] == "test"


@pytest.mark.parametrize(
    ("forgotten", "expected"),
    [
        ([], {"train": 42 + 140, "val": 12, "test": 6}),
        (["val"], {"train": (12 + 42 + 140) * 7 // 9, "val": (12 + 42 + 140) * 2 // 9, "test": 6}),
    ],
)
def test_images_added_later_are_for_training_and_for_what_no_earlier_image_is_in(
    forgotten, expected
):
    before = split(singles(30, 30))["split"].astype(str)
    grown = pd.concat([singles(30, 30), singles(70, 70, prefix="new")], ignore_index=True)
    known = before.where(~before.isin(forgotten), "").reindex(grown.index, fill_value="")
    found = split(grown, assigned=known)["split"].value_counts()
    for name, count in expected.items():
        assert found[name] == pytest.approx(count, abs=0 if not forgotten else 3)


@pytest.mark.parametrize("spread", [False, True], ids=["of a class", "across sources"])
def test_every_split_gets_its_share_of_the_groups_of_each_size(spread):
    records = make([(1, 3)] * 50 + [(1, 2)] * 100 + [(1, 1)] * 300 + [(0, 1)] * 300)
    if spread:
        records["source"] = ["a", "b"] * (len(records) // 2)
    result = split(records)
    sizes = result.groupby("group")["path"].transform("size")
    for size, count in ((3, 150), (2, 200), (1, 600)):
        shares = result.loc[sizes == size, "split"].value_counts()
        for name, share in zip(SPLITS, (0.7, 0.2, 0.1), strict=True):
            assert shares[name] == pytest.approx(share * count, abs=2 * size)


def test_thousands_of_images_are_shared_out_exactly():
    result = split(singles(5000, 5000))
    assert np.bincount(result["split"].cat.codes).tolist() == [7000, 2000, 1000]


def test_a_large_group_comes_into_each_split_with_some_seed_and_shares_stay_exact():
    records = make([(1, 4)] + [(1, 1)] * 96 + [(0, 1)] * 100)
    where = set()
    for seed in range(40):
        table = split(records, seed=seed)
        where.add(table["split"][0])
        assert table["split"].value_counts().to_dict() == {"train": 140, "val": 40, "test": 20}
    assert where == set(SPLITS)
