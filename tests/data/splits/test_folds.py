import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrosion.data.splits import leave_source_out, split_fold
from corrosion.data.splits.folds import twins_of_source
from corrosion.errors import CorrosionError
from corrosion.settings.data import SplitSettings

FRACTIONS = (0.7, 0.2, 0.1)


def make(sizes):
    """Records from (label, group size) pairs, of two sources in turn."""
    rows = [
        (f"/{group}-{member}.jpg", label, "ab"[group % 2], "test", f"{group:04}{member:03}", group)
        for group, (label, size) in enumerate(sizes)
        for member in range(size)
    ]
    columns = ["path", "label", "source", "subset", "content_hash", "group"]
    return pd.DataFrame(rows, columns=columns)


def all_folds(records, folds, seed=0):
    return [
        split_fold(records, folds=folds, fold=fold, fractions=FRACTIONS, seed=seed)
        for fold in range(folds)
    ]


groups = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 5)), min_size=16, max_size=50).filter(
    lambda sizes: min(sum(label == wanted for label, _ in sizes) for wanted in (0, 1)) >= 8
)


@settings(deadline=None, max_examples=25)
@given(groups, st.integers(2, 6), st.integers(0, 3))
def test_each_image_is_tested_in_exactly_one_fold(sizes, folds, seed):
    results = all_folds(make(sizes), folds, seed)
    tested = np.sum([(result["split"] == "test").to_numpy() for result in results], axis=0)
    assert (tested == 1).all()


@settings(deadline=None, max_examples=25)
@given(groups, st.integers(2, 6), st.integers(0, 3))
def test_no_group_is_ever_divided_and_no_class_is_missing(sizes, folds, seed):
    for result in all_folds(make(sizes), folds, seed):
        assert (result.groupby("group")["split"].nunique() == 1).all()
        assert len(result.groupby(["split", "label"], observed=True)) == 6


@settings(deadline=None, max_examples=25)
@given(st.integers(20, 60), st.integers(20, 60), st.integers(2, 6))
def test_folds_are_stratified_and_the_rest_is_shared_in_proportion(corroded, sound, folds):
    for result in all_folds(make([(1, 1)] * corroded + [(0, 1)] * sound), folds):
        for label, total in ((1, corroded), (0, sound)):
            counts = result.loc[result["label"] == label, "split"].value_counts()
            assert abs(counts["test"] - total / folds) <= 2
            assert abs(counts["val"] - (total - counts["test"]) * 2 / 9) <= 2


def test_the_seed_decides_and_the_order_of_files_does_not():
    records = make([(group % 2, 1 + group % 3) for group in range(40)])
    first, second = (
        all_folds(table, 4)[1].set_index("path")["split"] for table in (records, records[::-1])
    )
    pd.testing.assert_series_equal(first, second.loc[first.index])
    assert (all_folds(records, 4, seed=1)[1].set_index("path")["split"] != first).any()


@pytest.mark.parametrize(
    ("folds", "fold", "split_file", "key"),
    [
        (1, 0, None, "folds=1:"),
        (2.5, 0, None, "folds=2.5:"),
        (101, 0, None, "folds=101:"),
        (5, 5, None, "fold=5:"),
        (5, -1, None, "fold=-1:"),
        (5, "all", None, "fold=all:"),
        (None, 1, None, "fold means nothing"),
        (5, 0, "split.csv", "folds and split_file exclude"),
        ("sources", 0, None, "folds=sources: give a whole number from 2 to 100, source or null"),
    ],
)
def test_values_that_make_no_sense_are_errors_that_name_the_key(folds, fold, split_file, key):
    with pytest.raises(CorrosionError, match=f"^{key}"):
        SplitSettings(folds=folds, fold=fold, split_file=split_file)


def test_a_class_with_fewer_groups_than_folds_is_an_error():
    with pytest.raises(CorrosionError, match=r"corrosion has 3 images in 3 groups.*fold 4"):
        all_folds(make([(1, 1)] * 3 + [(0, 1)] * 30), 5)


def leave_out(records, source="a", seed=0, assigned=None):
    records = records.drop(index=twins_of_source(records, source).index)
    return leave_source_out(
        records, source=source, fractions=FRACTIONS, seed=seed, assigned=assigned
    )


@settings(deadline=None, max_examples=25)
@given(groups, st.sampled_from("ab"), st.integers(0, 3))
def test_a_source_left_out_is_the_test_set_and_nothing_of_it_is_elsewhere(sizes, source, seed):
    records = make([(0, 1), (0, 1), (1, 1), (1, 1)] * 2 + sizes)
    result = leave_out(records, source, seed)
    tested = result[result["split"] == "test"]
    assert sorted(tested["path"]) == sorted(records["path"][records["source"] == source])
    assert (result.groupby("group")["split"].nunique() == 1).all()
    assert (
        result[result["split"] != "test"].groupby(["split", "label"], observed=True).size()
    ).all()


def test_the_other_sources_are_shared_stratified_and_in_proportion():
    records = make([(group // 2 % 2, 1) for group in range(120)])
    rest = leave_out(records, "b").query("split != 'test'")
    assert rest.groupby(["split", "label"], observed=True).size().to_dict() == {
        ("train", 0): 23, ("train", 1): 23, ("val", 0): 7, ("val", 1): 7,
    }  # fmt: skip


def test_twins_of_the_source_that_is_tested_are_told_with_the_image_they_resemble():
    records = make([(0, 2), (0, 2), (1, 1), (1, 1)])
    records.loc[[0, 1], "group"] = 1  # of source a, near-duplicates of the group of b
    records.loc[4, "content_hash"] = records.loc[5, "content_hash"]  # the same bytes in a and b
    twins = twins_of_source(records, "b")
    assert twins["path"].tolist() == ["/0-0.jpg", "/0-1.jpg", "/2-0.jpg"]
    assert twins["reason"].unique().tolist() == ["leak"]
    assert twins["detail"].tolist() == [
        "near-duplicate of /1-0.jpg, which is tested",
        "near-duplicate of /1-0.jpg, which is tested",
        "near-duplicate of /3-0.jpg, which is tested",
    ]
    assert twins_of_source(records.query("source == 'b'"), "b").empty


def test_an_earlier_assignment_keeps_training_and_validation_but_not_the_test_set():
    records = make([(group // 2 % 2, 1) for group in range(80)])
    before = leave_out(records, "a")
    again = leave_out(records, "a", seed=5, assigned=before["split"].astype(str))
    pd.testing.assert_frame_equal(again, before)
    other = leave_out(records, "b", assigned=before["split"].astype(str))
    assert set(other.loc[other["source"] == "b", "split"]) == {"test"}
    assert set(other.loc[other["source"] == "a", "split"]) == {"train", "val"}


def test_images_added_to_the_other_sources_are_for_training():
    grown = make([(group // 2 % 2, 1) for group in range(120)])
    before = leave_out(grown[:80], "a")["split"].astype(str)
    after = leave_out(grown, "a", assigned=before.reindex(grown.index, fill_value=""))["split"]
    assert after[: len(before)].tolist() == before.tolist()
    assert set(after[80:][grown["source"] == "b"]) == {"train"}


def test_a_source_of_one_class_is_tested_with_a_warning_and_one_without_images_refused(caplog):
    records = make([(0, 1)] * 20 + [(1, 1)] * 20)
    records = records[(records["source"] == "a") | (records["label"] == 1)]
    assert set(leave_out(records, "b").query("split == 'test'")["label"]) == {1}
    assert "one class alone" in caplog.text
    with pytest.raises(CorrosionError, match=r"^source=c: there is nothing to test on"):
        leave_out(records, "c")
    with pytest.raises(CorrosionError, match="no_corrosion has 0 images"):
        leave_out(records, "a")


def test_no_fold_is_the_one_that_gets_what_can_not_be_divided():
    records = make([(1, 10)] * 5 + [(0, 10)] * 5)
    sizes = {
        seed: [len(fold[fold["split"] == "test"]) for fold in all_folds(records, 4, seed=seed)]
        for seed in range(12)
    }
    assert all(sorted(counts)[0] >= 20 for counts in sizes.values())
    assert {counts.index(max(counts)) for counts in sizes.values()} > {0}
