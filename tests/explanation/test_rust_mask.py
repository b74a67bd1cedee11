"""Masks of rust, from evidence and colour."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrosion.errors import CorrosionError
from corrosion.explanation.rust_mask import (
    JointRust,
    LearntRust,
    RustEvidence,
    rust_evidence,
    rust_mask,
)
from corrosion.explanation.rust_score import CUT, rust_score
from corrosion.models.classifier import CorrosionClassifier

STEEL, RUST = (120, 125, 130), (130, 70, 35)


def plate(height=120, width=160, *spots):
    """A grey plate with spots of rust (top, left, height, width), and noise."""
    pixels = np.full((height, width, 3), STEEL, dtype=np.float64)
    for top, left, rows, columns in spots:
        pixels[top : top + rows, left : left + columns] = RUST
    noise = np.random.default_rng(0).normal(0, 6, (height, width, 3))
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def truth(image, *spots):
    mask = np.zeros(image.shape[:2], dtype=bool)
    for top, left, rows, columns in spots:
        mask[top : top + rows, left : left + columns] = True
    return mask


def iou(mask, other):
    return (mask & other).sum() / (mask | other).sum()


def test_coarse_evidence_and_colour_together_outline_rust():
    spot = (30, 40, 50, 60)
    image = plate(120, 160, spot)
    evidence = np.zeros((6, 8), dtype=np.float32)
    evidence[1:4, 1:6] = 1
    assert iou(rust_score(image, evidence) > CUT, truth(image, spot)) > 0.8


def test_red_that_the_network_has_not_seen_is_no_rust():
    seen, paint = (10, 10, 60, 50), (40, 100, 60, 50)
    image = plate(120, 160, seen, paint)
    evidence = np.zeros((12, 16), dtype=np.float32)
    evidence[:, :7] = 1
    mask = rust_score(image, evidence) > CUT
    assert iou(mask, truth(image, seen)) > 0.8
    assert not mask[:, 90:].any()


def test_a_network_that_looks_at_the_wrong_place_gets_no_mask_on_the_rust():
    image = plate(120, 160, (60, 80, 50, 60))
    corner = np.zeros((12, 16), dtype=np.float32)
    corner[:2, :2] = 1
    assert not (rust_score(image, corner) > CUT)[60:].any()


@pytest.mark.parametrize("colour", [STEEL, (40, 90, 200), (0, 0, 0), (255, 255, 255)])
def test_without_red_there_is_no_rust(colour):
    image = np.full((50, 70, 3), colour, dtype=np.uint8)
    assert not (rust_score(image, np.ones((4, 5), dtype=np.float32)) > CUT).any()


@settings(max_examples=30)
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99)
)
def test_scores_of_any_picture_are_finite_shares_of_its_size(height, width, rows, columns, seed):
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    evidence = generator.random((rows, columns), dtype=np.float32)
    score = rust_score(image, evidence)
    assert score.shape == (height, width)
    assert score.dtype == np.float32
    assert score.min() >= 0
    assert score.max() <= 1
    assert not rust_score(image, np.zeros_like(evidence)).any()


def test_a_large_photograph_has_the_mask_of_its_small_copy():
    spot = (30, 40, 50, 60)
    image = plate(120, 160, spot)
    large = image.repeat(8, axis=0).repeat(8, axis=1)
    evidence = np.ones((6, 8), dtype=np.float32)
    mask = rust_score(large, evidence) > CUT
    assert mask.shape == (960, 1280)
    assert iou(mask, truth(image, spot).repeat(8, axis=0).repeat(8, axis=1)) > 0.8


@pytest.mark.parametrize("evidence", [np.full((2, 2), 1.5), np.full((2, 2), -1.0), np.zeros(3)])
def test_what_is_no_evidence_is_refused(evidence):
    with pytest.raises(CorrosionError, match="values in"):
        rust_score(plate(), evidence.astype(np.float32))


def test_a_network_gives_the_mask_of_its_evidence():
    network = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=64).eval()
    image = plate(120, 160, (30, 40, 50, 60))
    evidence = rust_evidence(network, image)
    assert evidence.map.shape == (120, 160)
    assert evidence.features.shape[2] == 6
    score = rust_score(image, evidence.map, evidence.features)
    assert (rust_mask(network, image) == (score > CUT)).all()
    large = rust_evidence(network, image.repeat(8, axis=0).repeat(8, axis=1))
    assert large.map.shape == (384, 512)


@pytest.mark.parametrize("backbone", ["test_vit.r160_in1k", "nasnetmobile"])
def test_networks_without_features_of_stride_16_give_masks_too(backbone):
    network = CorrosionClassifier(backbone, dense_units=8, image_size=64).eval()
    image = plate(120, 160, (30, 40, 50, 60))
    assert rust_mask(network, image).shape == (120, 160)


def two_witnesses(seen, learnt):
    """A brown plate, of which a network sees a part and what outlines have taught another."""
    plate = np.full((48, 64, 3), (110, 60, 35), dtype=np.uint8)
    own = RustEvidence(np.float32(seen), np.zeros((1, 1, 0), dtype=np.float32))
    return plate, JointRust(own, LearntRust(np.float32(learnt)))


def test_what_the_network_does_not_see_is_no_rust_whatever_outlines_have_taught():
    plate, both = two_witnesses(np.zeros((3, 4)), np.ones((3, 4)))
    assert not both.mask(plate).any()
    assert (both.map == 0).all()


def test_hardly_any_evidence_is_no_rust_however_sure_outlines_are():
    plate, both = two_witnesses(np.full((3, 4), 1e-4), np.ones((3, 4)))
    assert (both.seen.score(plate) > 0).all()
    assert not both.mask(plate).any()


def test_outlines_that_know_nothing_leave_the_mask_as_it_is():
    halves = np.repeat([[1.0, 1.0, 0.0, 0.0]], 3, axis=0)
    plate, both = two_witnesses(halves, np.full((3, 4), 0.5))
    assert (both.mask(plate) == both.seen.mask(plate)).all()
    assert 0 < both.mask(plate).mean() < 1


def test_outlines_overrule_weak_evidence_alone():
    plate, doubtful = two_witnesses(np.full((3, 4), 0.03), np.full((3, 4), 0.99))
    assert not doubtful.seen.mask(plate).any()
    assert doubtful.mask(plate).all()
    plate, denied = two_witnesses(np.ones((3, 4)), np.full((3, 4), 0.001))
    assert denied.seen.mask(plate).all()
    assert not denied.mask(plate).any()
    scores = [one.score(plate) for one in (doubtful, denied)]
    assert all(0 <= score.min() <= score.max() <= 1 for score in scores)
