"""No bad setting ends in a traceback, is taken silently, or is found only after long work."""

import copy
import inspect
import math
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

import lightning as L
import pytest
from annotated_types import Ge, Gt, Le, Lt
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

import corrosion.settings
from corrosion.command_check import check, read_settings
from corrosion.errors import CorrosionError
from corrosion.settings import RunSettings, Settings, TrainerSettings
from corrosion.settings.augmentation import AugmentationSettings
from corrosion.settings.base import dotted
from corrosion.settings.labels import LabelSettings
from corrosion.settings.mask_training import MaskTrainingSettings
from corrosion.settings.planning import PlanSettings
from corrosion.system.configuration import config_dir

ROOT = Path(__file__).parents[2]


def keys(group, prefix=()):
    """Every setting below a group: the names that lead to it, and its declaration."""
    for name, field in group.model_fields.items():
        inner = group.inner(name)
        if inner is None:
            yield (*prefix, name), field
        else:
            yield from keys(inner, (*prefix, name))


def kinds(annotation, metadata=()):
    """The members of a type, each with what limits it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kinds(arguments[0], [*arguments[1:], *metadata])
    if arguments and origin not in (Literal, tuple, dict):
        return [one for argument in arguments for one in kinds(argument, metadata)]
    return [(annotation, list(metadata))]


def limits(metadata):
    """The lowest and the highest number that limits allow, infinite where there is none."""
    low, high = -math.inf, math.inf
    for one in metadata:
        match one:
            case Ge(ge=bound) | Gt(gt=bound):
                low = bound
            case Le(le=bound) | Lt(lt=bound):
                high = bound
    return low, high


def bad_values(field):
    """Values that a setting must refuse, made from its own type and range."""
    members = kinds(field.annotation, field.metadata)
    types = [kind for kind, _ in members]
    numbers = [limits(metadata) for kind, metadata in members if kind in (int, float)]
    bad = [[[]], [{}], math.nan, math.inf, -math.inf, 10**30, -(10**30)]
    if numbers:
        bad += [min(low for low, _ in numbers) - 1, max(high for _, high in numbers) + 1]
    if float not in types:
        bad.append(0.123)
    if int not in types and float not in types:
        bad.append(12345)
    texts = {word for kind in types if get_origin(kind) is Literal for word in get_args(kind)}
    bad += [""] if str in types or Path in types else [f"no {word}" for word in {*texts, "value"}]
    if type(None) not in types:
        bad.append(None)
    if bool not in types:
        bad += [True, False]
    if not any(get_origin(kind) is dict for kind in types):
        bad += [{}, {"a": 1}]
    return bad


COMPOSED = {name: pair for name, pair in ((dotted(p), (p, f)) for p, f in keys(RunSettings))
            if not name.startswith(("augment.", "sweep."))}  # fmt: skip


@pytest.fixture(scope="module")
def composed():
    with initialize_config_dir(str(config_dir())):
        return compose("train", ["augment=strong"])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_bad_value_of_any_key_is_one_line_that_names_key_value_and_what_is_allowed(
    composed, data
):
    key = data.draw(st.sampled_from(sorted(COMPOSED)))
    value = data.draw(st.sampled_from(bad_values(COMPOSED[key][1])))
    config = copy.deepcopy(composed)
    OmegaConf.update(config, key, value, force_add=True, merge=False)
    with pytest.raises(CorrosionError) as caught:
        read_settings(config, [])
    told = str(caught.value)
    assert len(told.splitlines()) == 1
    assert told.startswith(f"{key}=")
    assert "give" in told


STEPS = [
    (step, name, field)
    for step in AugmentationSettings.model_fields
    if (group := AugmentationSettings.inner(step)) is not None
    for name, field in group.model_fields.items()
]


@pytest.mark.parametrize(("step", "name", "field"), STEPS)
def test_a_bad_value_of_a_transformation_is_refused(step, name, field):
    fine = {
        other: limits(one.metadata)[1]
        for other, one in AugmentationSettings.inner(step).model_fields.items()
    }
    AugmentationSettings.read({step: fine})
    for value in bad_values(field):
        with pytest.raises(CorrosionError, match=rf"^{step}\.{name}=.*: give "):
            AugmentationSettings.read({step: {**fine, name: value}})


GROUPS = [
    *(one for one in vars(corrosion.settings).values()
      if isinstance(one, type) and issubclass(one, Settings)),
    LabelSettings, MaskTrainingSettings, PlanSettings,
]  # fmt: skip


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_number_has_a_limit_at_both_ends(group):
    open_ended = [
        name
        for name, field in group.model_fields.items()
        for kind, metadata in kinds(field.annotation, field.metadata)
        for inner, own in (
            kinds(get_args(kind)[0]) if get_origin(kind) is tuple else [(kind, metadata)]
        )
        if inner in (int, float) and not all(map(math.isfinite, limits(own)))
        and name not in ("regions", "threshold", "params")  # have checks of their own
    ]  # fmt: skip
    assert open_ended == []


def test_every_option_of_lightning_is_declared_or_refused_with_a_reason():
    known = {*TrainerSettings.model_fields, *TrainerSettings.refused, *TrainerSettings.renamed}
    assert set(inspect.signature(L.Trainer).parameters) <= known


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trainer.limit_val_batches=0"], "trainer.limit_val_batches=0: give a whole number"),
        (["trainer.max_epochs=0"], "trainer.max_epochs=0: give a whole number from 1"),
        (["model.warmup_epochs=30"], "model.warmup_epochs=30 is longer than the training"),
        (["+trainer.min_epochs=30"], "trainer.min_epochs=30 is more than there are epochs"),
        (["+trainer.check_val_every_n_epoch=30"], "is more than there are epochs"),
        (["+trainer.fast_dev_run=true"], "trainer.fast_dev_run can't be given: "),
        (["+trainer.nonsense=1"], "trainer.nonsense is no setting"),
        (["trainer.accumulate_grad_batches=2"], r"give it with a plus, \+trainer\.accumulate"),
        (["trainer.accelerator=cpu", "trainer.precision=16-mixed"], "precision=16-mixed: "),
        (["trainer.accelerator=cpu", "trainer.devices=1000"], "devices=1000: this machine has "),
        (["trainer.accelerator=cpu", "trainer.devices=[0,1]"], r"devices=\[0,1\]: PyTorch finds"),
        (["trainer.devices=[]"], r"trainer.devices=\[\]: give each device once"),
        (["trainer.accelerator=tpu"], "accelerator=tpu: "),
        (["model.epochs=x"], "model.epochs=x: give a whole number from 1"),
        (["model=null"], "model=null: choose "),
        (["model.lr=${model.nope}"], "model.lr: Interpolation key 'model.nope' not found"),
        (["~model"], "Interpolation key 'model.epochs' not found"),
        (["hydra.run.dir=''"], "hydra.run.dir='': give the folder"),
        (["hydra.run.dir=${nope}"], "hydra.run.dir: Interpolation key 'nope' not found"),
        (["=3"], "=3 is no KEY=VALUE"),
        (["--config-dir", "/no/such"], "--config-dir=/no/such: there is no such folder"),
        (["--config-name", "x"], "--config-name is no option"),
        (["data=paper", "data.root=.", "data.sources=[]"], "data.sources must be given"),
        (["data=folder", "data.root=[]"], "data.root must be given"),
        (["-m", "seed=interval(0,1)"], "is searched by a sweep: add sweep=paper"),
        (["-m", "seed=range(3,3)"], "has no values"),
        (["-m", "seed=range(0,1000000000)"], "this makes 1,000,000,000 trainings"),
        (["-m", "sweep=paper", "model.lr=interval(-1,1)"], r"model.lr=-1\.0: give a number above"),
        (["-m", "sweep=paper", "model.lr=interval(1,0)"], "the lower first"),
        (["-m", "sweep=paper", "hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials=0: give a"),
        (["-m", "sweep=paper", "hydra.sweeper.storage=x"], "hydra.sweeper.storage=x: give a"),
        (["-m", "sweep=paper", "sweep.name=a/b"], "sweep.name=a/b: give the name of a folder"),
        (["-m", "sweep=pruned", "sweep.pruner.name=x"], "sweep.pruner=.*: give a mapping"),
        (["hydra.sweeper.n_trials=3"], "python train.py -m sweep=paper hydra.sweeper.n_trials"),
        (["extensions=[no_such_module]"], "extensions=no_such_module can't be imported"),
        (["model.backbone=no_such_backbone"], "backbone='no_such_backbone' is unknown"),
    ],
)
def test_what_would_fail_later_is_told_in_one_line_before_any_work(
    arguments, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorrosionError, match=message) as caught:
        check(arguments)
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_refused_training_ends_with_one_line_and_writes_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "train.py", "trainer.limit_test_batches=0", "data.count=60"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("train: trainer.limit_test_batches=0: give a whole number from 1")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
