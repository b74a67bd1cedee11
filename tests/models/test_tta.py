from itertools import combinations

import pytest
import torch

from corrosion.models.tta import VIEWS

IMAGES = torch.arange(2 * 3 * 4 * 4).reshape(2, 3, 4, 4)


@pytest.mark.parametrize("name", VIEWS)
def test_views_can_be_undone(name):
    for view in VIEWS[name]:
        assert torch.equal(view.undo(view.apply(IMAGES)), IMAGES)


@pytest.mark.parametrize(
    ("name", "count"), [("none", 1), ("hflip", 2), ("flips", 4), ("dihedral", 8)]
)
def test_views_are_different_and_begin_with_the_image_itself(name, count):
    shown = [view.apply(IMAGES) for view in VIEWS[name]]
    assert len(shown) == count
    assert torch.equal(shown[0], IMAGES)
    assert not any(torch.equal(a, b) for a, b in combinations(shown, 2))


def test_flips_are_those_of_both_axes():
    expected = [IMAGES, IMAGES.flip(-1), IMAGES.flip(-2, -1), IMAGES.flip(-2)]
    shown = [view.apply(IMAGES) for view in VIEWS["flips"]]
    assert all(any(torch.equal(one, other) for other in shown) for one in expected)
