"""The benchmark of few labels, on features that are drawn."""

import numpy as np
import pandas as pd
import pytest
from few_labels import candidates, draw, simulate, summary, wide
from few_labels_strategies import NEXT, RANDOM, STRATEGIES, Round


@pytest.fixture(scope="module")
def drawn():
    """Features of 120 photographs, of which each class is a cloud, their labels and groups."""
    labels = np.arange(120) % 2
    features = np.random.default_rng(0).normal(size=(120, 6)) + 3 * labels[:, None]
    return features, labels, np.arange(120) // 4 * 2 + labels


@pytest.fixture(scope="module")
def rows(drawn):
    return simulate(*drawn, sizes=[4, 8, 16], repetitions=3)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("first", [True, False])
def test_every_strategy_chooses_as_many_different_photographs_as_asked_for(name, first):
    generator = np.random.default_rng(0)
    features = generator.normal(size=(60, 5))
    probability = None if first else generator.uniform(size=50)
    now = Round(features[10:], features[: 0 if first else 10], probability, 12, generator)
    chosen = STRATEGIES[name](now)
    assert len(set(chosen.tolist())) == 12
    assert set(chosen.tolist()) <= set(range(50))


def test_strategies_that_follow_probabilities_prefer_uncertain_ones():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(200, 5))
    probability = generator.uniform(size=200)
    distance = {}
    for name, strategy in STRATEGIES.items():
        now = Round(features, features[:1], probability, 10, np.random.default_rng(1))
        distance[name] = np.abs(probability[strategy(now)] - 0.5).mean()
    for name in ("uncertainty", "BADGE", "cluster-margin", NEXT):
        assert distance[name] < distance[RANDOM]


def test_candidates_are_neither_labelled_nor_twins(drawn):
    groups = drawn[2]
    pool, chosen = np.arange(40), np.array([0, 7])
    free = candidates(pool, chosen, groups, np.random.default_rng(0), twins=False)
    assert len(set(groups[free])) == len(free) == 18
    assert not set(groups[free]) & set(groups[chosen])
    free = candidates(pool, chosen, groups, np.random.default_rng(0), twins=True)
    assert sorted(free) == sorted(set(range(40)) - {0, 7})


def test_more_labels_make_it_more_accurate(rows):
    means = rows.groupby(["strategy", "labels"])["accuracy"].mean().unstack()
    assert len(rows) == len(STRATEGIES) * 3 * 3
    assert (means[16] > 0.9).all()


def test_differences_are_paired_by_repetition():
    rows = pd.DataFrame(
        [
            {"strategy": name, "repetition": repetition, "labels": size, "auroc": 0.5,
             "accuracy": 0.5 + 0.1 * repetition + (size == 40) * 0.05 + (name == NEXT) * 0.04}
            for name in (RANDOM, NEXT) for size in (20, 40) for repetition in range(3)
        ]
    )  # fmt: skip
    table = summary(rows).set_index(["strategy", "labels"])
    ours = table.loc[(NEXT, 20)]
    assert ours["accuracy"] == pytest.approx(0.64)
    assert ours["accuracy_low"] == pytest.approx(0.64 - 4.303 * 0.1 / np.sqrt(3), abs=1e-3)
    assert ours["accuracy_vs_same_low"] == pytest.approx(0.04)
    assert ours["accuracy_vs_twice_high"] == pytest.approx(-0.01)


def test_table_and_figure_show_every_strategy(rows):
    text = wide(summary(rows))
    assert all(name in text for name in STRATEGIES)
    figure = draw(pd.concat([rows.assign(data=name) for name in ("ships", "bridges")]))
    assert [axes.get_title() for axes in figure.axes] == ["ships", "bridges"]
    assert len(figure.axes[0].lines) == len(STRATEGIES)
