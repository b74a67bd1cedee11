"""What a network costs to use."""

import torch

from corrosion.cost import count_flops, count_parameters, measure_costs
from corrosion.models.classifier import CorrosionClassifier
from corrosion.module import CorrosionModule

BACKBONE = "test_resnet.r160_in1k"


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
    import lightning as L

    module = CorrosionModule(backbone=BACKBONE, dense_units=8, image_size=32)
    trainer = L.Trainer(logger=False, accelerator="cpu", default_root_dir=tmp_path)
    trainer.strategy.connect(module)
    path = tmp_path / "best.ckpt"
    trainer.save_checkpoint(path)
    cost = measure_costs({"tiny": path}, passes=2)["tiny"]
    assert cost.parameters == count_parameters(module.network)
    assert cost.checkpoint_bytes == path.stat().st_size
    assert cost.latency_ms > 0
    assert cost.image_size == 32
