"""Settings refuse bad values, all at once, and say what is allowed."""

import math
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

import pytest
import yaml
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from corrosion.command_check import settings_of
from corrosion.errors import CorrosionError
from corrosion.settings.augmentation import AugmentationSettings
from corrosion.settings.base import Settings
from corrosion.settings.data import DataSettings
from corrosion.settings.model import ModelSettings
from corrosion.settings.ranges import allowed
from corrosion.settings.run import RunSettings
from corrosion.settings.trainer import TrainerSettings

CONF = Path(__file__).parents[2] / "conf"


def fields(group, prefix=()):
    """Every setting below a group: the path of names that leads to it, and its declaration."""
    for name, field in group.model_fields.items():
        inner = group.inner(name)
        if inner is None:
            yield (*prefix, name), field
        else:
            yield from fields(inner, (*prefix, name))


# steps of an augmentation have required values: they are tried within their own class
ALL = [(path, field) for path, field in fields(RunSettings) if path[0] not in ("augment", "sweep")]


def nested(path, value):
    return {path[0]: nested(path[1:], value)} if path else value


def limits(annotation, metadata=()):
    """Numbers that just miss the bounds of a type and of the members of a union."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return limits(arguments[0], [*arguments[1:], *metadata])
    if annotation not in (int, float):
        return [number for one in arguments for number in limits(one)]
    found = []
    for one in metadata:
        match one:
            case Ge(ge=bound):
                found.append(bound - 1)
            case Gt(gt=bound):
                found.append(bound)
            case Le(le=bound):
                found.append(bound + 1)
            case Lt(lt=bound):
                found.append(bound)
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(ALL), st.data())
def test_whatever_the_bad_value_its_key_and_what_is_allowed_are_told(one, data):
    path, field = one
    bad = [{"a": object()}, [[{}]], math.nan, math.inf]
    bad += limits(field.annotation, field.metadata)
    value = data.draw(st.sampled_from(bad))
    told, held = "", None
    try:
        held = RunSettings.read(nested(path, value))
    except CorrosionError as error:
        told = str(error)
    if held is None:
        assert ".".join(path) in told
        assert len(told.splitlines()) == 1 or told.startswith("several settings can't be used:")
    else:  # a number that another member of the union takes
        assert value in limits(field.annotation, field.metadata)


def test_all_bad_values_are_told_at_once():
    with pytest.raises(CorrosionError) as caught:
        RunSettings.read({"model": {"lr": -1, "dropuot": 0.1}, "seed": True, "data": {"folds": 1}})
    lines = str(caught.value).splitlines()
    assert "model.lr=-1: give a number above 0, up to 10." in lines
    assert "model.dropuot is no setting. Did you mean model.dropout?" in lines
    assert any(line.startswith("seed=true: give a whole number") for line in lines)
    assert "data.folds=1: give a whole number from 2 to 100, source or null." in lines


def test_errors_call_settings_as_the_caller_does():
    with pytest.raises(CorrosionError, match=r"^--weight-decay=-1: give"):
        ModelSettings.read(
            {"weight_decay": -1}, name=lambda path: "--" + path[-1].replace("_", "-")
        )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"objective_mode": "max"}, "objective_mode is gone: a metric knows"),
        ({"data": {"expand": 3}}, r"data\.expand is gone: give data\.repeats\."),
        ({"data": {"root": "photos"}}, r"data\.root=photos: .*data=folder"),
        ({"data": {"source": "folder"}}, r"data\.root must be given"),
        ({"data": {"fold": 1}}, r"data\.fold means nothing without data\.folds"),
        ({"data": {"split": [0.5, 0.5]}}, r"data\.split=\[0\.5,0\.5\]: give a list of 3 shares"),
        ({"augment": {"rotation": {"p": 1}}}, r"augment\.rotation\.limit must be given"),
        ({"model": {"from_random": {"lr": -1}}}, r"model\.from_random: lr=-1"),
        ({"sweep": {"name": "s", "cost": "latency", "pruner": {"name": "median"}}}, "sweep.pruner"),
    ],
)
def test_what_does_not_go_together_is_told(values, message):
    with pytest.raises(CorrosionError, match=message):
        RunSettings.read(values)


def test_settings_are_frozen_and_copies_are_checked():
    model = ModelSettings(lr=1e-3)
    with pytest.raises(Exception, match="frozen"):
        model.lr = 1
    assert model.replace(lr=2e-3).lr == 2e-3
    with pytest.raises(CorrosionError, match="lr=0: give a number above 0"):
        model.replace(lr=0)


def test_plain_values_of_settings_are_the_settings():
    composed = settings_of(["data=folder", "data.root=[a,b]", "augment=strong", "model=resnet50"])
    text = yaml.safe_dump(composed.plain())
    assert RunSettings.read(yaml.safe_load(text)) == composed


def _is_left_open(values, key):
    """Whether a file leaves a value to others: required, or taken from another group."""
    return OmegaConf.is_missing(values, key) or OmegaConf.is_interpolation(values, key)


@pytest.mark.parametrize(
    ("file", "group"),
    [
        ("data/_base.yaml", DataSettings),
        ("model/_base.yaml", ModelSettings),
        ("trainer/default.yaml", TrainerSettings),
    ],
)
def test_what_conf_says_to_all_is_what_the_settings_say(file, group):
    values = OmegaConf.load(CONF / file)
    wanted = [key for key in values if not _is_left_open(values, key)]
    own = OmegaConf.to_container(OmegaConf.masked_copy(values, wanted))
    defaults = group().plain()
    assert {key: group.read(own).plain()[key] for key in own} == {key: defaults[key] for key in own}


@pytest.mark.parametrize("overrides", [["augment=strong"], ["augment=none"], ["model=dinov2_small"],
                                       ["experiment=best"], ["experiment=fast"],
                                       ["experiment=scratch"],
                                       ["experiment=paper"], ["trainer=ddp"],
                                       ["trainer=gpu"], ["logger=wandb"], ["logger=mlflow"],
                                       ["sweep=pruned"], ["sweep=tradeoff"]])  # fmt: skip
def test_every_choice_of_conf_comes_to_settings(overrides):
    assert isinstance(settings_of(overrides), RunSettings)


@pytest.mark.parametrize("overrides", [["experiment=paper"], ["sweep=paper"]])
def test_the_study_is_trained_on_three_versions_of_each_image_at_a_constant_rate(overrides):
    settings = settings_of(overrides)
    assert settings.data.repeats == 3
    assert (settings.model.schedule, settings.model.warmup_epochs) == ("none", 0)


@pytest.mark.parametrize(
    ("annotation", "phrase"),
    [
        (Literal["pad", "crop"], "pad or crop"),
        (Annotated[int, Ge(1)] | Literal["auto"] | None, "a whole number from 1, auto or null"),
        (Annotated[float, Gt(0), Le(1)], "a share above 0, up to 1"),
        (Annotated[float, Ge(0), Lt(1)], "a share from 0 and below 1"),
        (tuple[Annotated[float, Gt(0)], ...], "a list of numbers above 0"),
        (tuple[str, ...], "a list of names"),
        (bool, "true or false"),
    ],
)
def test_ranges_are_told_in_words(annotation, phrase):
    assert allowed(annotation) == phrase


def test_a_group_of_its_own_tells_its_errors_without_a_prefix():
    class Oven(Settings):
        degrees: Annotated[float, Gt(0)] = 180.0

    with pytest.raises(CorrosionError, match=r"^degrees=-1: give a number above 0\.$"):
        Oven(degrees=-1)
    with pytest.raises(CorrosionError, match=r"limit=7: give a share from 0 to 1\."):
        AugmentationSettings(noise={"p": 1, "limit": 7})
