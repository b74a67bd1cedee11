"""What a run goes on with."""

import pytest
import yaml

from corrosion.errors import CorrosionError
from corrosion.settings.resumed import flat, resumed_values

SAVED = {
    "model": {"name": "resnet50", "lr": 0.003},
    "data": {"source": "folder", "root": "photos", "image_size": 32},
    "augment": {},
    "trainer": {"max_epochs": 60, "devices": 1},
    "seed": 3,
    "resume": None,
}
COMPOSED = {
    "model": {"name": "mobilenetv2", "lr": 0.003, "ema": 0.0},
    "data": {"source": "sample", "root": "photos", "image_size": 128},
    "augment": {"noise": {"p": 0.5}},
    "trainer": {"max_epochs": 25, "devices": 2},
    "seed": 0,
    "resume": "run",
}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(SAVED))
    return path


def test_values_are_told_by_dotted_keys():
    assert flat({"a": {"b": 1, "c": {}}, "d": [2]}) == {"a.b": 1, "a.c": {}, "d": [2]}


def test_without_settings_a_run_goes_on_with_its_own(saved):
    config = resumed_values(COMPOSED, saved, ["resume=run"])
    assert config["data"] == SAVED["data"]
    assert config["augment"] == {}
    assert config["trainer"] == SAVED["trainer"]
    assert config["seed"] == 3
    assert config["model"] == {**SAVED["model"], "ema": 0.0}  # not known when it was started


def test_how_and_where_it_goes_on_may_be_told(saved):
    overrides = ["resume=run", "trainer=ddp", "data.root=photos"]
    config = resumed_values(COMPOSED, saved, overrides)
    assert config["trainer"] == {"max_epochs": 60, "devices": 2}
    overrides = ["resume=run", "trainer.max_epochs=25"]
    assert resumed_values(COMPOSED, saved, overrides)["trainer"] == {"max_epochs": 25, "devices": 1}


def test_the_same_settings_may_be_given_again(saved):
    again = {**SAVED, "resume": "run", "trainer": COMPOSED["trainer"]}
    overrides = ["model=resnet50", "data=folder", "resume=run", "trainer.devices=2"]
    assert resumed_values(again, saved, overrides) == again


def test_other_settings_are_refused_by_name(saved):
    other = {**SAVED, "model": {"name": "mobilenetv2", "lr": 0.003}}
    with pytest.raises(CorrosionError, match=r"model\.name was resnet50, now mobilenetv2\. Give"):
        resumed_values(other, saved, ["model=mobilenetv2", "resume=run"])


def test_a_damaged_configuration_is_an_error_that_names_the_file(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("a: [")
    with pytest.raises(CorrosionError, match=r"config\.yaml can't be read"):
        resumed_values(COMPOSED, path, [])
