"""Batches of what comes together."""

import threading

import pytest

from corrosion.data.image_reader import ImageInput
from corrosion.prediction.outputs import Output
from corrosion.serve.batching import Batcher


def inputs(count):
    return [ImageInput(0, 0, True, str(number)) for number in range(count)]


class Network:
    """Looks at nothing until it is let; remembers its batches."""

    def __init__(self):
        self.batches = []
        self.go_on = threading.Event()
        self.begun = threading.Event()

    def __call__(self, images):
        self.batches.append([one.path for one in images])
        self.begun.set()
        assert self.go_on.wait(60)
        return [Output(one, probability=int(one.path) / 100) for one in images]


@pytest.fixture
def network():
    return Network()


def test_what_waits_goes_together_in_its_order(network):
    batcher = Batcher(network, batch_size=4, wait=0)
    first, *others = inputs(8)
    futures = [batcher.submit(first)]
    assert network.begun.wait(60)  # the others come while it is busy
    futures += [batcher.submit(one) for one in others]
    network.go_on.set()
    assert [one.result(60).probability for one in futures] == [n / 100 for n in range(8)]
    assert network.batches == [["0"], ["1", "2", "3", "4"], ["5", "6", "7"]]
    batcher.close()


def test_a_batch_waits_for_others_but_not_once_it_is_full(network):
    network.go_on.set()
    batcher = Batcher(network, batch_size=2, wait=60)
    futures = [batcher.submit(one) for one in inputs(2)]
    assert futures[1].result(30).probability == 0.01
    assert network.batches == [["0", "1"]]
    batcher.close()


def test_what_is_cancelled_is_not_looked_at(network):
    batcher = Batcher(network, batch_size=1, wait=0)
    first, second, third = (batcher.submit(one) for one in inputs(3))
    assert network.begun.wait(60)
    assert second.cancel()
    network.go_on.set()
    assert third.result(60).probability == 0.02
    batcher.close()
    assert network.batches == [["0"], ["2"]]
    assert first.done()


def test_closing_answers_what_was_submitted(network):
    network.go_on.set()
    batcher = Batcher(network, batch_size=8, wait=60)
    futures = [batcher.submit(one) for one in inputs(3)]
    batcher.close()
    assert all(one.done() for one in futures)


def test_a_network_that_fails_tells_all_and_goes_on():
    def look(images):
        if images[0].path == "0":
            raise ValueError("bad")
        return [Output(one, probability=0.5) for one in images]

    batcher = Batcher(look, batch_size=1, wait=0)
    first, second = (batcher.submit(one) for one in inputs(2))
    with pytest.raises(ValueError, match="bad"):
        first.result(60)
    assert second.result(60).probability == 0.5
    batcher.close()
