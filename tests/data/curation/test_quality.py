import math
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from corrosion.data.curation.quality import (
    JUDGED_SIDE,
    RULES,
    broken_rules,
    measure,
    to_grey,
)
from corrosion.data.sample.picture import draw
from corrosion.errors import CorrosionError
from corrosion.settings.data import QualitySettings


def image(**changes):
    """A row of measures that breaks no rule."""
    good = {
        "width": 200, "height": 100, "contrast": 40.0, "shadows": 20, "highlights": 200,
        "sharpness": 2.0,
    }  # fmt: skip
    return good | changes


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("small", {"height": 63, "width": 63}),
        ("blank", {"contrast": 4.9}),
        ("blurred", {"sharpness": 0.7}),
        ("dark", {"highlights": 49, "shadows": 0}),
        ("bright", {"shadows": 246, "highlights": 255}),
        ("elongated", {"height": 66, "width": 200}),
        ("elongated", {"height": 200, "width": 66}),
    ],
)
def test_each_rule_strikes_beyond_its_limit_alone(rule, changes):
    broken = broken_rules(pd.DataFrame([image(**changes), image()]), QualitySettings())
    assert broken.columns.tolist() == list(RULES)
    assert broken.columns[broken.iloc[0]].tolist() == [rule]
    assert not broken.iloc[1].any()


def test_a_rule_without_a_limit_is_off():
    images = pd.DataFrame([image(sharpness=0.0, contrast=0.0)])
    broken = broken_rules(images, QualitySettings(blurred=None, blank=None))
    assert not broken.to_numpy().any()


@pytest.mark.parametrize(
    ("limits", "key"),
    [({"blur": 3}, "blur"), ({"small": -1}, "small"), ({"dark": "yes"}, "dark")],
)
def test_limits_that_make_no_sense_are_errors_that_name_the_key(limits, key):
    with pytest.raises(CorrosionError, match=key):
        QualitySettings.read(limits)


def test_blur_halves_sharpness_whatever_the_contrast():
    for index in range(6):
        pixels = draw(3, index, size=256, corroded=index % 2 == 1).image
        sharp = measure(to_grey(pixels)).sharpness
        blurred = measure(to_grey(cv2.GaussianBlur(pixels, (0, 0), 2))).sharpness
        pale = measure(to_grey(np.uint8(128 + 0.3 * (pixels - 128.0)))).sharpness
        assert blurred < QualitySettings().blurred < sharp
        assert blurred < sharp / 2
        assert pale == pytest.approx(sharp, rel=0.25)


def test_levels_are_those_of_the_pixels():
    grey = np.repeat(np.arange(100, dtype=np.uint8), 10).reshape(20, 50)
    measures = measure(grey)
    assert (measures.shadows, measures.highlights) == (4, 94)
    assert measures.contrast == pytest.approx(grey.std(), rel=1e-5)


def test_a_flat_image_is_not_blurred():
    assert measure(np.full((50, 50), 9, np.uint8)).sharpness == math.inf


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (4000, 1), (300, 2000)])
def test_images_of_any_shape_are_measured(shape):
    grey = to_grey(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert max(grey.shape) <= JUDGED_SIDE
    assert measure(grey).contrast >= 0


def test_the_configured_limits_are_the_defaults():
    base = yaml.safe_load((Path(__file__).parents[3] / "conf/data/_base.yaml").read_text())
    assert {**base["quality"]} == QualitySettings().plain()
