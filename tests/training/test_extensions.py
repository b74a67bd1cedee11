"""The user's own loss, metrics and transforms are imported from where the user allows."""

import sys

import pytest
import torch

from corrosion.command_check import settings_of
from corrosion.errors import CorrosionError
from corrosion.training.extensions import load_extensions
from corrosion.training.module import CorrosionModule

OWN = """
import albumentations as A
import torch.nn.functional as F

def focal(logits, targets):
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none") ** 2

def alarms(probability, label):
    return (probability > 0.5).float().mean()

alarms.higher_is_better = False

def accuracy(probability, label):
    return 0

class Grey(A.ToGray):
    def __init__(self):
        super().__init__(p=1)
"""


@pytest.fixture(autouse=True)
def _own(own_module):
    own_module("own_code", OWN)


def test_what_is_named_is_imported_from_modules_that_are_allowed():
    extensions = load_extensions(
        settings_of([
            "extensions=[own_code]", "model.loss=own_code.focal", "metrics=[own_code.alarms]",
            "augment.extra=[own_code.Grey]", "objective=val/alarms",
        ])
    )  # fmt: skip
    assert extensions.loss(torch.zeros(2), torch.ones(2)).shape == (2,)
    assert list(extensions.metrics) == ["alarms"]
    assert type(extensions.transforms[0]).__name__ == "Grey"
    assert extensions.direction("val/alarms") == "min"
    assert extensions.direction("val/auroc") == "max"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.loss=own_code.focal"], r"add extensions=\[own_code\]"),
        (
            ["extensions=[own_code]", "model.loss=own_code.none"],
            "loss=own_code.none: own_code has no none",
        ),
        (["extensions=[no_code]", "model.loss=no_code.x"], "extensions=no_code can't be imported"),
        (["extensions=[own_code]", "metrics=[own_code.accuracy]"], "a metric accuracy already"),
    ],
)
def test_what_can_not_be_imported_is_told(overrides, message):
    with pytest.raises(CorrosionError, match=message):
        load_extensions(settings_of(overrides))


def test_a_checkpoint_names_a_loss_but_never_imports_it(tmp_path):
    module = CorrosionModule(
        "test_resnet.r160_in1k",
        image_size=32,
        dense_units=8,
        loss="own_code.focal",
        loss_function=lambda logits, targets: logits * 0 + 2,
    )
    assert module._losses(torch.zeros(3), torch.ones(3)).tolist() == [2, 2, 2]
    assert module.hparams["loss"] == "own_code.focal"
    with pytest.raises(CorrosionError, match="give the function itself"):
        CorrosionModule(**module.hparams)
    assert "own_code" not in sys.modules
