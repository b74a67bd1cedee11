import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrosion.data.splits import split_fold
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
    ],
)
def test_values_that_make_no_sense_are_errors_that_name_the_key(folds, fold, split_file, key):
    with pytest.raises(CorrosionError, match=f"^{key}"):
        SplitSettings(folds=folds, fold=fold, split_file=split_file)


def test_a_class_with_fewer_groups_than_folds_is_an_error():
    with pytest.raises(CorrosionError, match=r"corrosion has 3 images in 3 groups.*fold 4"):
        all_folds(make([(1, 1)] * 3 + [(0, 1)] * 30), 5)
