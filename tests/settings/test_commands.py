"""The settings of commands name what the rooms below them have."""

from typing import get_args

import pytest

from corrosion.cli.options import option_name
from corrosion.errors import CorrosionError
from corrosion.explanation.cam import METHODS
from corrosion.explanation.overlay import COLORMAPS
from corrosion.settings.explanation import Colormap, ExplanationSettings, MapScoreSettings, Method
from corrosion.settings.prediction import PredictionSettings


def test_methods_and_colour_maps_are_those_that_there_are():
    assert get_args(Method) == tuple(METHODS)
    assert get_args(Colormap) == tuple(COLORMAPS)


@pytest.mark.parametrize("threshold", [0, 1, 2.0, -0.1])
def test_a_threshold_lies_between_0_and_1(threshold):
    with pytest.raises(CorrosionError, match=f"threshold={threshold}: give a probability"):
        PredictionSettings(threshold=threshold)


@pytest.mark.parametrize("settings", [ExplanationSettings, MapScoreSettings])
def test_methods_without_fine_maps_are_refused_by_the_names_of_the_options(settings):
    message = "--map=fine can't be had with --method=scorecam: choose gradcam, "
    with pytest.raises(CorrosionError, match=message):
        settings.read({"map": "fine", "method": "scorecam"}, name=option_name)
    with pytest.raises(CorrosionError, match=message.replace("--", "")):
        settings(map="fine", method="scorecam")


def test_a_map_without_places_is_refused():
    message = "--report with geojson is a map, and --no-location leaves out"
    with pytest.raises(CorrosionError, match=message):
        PredictionSettings.read({"report": "pdf,geojson", "no_location": True}, name=option_name)
    assert PredictionSettings(report="pdf", no_location=True).no_location


def test_fine_maps_that_nothing_draws_are_refused():
    with pytest.raises(CorrosionError, match="--map=fine draws nothing without --explain: give"):
        PredictionSettings.read({"map": "fine"}, name=option_name)
    assert PredictionSettings(map="fine", explain=True).map == "fine"


def test_coco_files_need_regions():
    assert ExplanationSettings(coco=True).rule == "otsu"
    assert ExplanationSettings(coco=True, regions=0.5).rule == 0.5
    assert ExplanationSettings().rule is None
