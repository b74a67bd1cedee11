import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrosion.errors import CorrosionError
from corrosion.explanation.explanation import Explanation
from corrosion.explanation.regions import CocoDetections, find_regions, parse_rule


def explanation(values, **kwargs):
    fields = {"logit": 0.0, "probability": 0.75, "target": "corrosion", "raw_scale": 1.0}
    return Explanation(**fields | {"empty": False} | kwargs, map=np.float32(values))


def two_spots():
    values = np.full((60, 100), 0.05)
    values[10:20, 5:35] = 1.0
    values[40:50, 70:90] = 0.6
    return values


@pytest.mark.parametrize("rule", ["otsu", "0.5", 0.3])
def test_spots_become_boxes_the_largest_first(rule):
    found = find_regions(explanation(two_spots()), rule)
    boxes = [(box.left, box.top, box.width, box.height) for box in found.boxes]
    assert boxes == [(5, 10, 30, 10), (70, 40, 20, 10)]
    assert [box.area for box in found.boxes] == [300, 200]
    assert [box.strength for box in found.boxes] == pytest.approx([1.0, 0.6])
    assert found.share == pytest.approx(500 / 6000)
    np.testing.assert_array_equal(found.mask, two_spots() > 0.5)
    assert 0.05 < found.level < 0.6


def test_a_share_of_the_maximum_leaves_weaker_spots_out():
    [box] = find_regions(explanation(two_spots()), 0.7).boxes
    assert box.left == 5


def test_the_share_is_of_the_maps_own_maximum():
    weak = find_regions(explanation(two_spots() / 10), 0.5)
    np.testing.assert_array_equal(weak.mask, two_spots() > 0.5)
    assert weak.level == pytest.approx(0.05)


@pytest.mark.parametrize("rule", ["otsu", 0.5])
def test_an_empty_map_has_no_regions(rule):
    for nothing in (explanation(two_spots() / 100, empty=True), explanation(np.zeros((9, 9)))):
        found = find_regions(nothing, rule)
        assert found.boxes == ()
        assert not found.mask.any()
        assert found.share == 0


def test_specks_are_left_out_of_boxes_mask_and_share():
    values = two_spots()
    values[59, 99] = 1.0
    found = find_regions(explanation(values), 0.5)
    assert len(found.boxes) == 2
    assert not found.mask[59, 99]


def test_a_region_has_no_part_in_its_hole_nor_in_what_lies_there():
    values = np.zeros((60, 100))
    values[5:55, 10:90] = 1.0
    values[15:45, 20:80] = 0.0
    values[25:35, 40:60] = 0.8
    found = find_regions(explanation(values), 0.5)
    boxes = [(box.left, box.top, box.width, box.height) for box in found.boxes]
    assert boxes == [(10, 5, 80, 50), (40, 25, 20, 10)]
    assert [box.area for box in found.boxes] == [80 * 50 - 60 * 30, 20 * 10]
    assert [box.strength for box in found.boxes] == pytest.approx([1.0, 0.8])
    np.testing.assert_array_equal(found.mask, values > 0.5)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 10**6), st.floats(0.05, 0.95))
def test_boxes_hold_the_mask_and_areas_add_up(height, width, seed, share):
    values = np.random.default_rng(seed).random((height, width))
    found = find_regions(explanation(values), share)
    covered = np.zeros_like(found.mask)
    for box in found.boxes:
        covered[box.top : box.top + box.height, box.left : box.left + box.width] = True
        columns, rows = zip(*box.outline, strict=True)
        assert len(box.outline) >= 3
        assert box.left <= min(columns) <= max(columns) <= box.left + box.width
        assert box.top <= min(rows) <= max(rows) <= box.top + box.height
    assert not (found.mask & ~covered).any()
    assert sum(box.area for box in found.boxes) == found.mask.sum()
    assert found.share == pytest.approx(found.mask.mean())
    assert (explanation(values).map[found.mask] > found.level).all()


@pytest.mark.parametrize("rule", ["half", "0", "1", "-0.5", "nan", 2])
def test_unknown_rules_are_errors_that_say_what_is_taken(rule):
    with pytest.raises(CorrosionError, match=rf"regions={rule}: give otsu, or a share"):
        parse_rule(rule)


def test_coco_files_hold_images_boxes_and_polygons(tmp_path):
    coco = CocoDetections()
    for name, one in (
        ("a.jpg", explanation(two_spots())),
        ("b.jpg", explanation(np.zeros((4, 5)), empty=True)),
        ("c.jpg", explanation(two_spots(), target="no_corrosion")),
    ):
        coco.add(name, one, find_regions(one, 0.5))
    coco.write(tmp_path / "new" / "regions.json")
    content = json.loads((tmp_path / "new" / "regions.json").read_text())
    assert content["images"][1] == {"id": 2, "file_name": "b.jpg", "width": 5, "height": 4}
    assert content["categories"] == [
        {"id": 0, "name": "no_corrosion"},
        {"id": 1, "name": "corrosion"},
    ]
    assert [one["image_id"] for one in content["annotations"]] == [1, 1, 3, 3]
    assert [one["id"] for one in content["annotations"]] == [1, 2, 3, 4]
    first, last = content["annotations"][0], content["annotations"][-1]
    assert first["bbox"] == [5, 10, 30, 10]
    assert first["area"] == 300
    assert sorted(first["segmentation"][0]) == sorted([5, 10, 34, 10, 34, 19, 5, 19])
    assert (first["category_id"], first["score"]) == (1, 0.75)
    assert (last["category_id"], last["score"]) == (0, 0.25)
