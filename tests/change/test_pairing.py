from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from corrosion.change.pairing import (
    Pairing,
    nearest_pairs,
    pair_by_features,
    pair_inspections,
)
from corrosion.errors import CorrosionError
from corrosion.settings.change import ChangeSettings

PICTURE = Image.new("RGB", (8, 8), (90, 60, 40))


@pytest.fixture
def folders(tmp_path):
    """Writes two folders of files; returns them."""

    def write(old, new):
        for folder, names in (("old", old), ("new", new)):
            for name in names:
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                PICTURE.save(path)
        return tmp_path / "old", tmp_path / "new"

    return write


def at(path, latitude, longitude):
    """Write a position into a photograph, in degrees, minutes and seconds."""

    def parts(value):
        value = abs(value)
        minutes = (value % 1) * 60
        return (float(int(value)), float(int(minutes)), (minutes % 1) * 60)

    exif = Image.Exif()
    exif[0x8825] = {
        1: "N" if latitude >= 0 else "S",
        2: parts(latitude),
        3: "E" if longitude >= 0 else "W",
        4: parts(longitude),
    }
    PICTURE.save(path, exif=exif)


def names(pairing):
    return [
        (one.old.rsplit("/", 1)[1], one.new.rsplit("/", 1)[1], one.paired_by)
        for one in pairing.pairs
    ]


costs = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(0, 100))
)


@given(cost=costs, limit=st.floats(0, 100))
def test_pairs_are_one_to_one_within_the_limit_and_none_more_could_be_made_cheaper(cost, limit):
    found = nearest_pairs(cost, limit)
    assert all(cost[pair] <= limit for pair in found)
    for side in (0, 1):
        assert all(count == 1 for count in Counter(pair[side] for pair in found).values())
    wide = cost if cost.shape[0] <= cost.shape[1] else cost.T
    choices = [
        [wide[row, column] for row, column in enumerate(order) if wide[row, column] <= limit]
        for order in permutations(range(wide.shape[1]), wide.shape[0])
    ]
    most = max(len(one) for one in choices)
    assert len(found) == most
    least = min(sum(one) for one in choices if len(one) == most)
    assert sum(cost[pair] for pair in found) == pytest.approx(least)


def test_equal_names_are_the_same_place_whatever_the_ending_and_subfolder(folders):
    old, new = folders(["a.jpg", "east/b.PNG", "c.jpg"], ["A.png", "east/b.jpg", "west/c.jpg"])
    pairing = pair_inspections(old, new, ChangeSettings(pair_by="name", recursive=True))
    assert names(pairing) == [("a.jpg", "A.png", "name"), ("b.PNG", "b.jpg", "name")]
    assert pairing.old_alone == (str(old / "c.jpg"),)
    assert pairing.new_alone == (str(new / "west" / "c.jpg"),)


def test_a_name_that_two_files_have_tells_nothing(folders):
    old, new = folders(["a.jpg", "a.png", "b.jpg"], ["a.jpg", "b.jpg"])
    pairing = pair_inspections(old, new)
    assert names(pairing) == [("b.jpg", "b.jpg", "name")]
    assert len(pairing.old_alone) == 2


def test_gps_pairs_what_names_have_left_within_some_metres(folders):
    old, new = folders(["same.jpg"], ["same.jpg"])
    for name, latitude in (("1.jpg", 53.55), ("2.jpg", 53.5502), ("far.jpg", 53.6)):
        at(old / name, latitude, -9.99)
    for name, latitude in (("x.jpg", 53.55021), ("y.jpg", 53.55001), ("z.jpg", -53.55)):
        at(new / name, latitude, -9.99)
    pairing = pair_inspections(old, new)
    assert names(pairing) == [
        ("1.jpg", "y.jpg", "gps"),
        ("2.jpg", "x.jpg", "gps"),
        ("same.jpg", "same.jpg", "name"),
    ]
    assert len(pair_inspections(old, new, ChangeSettings(metres=1.0)).pairs) == 1


@given(
    st.integers(0, 6).flatmap(
        lambda n: st.tuples(
            arrays(np.float32, (n, 3), elements=st.floats(-1, 1, width=16)),
            st.integers(0, 6).flatmap(
                lambda m: arrays(np.float32, (m, 3), elements=st.floats(-1, 1, width=16))
            ),
        )
    )
)
def test_features_pair_each_photograph_once(both):
    olds, news = both
    vectors = {f"old{i}": one for i, one in enumerate(olds)}
    vectors |= {f"new{i}": one for i, one in enumerate(news)}
    alone = Pairing((), *(tuple(n for n in vectors if n.startswith(s)) for s in ("old", "new")))
    found = pair_by_features(alone, lambda paths: np.stack([vectors[path] for path in paths]))
    assert len(found.pairs) == min(len(olds), len(news))
    everything = [path for pair in found.pairs for path in (pair.old, pair.new)]
    assert sorted([*everything, *found.old_alone, *found.new_alone]) == sorted(vectors)


def test_the_most_alike_belong_together_and_unreadable_files_stay_alone():
    vectors = {"a": [1, 0], "b": [0, 1], "x": [0.1, 5], "y": [3, 0.1], "broken": [1, 0]}
    alone = Pairing((), ("a", "b"), ("broken", "x", "y"))
    found = pair_by_features(
        alone, lambda paths: np.array([vectors[path] for path in paths]), frozenset({"broken"})
    )
    assert [(one.old, one.new) for one in found.pairs] == [("a", "y"), ("b", "x")]
    assert found.new_alone == ("broken",)


def test_features_of_a_damaged_network_are_refused():
    with pytest.raises(CorrosionError, match="not finite"):
        pair_by_features(Pairing((), ("a",), ("b",)), lambda _: np.full((2, 2), np.nan))


def test_a_list_alone_decides(folders, tmp_path):
    old, new = folders(["a.jpg", "b.jpg"], ["a.jpg", "b.jpg"])
    listed = tmp_path / "pairs.csv"
    listed.write_text(f"old,new\na.jpg,{new / 'b.jpg'}\n")
    pairing = pair_inspections(old, new, pairs=listed)
    assert names(pairing) == [("a.jpg", "b.jpg", "file")]
    assert pairing.old_alone == (str(old / "b.jpg"),)
    assert pairing.new_alone == (str(new / "a.jpg"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("old\na.jpg\n", "pairs.csv has no column new"),
        ("old,new\n", "pairs.csv names no pairs"),
        ("old,new\na.jpg,none.jpg\n", "pairs.csv, row 2: new=none.jpg is no file"),
        ("old,new\na.jpg,\n", "pairs.csv, row 2: new is empty"),
        ("old,new\na.jpg,a.jpg\na.jpg,b.jpg\n", "a.jpg in more than one pair"),
    ],
)
def test_a_bad_list_is_refused_by_file_and_row(folders, tmp_path, text, said):
    old, new = folders(["a.jpg", "b.jpg"], ["a.jpg", "b.jpg"])
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(CorrosionError, match=said):
        pair_inspections(old, new, pairs=tmp_path / "pairs.csv")


@pytest.mark.parametrize(
    ("how", "said"), [("name", "have the same name"), ("gps", "within 10 metres")]
)
def test_no_pairs_are_refused_with_the_way_out(folders, how, said):
    old, new = folders(["a.jpg"], ["b.jpg"])
    with pytest.raises(CorrosionError, match=f"pair_by={how}.*{said}.*Take features"):
        pair_inspections(old, new, ChangeSettings(pair_by=how))
    assert pair_inspections(old, new).pairs == ()
