import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.data.curation.fingerprint import HASH_BITS, orientations
from corrosion.data.curation.hash_search import MOST_DISTANCE, similar_pairs


def every_pair(hashes, max_distance):
    """Each hash compared with each."""
    turned = orientations(hashes)
    distances = np.bitwise_count(turned[:, None] ^ hashes[None, :, None]).min(axis=2)
    pairs = np.argwhere(np.triu(distances <= max_distance, 1))
    return pairs, distances[tuple(pairs.T)]


@given(
    st.integers(0, 2**32),
    st.integers(0, MOST_DISTANCE),
    st.lists(st.integers(0, 14), min_size=1, max_size=20),
)
def test_exactly_the_similar_pairs_are_found(seed, max_distance, changes):
    generator = np.random.default_rng(seed)
    hashes = generator.integers(0, 2**HASH_BITS, 20, dtype=np.uint64)
    versions = []
    for change in changes:  # a turned version with so many bits changed
        bits = generator.choice(HASH_BITS, change, replace=False)
        version = orientations(generator.choice(hashes, 1))[0, generator.integers(8)]
        versions.append(version ^ np.uint64(sum(1 << int(bit) for bit in bits)))
    hashes = np.unique(np.concatenate([hashes, np.array(versions, np.uint64)]))
    pairs, distances = similar_pairs(hashes, max_distance)
    expected_pairs, expected_distances = every_pair(hashes, max_distance)
    assert pairs.tolist() == expected_pairs.tolist()
    assert distances.tolist() == expected_distances.tolist()


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_hashes_for_a_pair_have_none(count):
    pairs, distances = similar_pairs(np.zeros(count, np.uint64), 6)
    assert pairs.shape == (0, 2)
    assert distances.shape == (0,)


def test_hashes_that_agree_in_most_bands_are_found_in_portions(monkeypatch):
    monkeypatch.setattr("corrosion.data.curation.hash_search._CANDIDATES", 50)
    hashes = np.arange(200, dtype=np.uint64)
    pairs, _ = similar_pairs(hashes, 1)
    assert pairs.tolist() == every_pair(hashes, 1)[0].tolist()
