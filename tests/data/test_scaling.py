import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from corrosion.data.scaling import scaled

SIDES = st.integers(1, 300)


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 2**32 - 1), st.booleans())
def test_pixels_are_those_of_torch_bit_by_bit(height, width, to_height, to_width, seed, extreme):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if extreme:
        image = np.where(image > 127, 255, 0).astype(np.uint8)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
    known = torch.nn.functional.interpolate(
        pixels, (to_height, to_width), mode="bilinear", antialias=True
    )
    found = scaled(image, to_height, to_width)
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, known[0].permute(1, 2, 0).numpy())


def test_large_images_are_scaled_in_parts_to_the_same_pixels():
    image = np.random.default_rng(0).integers(0, 256, (1100, 40, 3), dtype=np.uint8)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
    known = torch.nn.functional.interpolate(pixels, (224, 8), mode="bilinear", antialias=True)
    np.testing.assert_array_equal(scaled(image, 224, 8), known[0].permute(1, 2, 0).numpy())
