import numpy as np
import pytest
from PIL import Image
from pytorch_grad_cam.utils.image import show_cam_on_image

from corrosion.errors import CorrosionError
from corrosion.explanation.explanation import Explanation
from corrosion.explanation.layers import evidence_layer
from corrosion.explanation.overlay import COLORMAPS, UNLIKE_RUST, heat_map, overlay, write_image
from corrosion.explanation.panels import grid, panel, shrink, verdict
from corrosion.explanation.photographs import Photograph
from corrosion.explanation.regions import find_regions


def photograph(height=120, width=160, values=None, name="bolt.jpg", **kwargs):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if values is None:
        values = np.linspace(0, 1, width)[None].repeat(height, axis=0)
    fields = {"logit": 2.2, "probability": 0.9, "target": "corrosion", "raw_scale": 1.0}
    explanation = Explanation(**fields | {"empty": False} | kwargs, map=np.float32(values))
    return Photograph(f"photos/{name}", image, explanation)


def lightness(rgb):
    """CIE L* of colours (N, 3) in [0, 255] (IEC 61966-2-1, CIE 15)."""
    linear = np.where(rgb <= 0.04045 * 255, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return 116 * np.cbrt(np.maximum(luminance, 0.008856)) - 16


@pytest.mark.parametrize("colormap", sorted(set(COLORMAPS) - {"jet"}))
def test_more_evidence_is_lighter_in_even_steps(colormap):
    steps = np.diff(lightness(heat_map(np.float32([np.linspace(0, 1, 18)]), colormap=colormap)[0]))
    assert (steps[1:] > 0).all()
    assert steps[2:].max() < 3 * steps[2:].mean()


def test_jet_is_there_on_request_and_others_are_refused_by_name():
    ends = heat_map(np.float32([[0, 1]]), colormap="jet")[0]
    assert ends[0].argmax() == 2  # blue
    assert ends[1].argmax() == 0  # red
    with pytest.raises(CorrosionError, match=r"colormap=rainbow: choose inferno"):
        heat_map(np.float32([[0, 1]]), colormap="rainbow")


def test_the_overlay_is_lit_where_the_map_is():
    shown = photograph()
    drawn = overlay(shown.image, shown.explanation.map)
    assert drawn.shape == shown.image.shape
    assert drawn.dtype == np.uint8
    assert drawn[:, -10:].mean() > drawn[:, :10].mean() + 40


@pytest.mark.parametrize("colormap", sorted(COLORMAPS))
@pytest.mark.parametrize("image_weight", [0.3, 0.5])
def test_no_level_of_an_overlay_is_further_than_1_from_pytorch_grad_cams(colormap, image_weight):
    shown = photograph()
    shown.image[0, 0] = 255
    shown.explanation.map[0, 0] = 0  # white without evidence: how far both brighten
    drawn = overlay(
        shown.image, shown.explanation.map, colormap=colormap, image_weight=image_weight
    )
    expected = show_cam_on_image(
        np.float32(shown.image) / 255,
        shown.explanation.map,
        use_rgb=True,
        colormap=COLORMAPS[colormap],
        image_weight=image_weight,
    )
    assert np.abs(drawn.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("brightness", [0, 20, 255])
def test_an_empty_map_leaves_the_photograph_as_it_is(brightness):
    image = np.full((20, 30, 3), brightness, dtype=np.uint8)
    drawn = overlay(image, np.zeros((20, 30), dtype=np.float32))
    assert np.abs(drawn.astype(int) - image).max() <= 4


def test_a_panel_shows_photograph_and_overlay_at_full_resolution():
    shown = photograph(400, 500)
    pixels = panel(shown, threshold=0.5)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (1, 500, 3))
    for part in (shown.image, overlay(shown.image, shown.explanation.map)):
        assert (windows[:, :, 0] == part[200]).all(axis=(2, 3, 4)).any()


@pytest.mark.parametrize("shape", [(1, 1), (20, 3000), (700, 16), (33, 33)])
def test_panels_of_any_shape_hold_what_they_shall(shape):
    pixels = panel(photograph(*shape), threshold=0.5)
    assert pixels.shape[0] > shape[0]
    assert pixels.shape[1] > 3 * shape[1]


def red(pixels):
    channels = pixels.astype(int)
    return ((channels[..., 0] > 150) & (channels[..., 1:].max(axis=-1) < 60)).any()


def test_a_verdict_against_the_label_is_red():
    values = np.zeros((120, 160))
    shown = photograph(values=values)
    shown.image[:] = 128
    header = np.s_[:40]
    assert red(panel(shown, threshold=0.5, label=0, colormap="viridis")[header])
    assert not red(panel(shown, threshold=0.5, label=1, colormap="viridis")[header])
    assert not red(panel(shown, threshold=0.5, colormap="viridis")[header])


def test_the_verdict_names_decision_probability_and_label():
    one = photograph().explanation
    assert verdict(one, threshold=0.5) == "corrosion detected, probability 0.900 (threshold 0.5)"
    assert verdict(one, threshold=0.95).startswith("no corrosion, ")
    assert verdict(one, threshold=0.5, label=0).endswith("labelled no_corrosion")
    empty = photograph(empty=True).explanation
    assert verdict(empty, threshold=0.5).endswith("nothing speaks for corrosion")


def test_boxes_of_regions_are_drawn_on_the_overlay_only():
    shown = photograph()
    regions = find_regions(shown.explanation, 0.5)
    plain, boxed = (panel(shown, threshold=0.5, regions=one) for one in (None, regions))
    changed = (plain != boxed).any(axis=(0, 2)).nonzero()[0]
    assert len(changed) > 0
    assert changed.min() > 2 * 160


def test_a_grid_has_a_row_for_each_photograph_and_a_column_for_each_network():
    rows = [[photograph(300, 400)] * 4, [photograph(500, 200, name="tall.jpg")] * 4]
    names = ["resnet50", "mobilenetv2", "nasnetmobile", "efficientnetv2b0"]
    small, large = (grid(rows, names, thresholds=[0.5] * 4, cell=cell) for cell in (100, 200))
    assert 75 + 100 < small.shape[0] < 75 + 100 + 100
    assert 5 * 100 < small.shape[1] < 6 * 100
    assert large.shape[1] > 5 * 200
    shorter = grid([rows[0][:2]], names[:2], thresholds=[0.5] * 2, cell=100)
    assert shorter.shape[0] < small.shape[0] - 100
    assert shorter.shape[1] < small.shape[1] - 200


def test_shrinking_takes_photograph_and_map_together():
    small = shrink(photograph(300, 400), 100)
    assert small.image.shape == (75, 100, 3)
    assert small.explanation.map.shape == (75, 100)
    assert shrink(photograph(30, 40), 100).image.shape == (30, 40, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_images_are_written_whole_into_new_folders(tmp_path, suffix):
    pixels = photograph().image
    write_image(tmp_path / "new" / f"a{suffix}", pixels)
    with Image.open(tmp_path / "new" / f"a{suffix}") as found:
        assert found.size == (160, 120)
        if suffix == ".png":
            np.testing.assert_array_equal(np.asarray(found), pixels)
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_the_colours_of_inspections_are_never_those_of_rust():
    red, _, blue = heat_map(np.float32([np.linspace(0, 1, 256)]), colormap=UNLIKE_RUST)[0].T
    assert (blue >= red).all()
    layer = evidence_layer(np.float32([np.linspace(0, 1, 256)]))[0]
    assert (layer[:, 2] > layer[:, 0]).all()
    assert (np.diff(layer[:, 3].astype(int)) >= 0).all()  # more evidence hides more
    assert layer[0, 3] == 0
