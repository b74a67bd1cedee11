import pytest
import torch

from corrosion.data.dataset import Batch
from corrosion.errors import CorrosionError
from corrosion.training.module import CorrosionModule


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
        ({"lr": 0.0}, "lr"),
        ({"schedule": "step"}, "schedule"),
        ({"unfreeze": 77}, "unfreeze"),
        ({"layer_decay": 0.0}, "layer_decay"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"mixup": -0.1}, "mixup"),
        ({"cutmix": float("nan")}, "cutmix"),
        ({"cutmix": "yes"}, "cutmix"),
        ({"tta": "turns"}, "tta"),
    ],
)
def test_values_out_of_range_are_errors_that_name_the_key(arguments, key):
    with pytest.raises(CorrosionError, match=key):
        module(**arguments)


def test_label_smoothing_and_mixing_leave_the_loss_of_validation_as_it_is():
    plain = module()
    tried = module(label_smoothing=0.2, mixup=1.0, cutmix=1.0)
    for one in (plain, tried):
        one.eval()
        one.validation_step(batch(), 0)
    torch.testing.assert_close(
        plain.val_predictions.predictions().loss, tried.val_predictions.predictions().loss
    )


def test_label_smoothing_asks_for_less_than_certainty():
    smooth = module(label_smoothing=0.2).eval()
    logit = smooth(batch((1.0,)).image)
    expected = -(0.9 * logit.sigmoid().log() + 0.1 * (-logit).sigmoid().log()).mean()
    torch.testing.assert_close(smooth.training_step(batch((1.0,)), 0), expected)


def test_a_mixed_image_counts_as_what_most_of_it_is():
    mixed = module(mixup=1.0).eval()
    torch.manual_seed(1)
    mixed.training_step(batch(), 0)
    predictions = mixed.train_predictions.predictions()
    assert set(predictions.label.tolist()) <= {0, 1}
    assert len(predictions.index) == 3


def test_validation_averages_over_the_views_of_test_time_augmentation():
    averaged = module(tta="hflip").eval()
    averaged.validation_step(batch(), 0)
    images = batch().image
    expected = (averaged(images) + averaged(images.flip(-1))) / 2
    torch.testing.assert_close(averaged.val_predictions.predictions().logit, expected.detach())
