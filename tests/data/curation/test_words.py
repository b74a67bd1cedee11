import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from corrosion.data.curation.words import NO_WORD, TABLES, likely_pairs, words_of


@given(
    arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 5)), elements=st.integers(-1, 9)),
    st.data(),
)
def test_pairs_have_a_word_in_common_and_are_not_known_yet(words, data):
    group = np.array(data.draw(st.lists(st.integers(0, 11), min_size=12, max_size=12)))
    pairs = likely_pairs(words, group[: len(words)])
    for one, other in pairs:
        assert one < other
        assert group[one] != group[other]
        assert (set(words[one]) & set(words[other])) - {NO_WORD}
    assert len(pairs) <= 4 * len(words)


@given(st.integers(0, 100))
def test_the_photograph_with_most_words_in_common_is_found(seed):
    words = np.random.default_rng(seed).choice(10_000, (60, 30))
    words[41, :20] = words[7, :20]
    assert [7, 41] in likely_pairs(words, np.arange(60)).tolist()


def test_words_of_many_photographs_tell_nothing():
    few, many = np.full((40, 1), 5), np.full((41, 1), 5)
    assert len(likely_pairs(few, np.arange(40)))
    assert not len(likely_pairs(many, np.arange(41)))


def test_like_descriptors_have_like_words_and_others_have_others():
    generator = np.random.default_rng(0)
    descriptors = generator.integers(0, 120, (500, 128), dtype=np.uint8)
    noise = generator.integers(0, 5, descriptors.shape, dtype=np.uint8)
    words, again = words_of(descriptors), words_of(descriptors + noise)
    assert words.shape == (500, TABLES)
    assert (words == again).mean() > 0.3
    assert (words[1:] == again[:-1]).mean() < 0.01
    assert not np.intersect1d(*words.T).size
    np.testing.assert_array_equal(words, words_of(descriptors))
