"""How far a loop is, where nobody watches a bar."""

import logging

import pytest

from corrosion.system import progress as module
from corrosion.system.progress import Milestones, progress


def lines(total, seconds_an_item, items, **options):
    """What a loop of so many items says, at a clock that stands between them."""
    now = [0.0]
    milestones = Milestones("predicting", total, clock=lambda: now[0], **options)
    said = []
    for done in range(1 + options.get("first", 0), items + 1):
        now[0] += seconds_an_item
        if (line := milestones.line(done)) is not None:
            said.append(line)
    return said


def test_each_tenth_of_long_work_gets_a_line():
    said = lines(200, 0.5, 200)
    assert len(said) == 10
    assert said[0] == "predicting: 20 of 200 (10 %), about 2 min left"
    assert said[-1] == "predicting: 200 of 200 (100 %), took 2 min"


def test_slow_work_gets_a_line_every_half_minute():
    said = lines(10_000, 1.0, 120)
    assert [line.split(" of ")[0] for line in said] == [
        f"predicting: {done}" for done in (30, 60, 90, 120)
    ]


def test_work_of_unknown_length_gets_lines_too():
    assert lines(None, 10.0, 7) == ["predicting: 3 after 30 s", "predicting: 6 after 1 min"]


def test_what_is_done_in_seconds_says_nothing():
    assert lines(1000, 0.002, 1000) == []


def test_what_was_done_before_does_not_make_the_rest_look_shorter():
    said = lines(200, 1.0, 200, first=100)
    assert said[0] == "predicting: 120 of 200 (60 %), about 1 min left"
    assert len(said) == 5


@pytest.mark.parametrize("sized", [True, False])
def test_without_a_terminal_a_loop_is_logged_and_gives_all_its_items(caplog, monkeypatch, sized):
    monkeypatch.setattr(module, "_SOONEST", 0.0)
    caplog.set_level(logging.INFO)
    items = range(20) if sized else iter(range(20))
    assert list(progress(items, "predicting", total=None if sized else 20)) == list(range(20))
    assert len(caplog.messages) == 10
    assert caplog.messages[0].startswith("predicting: 2 of 20 (10 %)")
