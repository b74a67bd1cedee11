"""What a network costs to use."""

import lightning as L
import pytest
import torch
from samples import write_checkpoint
from torch import nn

from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.cost import (
    Latency,
    count_flops,
    count_parameters,
    measure_costs,
    measure_latencies,
    sweep_cost,
)
from corrosion.training.module import CorrosionModule

BACKBONE = "test_resnet.r160_in1k"


class Sleepless(nn.Module):
    """Multiplies a large matrix as often as told; counts its calls."""

    image_size = 8

    def __init__(self, work: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(200, 200))
        self.work = work
        self.calls = 0

    def predict_logits(self, images):
        assert images.shape == (1, 3, 8, 8)
        assert images.dtype == torch.uint8
        self.calls += 1
        for _ in range(self.work):
            self.weight @ self.weight
        return images.float().mean((1, 2, 3))


def test_more_work_takes_longer():
    networks = {"slow": Sleepless(50), "fast": Sleepless(0)}
    times = measure_latencies(networks, passes=5)
    assert times["slow"].median > times["fast"].median > 0
    for latency in times.values():
        assert latency.low <= latency.median <= latency.high


def test_warm_up_comes_before_the_timed_passes():
    network = Sleepless(0)
    measure_latencies({"": network}, passes=3, warm_up=2)
    assert network.calls == 5


def test_parameters_are_counted():
    assert count_parameters(Sleepless(0)) == 200 * 200


def test_operations_are_two_a_multiply_add():
    network = CorrosionClassifier(BACKBONE, dense_units=8, image_size=32).eval()
    counted = 0

    def count(module, _, output):
        nonlocal counted
        if isinstance(module, torch.nn.Conv2d):
            counted += 2 * module.weight[0].numel() * output.numel()
        if isinstance(module, torch.nn.Linear):
            counted += 2 * module.in_features * output.numel()

    for module in network.modules():
        module.register_forward_hook(count)
    assert count_flops(network) == counted > 0


def test_costs_of_a_checkpoint_are_measured(tmp_path):
    module = CorrosionModule(backbone=BACKBONE, dense_units=8, image_size=32)
    trainer = L.Trainer(logger=False, accelerator="cpu", default_root_dir=tmp_path)
    trainer.strategy.connect(module)
    path = tmp_path / "best.ckpt"
    trainer.save_checkpoint(path)
    assert sweep_cost(path, "parameters") == count_parameters(module.network)
    assert sweep_cost(path, "latency") > 0
    cost = measure_costs({"tiny": path}, passes=2)["tiny"]
    assert cost.parameters == count_parameters(module.network)
    assert cost.checkpoint_bytes == path.stat().st_size
    assert cost.latency.median > 0
    assert cost.image_size == 32


@pytest.mark.parametrize(
    ("load", "latency", "told"),
    [
        (0.1, Latency(10, 9, 11), False),
        (0.1, Latency(10, 9, 20), True),
        (50.0, Latency(10, 9, 11), True),
    ],
)
def test_latencies_of_a_busy_machine_are_told_as_such(
    tmp_path, monkeypatch, caplog, load, latency, told
):
    write_checkpoint(tmp_path / "best.ckpt")
    monkeypatch.setattr("os.getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(
        "corrosion.models.cost.measure_latencies", lambda networks, passes: {"tiny": latency}
    )
    measure_costs({"tiny": tmp_path / "best.ckpt"})
    assert ("The machine is busy" in caplog.text) == told
