from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from corrosion.data.resizing import build_resize
from corrosion.data.transforms import Augmentation, build_augmentation
from corrosion.errors import CorrosionError

CONF = Path(__file__).parents[2] / "conf" / "augment"


def config(name: str) -> dict[str, dict[str, float]]:
    return yaml.safe_load((CONF / f"{name}.yaml").read_text())


def only(name: str, **changes: float) -> Augmentation:
    """The paper's transformation of this name alone, always applied."""
    augment = build_augmentation({name: config("paper")[name] | {"p": 1.0} | changes})
    assert augment is not None
    return augment


def colourful(size: int = 48) -> np.ndarray:
    """Smooth colours away from black and white, so that nothing is clipped."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(60, 190, (6, 6, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BILINEAR))


def chroma(image: np.ndarray) -> float:
    return float((image.max(2).astype(int) - image.min(2)).mean())


# resizing


@pytest.mark.parametrize("mode", ["pad", "reflect", "crop", "stretch"])
@settings(max_examples=25)
@given(height=st.integers(1, 300), width=st.integers(1, 300), size=st.integers(1, 64))
def test_resize_gives_a_square_for_every_shape(mode, height, width, size):
    resized = build_resize(size, mode)(np.full((height, width, 3), 200, np.uint8))
    assert resized.shape == (size, size, 3)
    assert resized.dtype == np.uint8
    assert resized.max() == 200


def test_pad_keeps_the_whole_image_between_centred_black_bars():
    resized = build_resize(32, "pad")(np.full((40, 80, 3), 200, np.uint8))
    assert (resized[8:24] == 200).all()
    assert (resized[:8] == 0).all()
    assert (resized[24:] == 0).all()


def test_reflect_mirrors_the_image_into_the_bars():
    image = np.repeat(np.arange(16, dtype=np.uint8)[:, None, None], 32, axis=1).repeat(3, axis=2)
    resized = build_resize(32, "reflect")(image)
    np.testing.assert_array_equal(resized[:8], resized[9:17][::-1])


def test_crop_keeps_the_centre_and_the_geometry():
    image = np.zeros((64, 128, 3), np.uint8)
    image[:, 32:96] = 200
    assert (build_resize(32, "crop")(image) == 200).all()


def test_stretch_fills_the_square_with_the_whole_image():
    image = np.zeros((64, 128, 3), np.uint8)
    image[:, 64:] = 200
    resized = build_resize(32, "stretch")(image)
    assert (resized[:, :15] == 0).all()
    assert (resized[:, 17:] == 200).all()


@pytest.mark.parametrize("side", [20, 32, 50, 200])
def test_resize_agrees_with_pillows_bilinear(side):
    image = np.random.default_rng(0).integers(256, size=(side, side, 3), dtype=np.uint8)
    pillow = np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR))
    difference = build_resize(32, "pad")(image).astype(int) - pillow
    assert abs(difference).max() <= 1


def test_shrinking_averages_fine_detail_instead_of_skipping_it():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::5] = 255
    assert build_resize(32, "pad")(stripes)[:, 2:-2].std() < 5


@pytest.mark.parametrize(("size", "mode"), [(0, "pad"), (224.5, "pad"), (True, "pad"), (8, "fit")])
def test_bad_resize_values_are_errors_that_name_the_key(size, mode):
    with pytest.raises(CorrosionError, match=r"(image_size|mode)="):
        build_resize(size, mode)


# augmentation


@pytest.mark.parametrize("name", ["paper", "strong"])
def test_augmentation_is_decided_by_the_seed_alone(name):
    augment, again = build_augmentation(config(name)), build_augmentation(config(name))
    image = colourful()
    first = [augment(image, seed) for seed in range(20)]
    for seed in reversed(range(20)):
        np.testing.assert_array_equal(again(image, seed), first[seed])
    assert len({result.tobytes() for result in first}) == 20


@pytest.mark.parametrize("name", ["paper", "strong"])
def test_augmentation_keeps_type_and_shape_and_leaves_its_input_alone(name):
    augment = build_augmentation(config(name))
    image = colourful()
    image.setflags(write=False)
    before = image.copy()
    for seed in range(30):
        result = augment(image, seed)
        assert result.dtype == np.uint8
        assert result.shape == image.shape
        assert result.flags.c_contiguous
    np.testing.assert_array_equal(image, before)


def test_none_augments_nothing():
    assert build_augmentation(config("none")) is None
    assert build_augmentation(None) is None


def test_entries_that_are_null_or_never_applied_are_left_out():
    assert build_augmentation({"horizontal_flip": None, "vertical_flip": {"p": 0}}) is None


def test_flips_are_independent_of_each_other():
    augment = build_augmentation({key: {"p": 0.5} for key in ("horizontal_flip", "vertical_flip")})
    image = colourful()
    kinds = [image, image[:, ::-1], image[::-1], image[::-1, ::-1]]
    results = [augment(image, seed) for seed in range(400)]
    counts = [sum(np.array_equal(result, kind) for result in results) for kind in kinds]
    assert sum(counts) == 400
    assert min(counts) > 60


def test_brightness_scales_pixel_values_within_its_limit():
    image, brightness = colourful(), only("brightness")
    ratios = [brightness(image, seed).mean() / image.mean() for seed in range(200)]
    assert 0.84 < min(ratios) < 0.87
    assert 1.13 < max(ratios) < 1.16


def test_brightness_changes_a_dark_image_by_the_same_share():
    image, brightness = colourful() // 5, only("brightness")
    ratios = [brightness(image, seed).mean() / image.mean() for seed in range(50)]
    assert min(ratios) > 0.80
    assert max(ratios) < 1.16


def test_saturation_scales_the_distance_from_grey_within_its_limit():
    image, saturation = colourful(), only("saturation")
    ratios = [chroma(saturation(image, seed)) / chroma(image) for seed in range(200)]
    assert 0.78 < min(ratios) < 0.83
    assert 1.17 < max(ratios) < 1.22


def test_saturation_leaves_grey_images_alone():
    grey, saturation = np.full((8, 8, 3), 120, np.uint8), only("saturation")
    for seed in range(20):
        assert abs(saturation(grey, seed).astype(int) - grey).max() <= 1


def test_exposure_is_a_gamma_within_its_limit():
    image, exposure = np.full((4, 4, 3), 128, np.uint8), only("exposure")
    gammas = [np.log(exposure(image, seed).mean() / 255) / np.log(128 / 255) for seed in range(200)]
    assert 0.94 < min(gammas) < 0.97
    assert 1.03 < max(gammas) < 1.07
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    np.testing.assert_array_equal(exposure(ends, 0), ends)


def test_noise_blackens_or_whitens_at_most_its_share_of_pixels():
    image, noise = np.full((224, 224, 3), 120, np.uint8), only("noise")
    shares = []
    for seed in range(100):
        changed = noise(image, seed)
        noisy = (changed != 120).all(2)
        assert set(np.unique(changed[noisy])) <= {0, 255}
        np.testing.assert_array_equal(changed[~noisy], image[~noisy])
        shares.append(noisy.mean())
    assert 0.0020 < max(shares) <= 0.0022
    assert min(shares) < 0.0002


def test_noise_is_salt_as_often_as_pepper():
    image = np.full((64, 64, 3), 120, np.uint8)
    augment = only("noise", limit=1.0)
    results = np.stack([augment(image, seed) for seed in range(20)])
    assert (results == 255).sum() / (results != 120).sum() == pytest.approx(0.5, abs=0.02)


def test_rotation_mirrors_the_image_into_the_corners():
    image, rotation = np.full((64, 64, 3), 200, np.uint8), only("rotation", limit=180)
    for seed in range(20):
        assert (rotation(image, seed) == 200).all()


def test_rotation_turns_within_its_limit_both_ways():
    size = 101
    image = np.zeros((size, size, 3), np.uint8)
    rotation = only("rotation")
    image[48:53, 60:] = 255  # a bar from the centre to the right
    angles = []
    for seed in range(100):
        ys, xs = np.nonzero(rotation(image, seed)[10:-10, 10:-10, 0] > 127)
        angles.append(np.degrees(np.arctan2(40 - ys.mean(), xs.mean() - 40)))
    assert -16 < min(angles) < -13
    assert 13 < max(angles) < 16


def test_hsv_shifts_hue_by_at_most_its_degrees():
    red = np.full((8, 8, 3), (200, 40, 40), np.uint8)
    augment = only("hsv", saturation=0, value=0, hue=20)
    hues = []
    for seed in range(200):
        r, g, b = augment(red, seed)[0, 0].astype(float) / 255
        hues.append(60 * (g - b) / (max(r, g, b) - min(r, g, b)))
    assert -23 < min(hues) < -17
    assert 17 < max(hues) < 23


def test_clahe_raises_local_contrast():
    faint = (colourful().astype(float) * 0.2 + 100).astype(np.uint8)
    assert only("clahe", limit=4)(faint, 0).std() > 1.3 * faint.std()


def test_stronger_transformations_do_what_they_are_called():
    strong = {key: entry | {"p": 1.0} for key, entry in config("strong").items() if entry}
    flat = np.full((64, 64, 3), 200, np.uint8)
    edge = flat.copy()
    edge[:, 32:] = 50
    for seed in range(10):
        assert (build_augmentation({"affine": strong["affine"]})(flat, seed) == 200).all()
        holes = build_augmentation({"dropout": strong["dropout"]})(flat, seed)
        assert 0 < (holes == 0).mean() <= 4 * 0.2**2
        assert not np.array_equal(
            build_augmentation({"jpeg": strong["jpeg"]})(colourful(), seed), colourful()
        )
    assert len(np.unique(build_augmentation({"blur": {"p": 1, "sigma": 3}})(edge, 0))) > 2


@pytest.mark.parametrize(
    ("augment", "key"),
    [
        ({"rotate": {"p": 1}}, "rotate"),
        ({"rotation": {"p": 0.5}}, "rotation"),
        ({"rotation": {"p": 0.5, "limit": 10, "angle": 3}}, "rotation"),
        ({"rotation": 15}, "rotation"),
        ({"rotation": {"p": 1.5, "limit": 10}}, "rotation.p"),
        ({"rotation": {"p": 1, "limit": 400}}, "rotation.limit"),
        ({"rotation": {"p": 1, "limit": "15"}}, "rotation.limit"),
        ({"noise": {"p": True, "limit": 0.1}}, "noise.p"),
        ({"noise": {"p": 1, "limit": float("nan")}}, "noise.limit"),
        ({"clahe": {"p": 1, "limit": 2, "tiles": 2.5}}, "clahe.tiles"),
    ],
)
def test_bad_augmentation_values_are_errors_that_name_the_key(augment, key):
    with pytest.raises(CorrosionError, match=rf"^{key}\b"):
        build_augmentation(augment)


@pytest.mark.parametrize("extreme", ["low", "high"])
def test_every_value_allowed_for_an_entry_works(extreme):
    allowed = {
        "horizontal_flip": {},
        "vertical_flip": {},
        "rotation": {"limit": (0, 180)},
        "affine": {"scale": (0, 0.9), "translate": (0, 1), "shear": (0, 60)},
        "saturation": {"limit": (0, 1)},
        "brightness": {"limit": (0, 1)},
        "exposure": {"limit": (0, 0.9)},
        "hsv": {"hue": (0, 180), "saturation": (0, 1), "value": (0, 1)},
        "clahe": {"limit": (1, 100), "tiles": (1, 64)},
        "blur": {"sigma": (0.1, 20)},
        "dropout": {"holes": (1, 100), "size": (0.01, 1)},
        "noise": {"limit": (0, 1)},
        "jpeg": {"quality": (1, 100)},
    }
    pick = ("low", "high").index(extreme)
    augment = build_augmentation(
        {
            name: {"p": 1} | {k: v[pick] for k, v in values.items()}
            for name, values in allowed.items()
        }
    )
    for seed in range(5):
        assert augment(colourful(), seed).shape == (48, 48, 3)
