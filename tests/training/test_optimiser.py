import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from corrosion.models.classifier import CorrosionClassifier
from corrosion.training.optimiser import lr_factor, parameter_groups


@pytest.fixture(scope="module", params=["test_resnet.r160_in1k", "efficientnet_lite0"])
def network(request):
    return CorrosionClassifier(request.param, dense_units=8, image_size=64)


def rates(network, **options):
    """Learning rate by the parameter's name."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    groups = parameter_groups(network, lr=1.0, **options)
    pairs = [(names[one], group["lr"]) for group in groups for one in group["params"]]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_without_layer_decay_head_and_backbone_are_two_groups(network):
    network.set_trainable("all")
    groups = parameter_groups(network, lr=2.0, backbone_lr_factor=0.1, layer_decay=1.0)
    assert [group["lr"] for group in groups] == [2.0, pytest.approx(0.2)]
    learning = [*network.head.parameters(), *network.backbone.parameters()]
    assert [id(one) for group in groups for one in group["params"]] == list(map(id, learning))


def test_every_layer_learns_slower_than_the_one_behind_it(network):
    network.set_trainable("all")
    found = rates(network, backbone_lr_factor=1.0, layer_decay=0.5)
    assert len(found) == len(list(network.parameters()))
    backbone = [rate for name, rate in found.items() if name.startswith("backbone.")]
    in_order = [found[name] for name, _ in network.named_parameters() if name in found]
    assert sorted(set(backbone)) == [0.5**power for power in reversed(range(len(set(backbone))))]
    assert len(set(backbone)) > 3
    assert in_order == sorted(in_order)


def test_frozen_layers_are_left_out(network):
    network.set_trainable(1)
    found = rates(network, backbone_lr_factor=1.0, layer_decay=0.5)
    learning = {name for name, one in network.named_parameters() if one.requires_grad}
    assert set(found) == learning
    assert len(learning) < len(list(network.parameters()))
    torch.optim.AdamW(parameter_groups(network, lr=1.0, backbone_lr_factor=1.0, layer_decay=0.5))


@given(st.integers(1, 500), st.floats(0, 0.9))
def test_cosine_rises_then_falls_within_zero_and_one(steps, share):
    warmup = int(share * steps)
    factors = [
        lr_factor(step, schedule="cosine", steps=steps, warmup=warmup) for step in range(steps + 1)
    ]
    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[: warmup + 1] == sorted(factors[: warmup + 1])
    assert factors[warmup:] == sorted(factors[warmup:], reverse=True)
    assert factors[warmup] == pytest.approx(1.0)
    assert factors[-1] == pytest.approx(0.0, abs=1e-9)


def test_without_a_schedule_the_learning_rate_stays():
    assert {lr_factor(step, schedule="none", steps=10, warmup=0) for step in range(20)} == {1.0}
