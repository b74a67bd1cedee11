import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.change.measuring import (
    SIDE,
    RustShare,
    comparable_pixels,
    measure_share,
    share_change,
    versions,
)
from corrosion.change.summary import mean_change
from corrosion.evaluation.decisions import Rule
from corrosion.explanation.rust_mask import rust_mask

ALWAYS, NEVER = Rule(1e-6, None), Rule(1 - 1e-9, None)
EMPTY = np.zeros((1, 1), dtype=bool)


@pytest.fixture(scope="session")
def plate():
    """A grey plate with rust on its left half."""
    generator = np.random.default_rng(0)
    pixels = generator.normal(120, 6, (96, 128, 3))
    pixels[20:80, 5:60] = generator.normal((120, 60, 30), 8, (60, 55, 3))
    return pixels.clip(0, 255).astype(np.uint8)


def test_versions_show_the_same_region(plate):
    region = np.zeros(plate.shape[:2], dtype=bool)
    region[:, :64] = True
    shown = list(versions(plate, region))
    assert len(shown) == 10
    for image, part in shown:
        assert image.dtype == np.uint8
        assert image.shape[:2] == part.shape
        redness = image[part].astype(float)
        assert redness[:, 0].mean() - redness[:, 2].mean() > 20
        tint = abs(image[~part][:, 0].mean() - image[~part][:, 2].mean())
        assert tint < 15  # grey in warmer and cooler light
    assert [image.mean() for image, _ in shown[2:4]] == pytest.approx(
        [1.15 * plate.mean(), 0.85 * plate.mean()], rel=0.02
    )


def test_a_region_at_the_very_edge_is_not_cropped_away(plate):
    region = np.zeros(plate.shape[:2], dtype=bool)
    region[0, 0] = True
    assert all(part.any() for _, part in versions(plate, region))


def test_the_share_is_that_of_the_mask_in_the_region(network, plate):
    mask = rust_mask(network, plate)
    region = np.zeros_like(mask)
    region[:, 32:] = True
    found = measure_share(network, plate, ALWAYS, region)
    assert found.share == pytest.approx(mask[region].mean())
    assert (found.mask == mask).all()
    assert measure_share(network, plate, ALWAYS).share == pytest.approx(mask.mean())


def test_the_noise_is_the_spread_over_all_versions(network, plate):
    shares = [
        rust_mask(network, image)[part].mean()
        for image, part in versions(plate, np.ones(plate.shape[:2], dtype=bool))
    ]
    assert measure_share(network, plate, ALWAYS).noise == pytest.approx(np.std(shares, ddof=1))


def test_without_corrosion_the_share_is_0_and_there_is_no_mask(network, plate):
    found = measure_share(network, plate, NEVER)
    assert (found.share, found.noise) == (0, 0)
    assert not found.mask.any()


def test_a_photograph_near_the_threshold_has_the_noise_of_its_decision(network, plate):
    every = measure_share(network, plate, ALWAYS)
    found = measure_share(network, plate, Rule(every.probability, None))
    assert found.share == every.share
    assert found.noise >= 0


@given(share=st.floats(0, 1), noise=st.floats(0, 0.5))
def test_a_photograph_compared_with_itself_has_not_changed(share, noise):
    one = RustShare(share, noise, 10, 0.9, EMPTY)
    found = share_change(one, one)
    assert found.change == 0
    assert not found.significant


@given(
    old=st.floats(0, 1), new=st.floats(0, 1), noises=st.tuples(st.floats(0, 0.3), st.floats(0, 0.3))
)
def test_a_change_lies_in_its_interval_and_turns_round_with_the_two(old, new, noises):
    first, second = (
        RustShare(s, n, 10, 0.9, EMPTY) for s, n in zip((old, new), noises, strict=True)
    )
    there, back = share_change(first, second), share_change(second, first)
    assert -1 <= there.low <= there.change <= there.high <= 1
    assert (back.change, back.low, back.high) == (-there.change, -there.high, -there.low)
    assert there.significant == back.significant == (there.low > 0 or there.high < 0)


def test_the_interval_covers_the_change_of_a_normal_method_in_95_of_100_cases():
    generator = np.random.default_rng(0)
    covered = []
    for _ in range(2000):
        old, new = (
            RustShare(one[0], float(np.std(one[1:], ddof=1)), 10, 1, EMPTY)
            for one in (generator.normal(0.3, 0.02, 11), generator.normal(0.5, 0.04, 11))
        )
        found = share_change(old, new)
        covered.append(found.low <= 0.2 <= found.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_the_mean_change_has_the_interval_of_a_paired_t_test():
    from scipy.stats import ttest_rel

    generator = np.random.default_rng(1)
    old, new = generator.uniform(0, 0.5, (2, 12))
    found = mean_change((new - old).tolist())
    wanted = ttest_rel(new, old).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert mean_change([0.1]).pairs == 1
    assert np.isnan(mean_change([0.1]).low)
    assert not mean_change([0.1]).significant
    assert np.isnan(mean_change([]).change)


def test_photographs_are_compared_at_a_bounded_size(tmp_path, draw_scene):
    from PIL import Image

    Image.fromarray(draw_scene(0, 30, 4 * SIDE)).save(tmp_path / "a.png")
    assert comparable_pixels(str(tmp_path / "a.png")).shape == (8, SIDE, 3)
    Image.fromarray(draw_scene(0, 30, 40)).save(tmp_path / "b.png")
    assert comparable_pixels(str(tmp_path / "b.png")).shape == (30, 40, 3)
