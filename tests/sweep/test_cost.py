"""What a network costs."""

import pytest
import torch
from torch import nn

from corrosion.errors import CorrosionError
from corrosion.sweep.cost import check_cost, count_parameters, latency


class Sleepless(nn.Module):
    """Multiplies a large matrix as often as told; counts its calls."""

    image_size = 8

    def __init__(self, work: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(200, 200))
        self.work = work
        self.calls = 0

    def forward(self, images):
        assert images.shape == (1, 3, 8, 8)
        assert images.dtype == torch.uint8
        self.calls += 1
        for _ in range(self.work):
            self.weight @ self.weight
        return images.float().mean((1, 2, 3))


def test_more_work_takes_longer():
    assert latency(Sleepless(50), passes=5) > latency(Sleepless(0), passes=5) > 0


def test_warm_up_comes_before_the_timed_passes():
    network = Sleepless(0)
    latency(network, passes=3, warm_up=2)
    assert network.calls == 5


def test_parameters_are_counted():
    assert count_parameters(Sleepless(0)) == 200 * 200


def test_an_unknown_cost_is_refused():
    with pytest.raises(CorrosionError, match=r"sweep\.cost=price: choose parameters, latency"):
        check_cost("price")
