import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from corrosion.data.dataset import Batch
from corrosion.errors import CorrosionError
from corrosion.module import CorrosionModule, lr_factor


def module(**kwargs):
    torch.manual_seed(0)
    return CorrosionModule("test_resnet.r160_in1k", dense_units=8, image_size=64, **kwargs)


def batch(labels=(1.0, 0.0, 0.0)):
    generator = torch.Generator().manual_seed(0)
    count = len(labels)
    images = torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8, generator=generator)
    return Batch(images, torch.tensor(labels), torch.arange(count))


def test_hyperparameters_are_plain_values():
    plain = (str, int, float, bool, type(None))
    assert all(isinstance(value, plain) for value in dict(module().hparams).values())


def test_loss_is_the_mean_binary_cross_entropy():
    mod = module().eval()
    logits = mod(batch().image)
    probability = logits.sigmoid()
    expected = -(probability[0].log() + (1 - probability[1]).log() + (1 - probability[2]).log()) / 3
    torch.testing.assert_close(mod.training_step(batch(), 0), expected)


def test_pos_weight_weighs_corroded_images():
    plain, weighted = module().eval(), module(pos_weight=3.0).eval()
    corroded, sound = batch((1.0,)), batch((0.0,))
    torch.testing.assert_close(
        weighted.training_step(corroded, 0), 3 * plain.training_step(corroded, 0)
    )
    torch.testing.assert_close(weighted.training_step(sound, 0), plain.training_step(sound, 0))


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"lr": 0.0}, "model.lr"),
        ({"schedule": "step"}, "model.schedule"),
        ({"unfreeze": 77}, "unfreeze"),
    ],
)
def test_values_out_of_range_are_errors_that_name_the_key(arguments, key):
    with pytest.raises(CorrosionError, match=key):
        module(**arguments)


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
