import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.data.curation.duplicates import find_duplicates
from corrosion.data.curation.fingerprint import PLAIN, orientations
from corrosion.errors import CorrosionError
from corrosion.settings.data import CurationSettings

GENERATOR = np.random.default_rng(0)
A, B, C = (int(value) for value in GENERATOR.integers(0, 2**63, 3, dtype=np.uint64))


def duplicates(*images, max_distance=6):
    """Of (pixel hash, perceptual hash) pairs."""
    pixels, perceptual = (np.array(values, np.int64) for values in zip(*images, strict=True))
    return find_duplicates(pixels, perceptual, max_distance=max_distance)


def changed(value, *bits):
    return value ^ sum(1 << bit for bit in bits)


def turned(value):
    return int(orientations(np.array([value], np.uint64))[0, 5])


def test_copies_and_near_duplicates_are_grouped_and_counted():
    found = duplicates((1, A), (2, B), (1, A), (3, changed(A, 3)), (4, turned(A)), (5, C))
    assert found.group.tolist() == [0, 1, 0, 0, 0, 2]
    assert found.copies() == 1
    assert found.near_pairs() == 5  # of 6 pairs of 4 images one is a copy


def test_links_chain_into_one_group_but_the_ends_are_no_pair():
    found = duplicates((1, A), (2, changed(A, 1, 2, 3, 4, 5)), (3, changed(A, *range(1, 11))))
    assert len(set(found.group)) == 1
    assert found.near_pairs() == 2
    ends = found.seen_in(np.array([True, False, False]))
    assert ends.tolist() == [True, True, False]


def test_without_a_distance_copies_alone_are_found():
    found = duplicates((1, A), (1, A), (2, A), max_distance=None)
    assert found.group.tolist() == [0, 0, 1]
    assert found.near_pairs() == 0


def test_plain_images_resemble_their_copies_alone():
    found = duplicates((1, PLAIN), (2, PLAIN), (1, PLAIN), (3, A))
    assert found.group.tolist() == [0, 1, 0, 2]


def test_pairs_across_parts_are_counted_with_copies():
    found = duplicates((1, A), (1, A), (2, changed(A, 3)), (3, B))
    assert found.pairs_across(np.array([0, 1, 1, 0])) == 2
    assert found.pairs_across(np.zeros(4, np.int64)) == 0


def test_thousands_of_equal_images_are_counted_not_listed():
    found = duplicates(*[(index, A) for index in range(20_000)], (-1, changed(A, 3)))
    assert found.near_pairs() == 20_001 * 20_000 // 2
    assert len(found.pairs) == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.lists(st.integers(0, 62), max_size=5, unique=True)),
        min_size=1,
        max_size=25,
    ),
    st.lists(st.integers(0, 2), min_size=25, max_size=25),
)
def test_counts_agree_with_a_comparison_of_each_with_each(images, parts):
    bases = (A, B, C, PLAIN)
    hashes = [PLAIN if base == 3 else changed(bases[base], *bits) for base, bits in images]
    pixels = [hash(hashed) % 7 if hashed == PLAIN else hashed for hashed in hashes]
    found = duplicates(*zip(pixels, hashes, strict=True))
    parts = np.array(parts[: len(images)])

    def alike(one, other):
        if PLAIN in (hashes[one], hashes[other]):
            return pixels[one] == pixels[other]
        versions = orientations(np.array([hashes[one]], np.uint64))
        return np.bitwise_count(versions ^ np.uint64(hashes[other])).min() <= 6

    pairs = [
        (one, other) for other in range(len(images)) for one in range(other) if alike(one, other)
    ]
    copies = sum(pixels[one] == pixels[other] for one, other in pairs)
    assert found.near_pairs() == len(pairs) - copies
    assert found.pairs_across(parts) == sum(parts[one] != parts[other] for one, other in pairs)
    others = parts == 0
    seen = {one for one, other in pairs if others[other]} | {
        other for one, other in pairs if others[one]
    }
    assert np.flatnonzero(found.seen_in(others) & ~others).tolist() == sorted(
        row for row in seen if not others[row]
    )
    for one, other in pairs:
        assert found.group[one] == found.group[other]


@pytest.mark.parametrize("distance", [-1, 12, 2.5, "6", True])
def test_a_distance_that_makes_no_sense_is_an_error(distance):
    with pytest.raises(CorrosionError, match="near_duplicates"):
        CurationSettings(near_duplicates=distance)
