"""The settings of commands name what the rooms below them have."""

from typing import get_args

import pytest

from corrosion.errors import CorrosionError
from corrosion.explanation.cam import METHODS
from corrosion.explanation.overlay import COLORMAPS
from corrosion.settings.explanation import Colormap, ExplanationSettings, Method
from corrosion.settings.prediction import PredictionSettings


def test_methods_and_colour_maps_are_those_that_there_are():
    assert get_args(Method) == tuple(METHODS)
    assert get_args(Colormap) == tuple(COLORMAPS)


@pytest.mark.parametrize("threshold", [0, 1, 2.0, -0.1])
def test_a_threshold_lies_between_0_and_1(threshold):
    with pytest.raises(CorrosionError, match=f"threshold={threshold}: give a probability"):
        PredictionSettings(threshold=threshold)


def test_coco_files_need_regions():
    assert ExplanationSettings(coco=True).rule == "otsu"
    assert ExplanationSettings(coco=True, regions=0.5).rule == 0.5
    assert ExplanationSettings().rule is None
