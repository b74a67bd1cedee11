"""Photographs that may show the same view: those whose points have rare words in common."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

NO_WORD = -1
"""Stands where a photograph has fewer points than others."""

TABLES = 2
"""Words of each point: what one misses by a bit, the other may find."""

_BITS = 20
_COMMON = 40  # photographs; a word of more tells little and costs much
_PARTNERS = 4  # of each photograph; with 3 and 5 as many versions are found
_PORTION = 250  # photographs compared at once: some 50 MB


def words_of(descriptors: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Name each descriptor by the sides of random planes on which it lies.

    Like descriptors have a small angle and so, often, the same word (Charikar, Similarity
    Estimation Techniques from Rounding Algorithms, STOC 2002), by their square roots (Arandjelović
    & Zisserman, Three Things Everyone Should Know to Improve Object Retrieval, CVPR 2012). No
    vocabulary is fitted, so a photograph's words are the same in every folder. Planes compare
    cells with those across the middle, where gradients are as strong on average: a plane through
    the origin would have all descriptors on one side.

    Args:
        descriptors: (N, 128) uint8, as `registration.find_points` gives them.

    Returns:
        (N, TABLES) int64, from 0 to `TABLES` * 2^20 - 1, no word in two columns.
    """
    shares = descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True, dtype=np.float64), 1)
    sides = (np.sqrt(shares) @ _planes() > 0).reshape(-1, TABLES, _BITS)
    return sides @ (1 << np.arange(_BITS)) + (np.arange(TABLES) << _BITS)


@cache
def _planes() -> NDArray[np.float64]:
    drawn = np.random.default_rng(0).normal(size=(4, 4, 8, TABLES * _BITS))  # rows, columns, angles
    return (drawn - drawn[::-1, ::-1]).reshape(128, -1)


def likely_pairs(words: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """The photographs with which each has most rare words in common, in about linear time.

    Shared words count by their rarity, as in text retrieval (Sivic & Zisserman, Video Google, ICCV
    2003); those of more than 40 photographs are passed over, which bounds the cost of each.

    Args:
        words: (N, W) int64, the words of each photograph, `NO_WORD` where it has fewer.
        group: (N,) int64; photographs of one group are known to be alike already.

    Returns:
        (M, 2) int64 positions, the smaller first, sorted; M is at most 4 N.

    Example:
        >>> words = np.array([[7, 8, 9], [1, 2, NO_WORD], [8, 9, 3]])
        >>> likely_pairs(words, group=np.arange(3)).tolist()
        [[0, 2]]
    """
    count = len(words)
    # a word that a photograph has twice is counted once
    rows, held = np.divmod(
        np.unique((np.arange(count)[:, None] * (TABLES << _BITS) + words)[words != NO_WORD]),
        TABLES << _BITS,
    )
    _, columns, spread = np.unique(held, return_inverse=True, return_counts=True)
    weight = np.where((spread > 1) & (spread <= _COMMON), np.log1p(count / spread), 0)
    useful = weight[columns] > 0
    rows, columns = rows[useful], columns[useful]
    shape = (count, len(spread))
    has = csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
    weighted = csr_array((weight[columns], (rows, columns)), shape=shape)
    found = []
    for start in range(0, count, _PORTION):
        score = csr_array(weighted[start : start + _PORTION] @ has.T)
        for row in range(score.shape[0]):
            entries = slice(score.indptr[row], score.indptr[row + 1])
            others, votes = score.indices[entries], score.data[entries]
            new = group[others] != group[start + row]
            order = np.lexsort((others[new], -votes[new]))[:_PARTNERS]
            found.append(_pairs(start + row, others[new][order]))
    return np.unique(np.concatenate([np.zeros((0, 2), np.int64), *found]), axis=0)


def _pairs(row: int, others: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.sort(np.stack([np.full(len(others), row), others.astype(np.int64)], axis=1), axis=1)
