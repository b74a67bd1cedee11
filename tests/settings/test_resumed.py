"""What a run goes on with."""

import pytest
import yaml

from corrosion.errors import CorrosionError
from corrosion.settings.resumed import flat, resumed_settings

SAVED = {
    "model": {"backbone": "resnet50", "lr": 0.003},
    "data": {"source": "folder", "root": "photos", "image_size": 32},
    "augment": {},
    "trainer": {"max_epochs": 60, "devices": 1},
    "seed": 3,
    "resume": None,
}
COMPOSED = {
    "model": {"backbone": "mobilenetv2", "lr": 0.003, "ema": 0.0},
    "data": {"source": "sample", "image_size": 128},
    "augment": {"noise": {"p": 0.5, "limit": 0.1}},
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
    settings = resumed_settings(COMPOSED, saved, ["resume=run"])
    assert (settings.data.source, str(settings.data.root)) == ("folder", "photos")
    assert settings.augment.noise is None
    assert (settings.trainer.max_epochs, settings.trainer.devices) == (60, 1)
    assert settings.seed == 3
    assert settings.model.backbone == "resnet50"
    assert settings.model.ema == 0  # not known when it was started


def test_how_and_where_it_goes_on_may_be_told(saved):
    composed = {**COMPOSED, "data": {"source": "sample", "root": "moved"}}
    overrides = ["resume=run", "trainer=ddp", "data.root=moved"]
    settings = resumed_settings(composed, saved, overrides)
    assert (settings.trainer.max_epochs, settings.trainer.devices) == (60, 2)
    assert str(settings.data.root) == "moved"
    settings = resumed_settings(COMPOSED, saved, ["resume=run", "trainer.max_epochs=25"])
    assert (settings.trainer.max_epochs, settings.trainer.devices) == (25, 1)


def test_the_same_settings_may_be_given_again(saved):
    again = {**SAVED, "resume": "run", "trainer": COMPOSED["trainer"]}
    overrides = ["model=resnet50", "data=folder", "resume=run", "trainer.devices=2"]
    settings = resumed_settings(again, saved, overrides)
    assert settings.trainer.devices == 2
    assert settings.resume == "run"


def test_other_settings_are_refused_by_name(saved):
    other = {**SAVED, "model": {"backbone": "mobilenetv2", "lr": 0.003}}
    message = r"model\.backbone was resnet50, now mobilenetv2\. Give"
    with pytest.raises(CorrosionError, match=message):
        resumed_settings(other, saved, ["model=mobilenetv2", "resume=run"])


def test_what_an_earlier_version_saved_is_read_by_the_names_of_today(tmp_path):
    path = tmp_path / "config.yaml"
    data = {**SAVED["data"], "expand": 3}
    path.write_text(yaml.safe_dump({**SAVED, "data": data, "objective_mode": "min"}))
    assert resumed_settings(COMPOSED, path, ["resume=run"]).data.repeats == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "can't be read"),
        ("[]", "holds a list where a mapping belongs"),
        ("seed: many", "seed=many"),
    ],
)
def test_a_damaged_configuration_is_an_error_that_names_the_file(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(CorrosionError, match=rf"config\.yaml .*{message}"):
        resumed_settings(COMPOSED, path, [])
