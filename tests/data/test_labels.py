import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from corrosion.data.labels import CLASSES, folder_labels
from corrosion.errors import CorrosionError


@pytest.mark.parametrize(
    ("corroded", "sound"),
    [
        ("corrosion", "no_corrosion"), ("CORROSION", "NOCORROSION"), ("rust", "norust"),
        ("Rusty", "clean"), ("corroded", "non-corroded"), ("Corrosion", "No Corrosion"),
        ("rusted", "not rusted"), ("positive", "negative"),
    ],
)  # fmt: skip
def test_usual_names_get_their_class_whatever_their_alphabetical_order(corroded, sound):
    assert folder_labels({corroded: 3, sound: 4}) == {corroded: 1, sound: 0}


def test_an_unknown_name_is_an_error_that_lists_what_was_found_and_how_to_map_it():
    with pytest.raises(CorrosionError) as caught:
        folder_labels({"pitted": 12, "clean": 30})
    message = str(caught.value)
    assert "pitted (12 images)" in message
    assert "clean (30 images)" in message
    assert "classes.corrosion=[pitted]" in message


def test_own_names_extend_and_override_the_usual_ones():
    classes = {"corrosion": ["Pitted", "clean"], "no_corrosion": ["new"]}
    counts = {"pitted": 1, "new": 1, "clean": 1, "rust": 1}
    assert folder_labels(counts, classes) == {"pitted": 1, "new": 0, "clean": 1, "rust": 1}


def test_ignored_folders_get_no_label():
    counts = {"rust": 1, "clean": 1, "masks": 2}
    assert folder_labels(counts, {"ignore": ["masks"]}) == {"rust": 1, "clean": 0}


def test_a_number_as_a_folder_name_is_taken_as_hydra_hands_it_over():
    assert folder_labels({"1": 3, "0": 3}, {"corrosion": [1], "no_corrosion": [0]}) == {
        "1": 1, "0": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["pitted", "Class (A)", 'the "bad" ones', "12", "Rost, stark", "ржавчина", "a=b"]
)
def test_the_overrides_that_an_error_suggests_can_be_pasted(name):
    with pytest.raises(CorrosionError) as caught:
        folder_labels({name: 1, "rust": 1, "clean": 1})
    overrides = re.findall(r"'((?:\+\+)?classes\..+?\])'", str(caught.value))
    assert len(overrides) == 3
    for override in OverridesParser.create().parse_overrides(overrides):
        class_name = override.key_or_group.rpartition(".")[2]
        labels = folder_labels({name: 1, "rust": 1, "clean": 1}, {class_name: override.value()})
        assert labels.get(name) == {"corrosion": 1, "no_corrosion": 0, "ignore": None}[class_name]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"corrosion": ["a"], "no_corrosion": ["A"]}, "mapped twice"),
        ({"corrosion": ["a"], "ignore": ["A"]}, "mapped twice"),
        ({"rust": ["a"]}, "no setting"),
        ({"corrosion": "a"}, "give a list"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_an_error(classes, message):
    with pytest.raises(CorrosionError, match=message):
        folder_labels({"a": 1, "rust": 1, "clean": 1}, classes)


@pytest.mark.parametrize(("only", "missing"), [("rust", "no_corrosion"), ("clean", "corrosion")])
def test_a_single_class_is_an_error_that_names_the_missing_one(only, missing):
    with pytest.raises(CorrosionError, match=f"class {missing}"):
        folder_labels({only: 5})


@given(st.text(min_size=1, max_size=8).filter(str.strip), st.sampled_from(CLASSES))
def test_any_name_can_be_mapped_by_hand(name, class_name):
    counts = {"no_corrosion": 1, "corrosion": 1, name: 1}
    labels = folder_labels(counts, {class_name: [name]})
    assert labels[name] == CLASSES.index(class_name)
