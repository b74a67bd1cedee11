import re
from pathlib import Path

import pandas as pd
import pytest

from corrosion.settings.data import DataSettings
from corrosion.settings.model import ModelSettings
from corrosion.settings.run import ExampleSettings, RunSettings
from corrosion.settings.trainer import TrainerSettings
from corrosion.training.run import train

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
OWN, IN_PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def _mine(own_module):
    """The page's module."""
    own_module("mine", OWN)


@pytest.mark.usefixtures("_mine")
def test_the_command_of_the_page_trains_with_ones_own_loss_metric_and_transform(tmp_path):
    command = re.search(r"python train.py (.*?)\n\n", PAGE, re.DOTALL)[1].replace("\\\n", " ")
    given = dict(one.split("=", 1) for one in command.split())
    names = {key: tuple(value.strip("[]").split(",")) for key, value in given.items()}
    settings = RunSettings(
        model=ModelSettings(
            backbone="test_resnet.r160_in1k", weights=None, loss=given["model.loss"]
        ),
        data=DataSettings(count=24, size=32, image_size=32, cache=False),
        augment={"extra": names["augment.extra"]},
        trainer=TrainerSettings(max_epochs=1, accelerator="cpu", progress_bar=False),
        explain=ExampleSettings(images=0),
        extensions=names["extensions"],
        metrics=names["metrics"],
        objective=given["objective"],
    )
    train(settings, tmp_path / "run")
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert 0 <= history["val/confident_errors"][0] <= 1


@pytest.mark.usefixtures("_mine")
def test_the_objects_of_the_page_can_be_made():
    names = {"records": pd.DataFrame({"path": ["a.jpg"], "label": 1, "split": "train"})}
    exec(OWN, names)
    exec(IN_PYTHON, names)
    assert names["data"].samples_per_epoch == 1
