"""The threshold of tiles keeps the false alarms of a photograph, however many tiles it has."""

import numpy as np
import pytest
from scipy.special import expit

from corrosion.errors import CorrosionError
from corrosion.prediction.tile_threshold import ChosenThreshold, GivenThreshold
from corrosion.prediction.tiles import TileRule

RULES = [TileRule("max"), TileRule("kth", k=3), TileRule("share", share=0.1)]


def photographs(generator, count, tiles, dependence):
    """Logits of sound photographs, whose tiles have a part in common."""
    common = generator.normal(size=(count, 1)) * dependence
    own = generator.normal(size=(count, tiles)) * np.sqrt(1 - dependence**2)
    return common + own


def false_alarms(chosen, rule, found):
    cut = chosen.at(found.shape[1]).value
    return np.mean([expit(rule.score(one)) >= cut for one in found])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("dependence", [0.0, 0.7, 1.0])
@pytest.mark.parametrize(("seen", "judged"), [(40, 40), (4, 40), (4, 8)])
def test_few_sound_photographs_are_called_corroded_whatever_their_tiles_have_in_common(
    rule, dependence, seen, judged
):
    generator = np.random.default_rng(0)
    rates = []
    for _ in range(30):
        sound = tuple(photographs(generator, 100, seen, dependence))
        chosen = ChosenThreshold(sound, rule, false_alarms=0.1)
        rates.append(false_alarms(chosen, rule, photographs(generator, 100, judged, dependence)))
    assert np.mean(rates) <= 0.1 + 0.02  # 30 draws of 100 photographs


def test_the_usual_threshold_would_call_nearly_all_of_them_corroded():
    generator = np.random.default_rng(0)
    sound = photographs(generator, 200, 200, 0.3)
    one = ChosenThreshold(tuple(sound[:, :1]), TileRule(), false_alarms=0.05).at(1).value
    assert np.mean(expit(sound.max(axis=1)) >= one) > 0.9


def test_more_tiles_need_a_higher_threshold():
    sound = tuple(photographs(np.random.default_rng(1), 30, 4, 0.5))
    chosen = ChosenThreshold(sound, TileRule(), false_alarms=0.05)
    found = [chosen.at(tiles) for tiles in (4, 12, 100, 1000, 10_000)]
    values = [one.value for one in found]
    assert values == sorted(values)
    assert len(set(values[1:])) == 4
    assert [one.basis for one in found[-2:]] == ["beyond validation"] * 2
    assert values[-1] > expit(np.concatenate(sound).max())


def test_a_share_of_the_tiles_needs_the_same_threshold_of_any_number():
    sound = tuple(photographs(np.random.default_rng(1), 12, 20, 0.5))
    chosen = ChosenThreshold(sound, TileRule("share", share=0.1), false_alarms=0.07)
    assert chosen.at(1000) == chosen.at(4000)
    assert chosen.at(1000).basis == "tiles"


def test_photographs_with_many_more_tiles_are_not_what_a_small_one_is_compared_with():
    sound = tuple(photographs(np.random.default_rng(1), 30, 400, 0.0))
    chosen = ChosenThreshold(sound, TileRule(), false_alarms=0.1)
    assert chosen.at(400).basis == chosen.at(200).basis == "photographs"
    assert chosen.at(2).basis == "tiles"
    assert chosen.at(2).value < chosen.at(200).value


def test_sound_tiles_of_probability_one_leave_nothing_to_be_called_corroded():
    sound = tuple(np.full(4, 60.0) for _ in range(20))
    assert ChosenThreshold(sound, TileRule(), false_alarms=0.05).at(4).value > 1


def test_a_threshold_of_the_users_own_is_that_of_any_number():
    assert GivenThreshold(0.8).at(2) == GivenThreshold(0.8).at(500)


def test_too_few_sound_photographs_are_refused():
    with pytest.raises(CorrosionError, match="9 sound validation photographs are too few"):
        ChosenThreshold((np.zeros(4),) * 9, TileRule(), false_alarms=0.05)
