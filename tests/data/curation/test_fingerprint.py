import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from corrosion.data.curation.fingerprint import (
    HASH_BITS,
    PLAIN,
    orientations,
    perceptual_hash,
    pixel_hash,
)
from corrosion.data.curation.quality import to_grey
from corrosion.data.sample.picture import draw

hashes = st.lists(st.integers(0, 2**HASH_BITS - 1), min_size=1, max_size=5)
TURNS = [
    lambda pixels, quarter=quarter, mirrored=mirrored: np.ascontiguousarray(
        np.rot90(pixels[:, ::-1] if mirrored else pixels, quarter)
    )
    for quarter in range(4)
    for mirrored in (False, True)
]


@pytest.fixture(scope="module")
def pictures():
    return [draw(7, index, size=256, corroded=index % 2 == 1).image for index in range(10)]


def distance(first, second):
    """Bits between the hashes of two images, in the best orientation."""
    one, other = (
        np.array([perceptual_hash(to_grey(pixels))], np.uint64) for pixels in (first, second)
    )
    return int(np.bitwise_count(orientations(one) ^ other).min())


def recompressed(pixels, quality):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def resized(pixels, width, height):
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("turn", TURNS)
def test_flips_and_quarter_turns_are_recognised(pictures, turn):
    for pixels in pictures:
        assert distance(pixels, turn(pixels)) <= 2


@pytest.mark.parametrize(
    "export",
    [
        lambda pixels: recompressed(pixels, 30),
        lambda pixels: resized(pixels, 64, 64),
        lambda pixels: resized(pixels, 640, 640),
        lambda pixels: resized(pixels, 320, 180),
        lambda pixels: recompressed(np.rot90(resized(pixels, 150, 200)), 50),
    ],
    ids=["jpeg 30", "a quarter", "enlarged", "stretched", "all of it"],
)
def test_what_exports_do_is_recognised(pictures, export):
    # the regular drawings among them have coefficients near 0, whose signs compression turns
    distances = [distance(pixels, export(pixels)) for pixels in pictures]
    assert np.mean(np.array(distances) <= 6) >= 0.9


def test_different_pictures_are_far_apart(pictures):
    distances = [
        distance(first, second)
        for index, first in enumerate(pictures)
        for second in pictures[:index]
    ]
    assert min(distances) > 11


@pytest.mark.parametrize("level", [0, 128, 255])
def test_pictures_without_structure_are_plain(level):
    pixels = np.full((100, 140, 3), level, np.uint8)
    noise = np.random.default_rng(0).integers(-3, 4, pixels.shape)
    noisy = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    for image in (pixels, noisy, recompressed(noisy, 40)):
        assert perceptual_hash(to_grey(image)) == PLAIN


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3)])
def test_images_of_any_shape_have_a_hash(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert PLAIN <= perceptual_hash(to_grey(pixels)) < 2**HASH_BITS


@given(hashes)
def test_turning_a_turned_hash_gives_the_same_eight(values):
    turned = orientations(np.array(values, np.uint64))
    assert (turned[:, 0] == values).all()
    for column in turned.T:
        again = np.sort(orientations(column), axis=1)
        assert (again == np.sort(turned, axis=1)).all()


def test_the_pixel_hash_tells_apart_what_differs_in_one_pixel_or_in_shape():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    changed = pixels.copy()
    changed[4, 5, 0] ^= 1
    images = [pixels, changed, pixels.reshape(30, 20, 3)]
    assert len({pixel_hash(image) for image in images}) == 3
    assert pixel_hash(pixels) == pixel_hash(pixels.copy())
