"""A training's command checked: in a moment, before heavy imports and before a folder is made."""

from __future__ import annotations

import difflib
import logging
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from corrosion.arguments import overrides_of, values_of
from corrosion.errors import CorrosionError
from corrosion.evaluation.metric_table import direction
from corrosion.runs import RunDirectory
from corrosion.settings.base import Settings, dotted, unknown_setting
from corrosion.settings.data import CurationSettings, SourceSettings, SplitSettings
from corrosion.settings.resumed import resumed_settings
from corrosion.settings.run import RunSettings
from corrosion.system.configuration import config_dir

log = logging.getLogger(__name__)

CONFIG = "train"
"""Name of the configuration in `conf/`."""


def check(arguments: Sequence[str]) -> None:
    """Refuse what can't be trained, in a moment and before anything is written.

    Args:
        arguments: of the command.

    Raises:
        CorrosionError: an override that can't be read, an unknown key or option, values that can't
            be used, files that are not there, or a device that the machine lacks.
    """
    overrides = overrides_of(arguments)
    several = any(one in ("-m", "--multirun") for one in arguments)
    search = [
        f"hydra.searchpath=[file://{Path(folder).resolve()}]"
        for folder in values_of(arguments, "--config-dir", "-cd")
    ]
    planned = []
    for chosen in _combinations(overrides, several=several):
        config = _composed([*chosen, *search])
        settings = read_settings(config, chosen)
        if settings.sweep and not several:
            raise CorrosionError(
                "a sweep is many runs: give -m too, as python train.py -m sweep=paper."
            )
        if not settings.metrics:
            direction(settings.objective)  # refuses what is no metric
        _check_files(settings)
        _check_device(settings)
        planned.append(settings)
    _check_writable(overrides)
    _warn_of_different_tests(planned)


def read_settings(
    config: DictConfig, overrides: Sequence[str], *, run_dir: Path | None = None
) -> RunSettings:
    """The settings that a composed configuration stands for.

    Args:
        config: as Hydra composes it.
        overrides: that it was composed with.
        run_dir: of a run that goes on, whose own settings are taken; None for a new one.

    Raises:
        CorrosionError: something is missing, unknown or out of its range.
    """
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    missing = sorted(OmegaConf.missing_keys(own))
    values: Any = OmegaConf.to_container(own, resolve=not missing)
    saved = None if run_dir is None else RunDirectory(run_dir).config_file
    if saved is not None and saved.is_file():
        return resumed_settings(values, saved, overrides)
    if missing:
        given = " ".join(f"{key}=..." for key in missing)
        raise CorrosionError(f"{', '.join(missing)} must be given: python train.py ... {given}")
    if values["model"]["from_random"]:  # what the command line says goes for any weights
        values["model"]["from_random"] = {
            key: value
            for key, value in values["model"]["from_random"].items()
            if not any(override.startswith(f"model.{key}=") for override in overrides)
        }
    return RunSettings.read(values)


def settings_of(overrides: Sequence[str]) -> RunSettings:
    """The settings that `python train.py OVERRIDES...` would train with, for notebooks and scripts.

    Args:
        overrides: in Hydra's grammar, as on the command line.

    Raises:
        CorrosionError: as `read_settings`, or an unknown key or option.

    Example:
        >>> settings = settings_of(["model=resnet50", "trainer.max_epochs=3"])
        >>> settings.model.lr, settings.trainer.max_epochs
        (1e-05, 3)
    """
    return read_settings(_composed(overrides), overrides)


def user_names() -> dict[str, str]:
    """The keys of settings by the names that library functions call them."""
    # experiment=probe is a file of conf/experiment, whatever setting has that name within a group
    groups = {folder.name: folder.name for folder in config_dir().iterdir() if folder.is_dir()}
    return dict(reversed(list(_keys(RunSettings, "")))) | groups


def _keys(group: type[Settings], prefix: str) -> Iterator[tuple[str, str]]:
    for name in group.model_fields:
        yield name, f"{prefix}{name}"
        if (inner := group.inner(name)) is not None:
            yield from _keys(inner, f"{prefix}{name}.")


def _combinations(overrides: Sequence[Override], *, several: bool) -> Iterator[list[str]]:
    """Overrides of single runs: of a multirun the first of all values, then each other one once."""
    choices = [_choices(override) for override in overrides]
    if not several:
        swept = [one.input_line for one in overrides if one.is_sweep_override()]
        if swept:
            raise CorrosionError(
                f"{swept[0]} has several values: -m trains one after the other; a value with a "
                f"comma is quoted."
            )
    first = [values[0] for values in choices if values]
    yield first
    for position, values in enumerate(choices):
        for value in values[1:]:
            yield [*(one[0] for one in choices[:position] if one), value] + [
                one[0] for one in choices[position + 1 :] if one
            ]


def _choices(override: Override) -> list[str]:
    """The overrides that an override of a sweep stands for; none for a continuous range."""
    line = str(override.input_line)
    if not override.is_sweep_override():
        return [line]
    if override.is_discrete_sweep():
        key = line.partition("=")[0]
        return [f"{key}={value}" for value in override.sweep_string_iterator()]
    return []


def _composed(overrides: Sequence[str]) -> DictConfig:
    """Compose as the run will."""
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(config_dir()), job_name=CONFIG):
            return compose(CONFIG, overrides=list(overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise CorrosionError(_brief(error)) from error


def _brief(error: Exception) -> str:
    """What Hydra says, in a sentence that tells the way out."""
    text = str(error)
    if match := re.search(r"Could not find '([\w/.-]+)/([^'/]+)'", text):
        group, option = match.groups()
        options = sorted(path.stem for path in (config_dir() / group).glob("[!_]*.yaml"))
        near = difflib.get_close_matches(option, options, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        return f"{group}={option}: choose {', '.join(options)}.{meant}"
    if match := re.search(r"Could not override '([\w.]+)'", text):
        return _unknown_key(match[1])
    return text.split("\n", 1)[0]


def _unknown_key(key: str) -> str:
    """What to say of a key that no setting has: perhaps an old name, or one that looks alike."""
    group: type[Settings] = RunSettings
    path = key.split(".")
    for parent in path[:-1]:
        inner = group.inner(parent)
        if inner is None:
            break
        group = inner
    else:
        return unknown_setting(group, path, dotted)
    return f"{key} is no setting: python train.py --cfg job shows all."


def _warn_of_different_tests(planned: Sequence[RunSettings]) -> None:
    """Say before hours of training that its runs can't be compared afterwards."""
    groups = (SourceSettings, CurationSettings, SplitSettings)
    keys = [key for group in groups for key in group.model_fields if key != "fold"]
    differing = [
        f"data.{key}" for key in keys if len({repr(getattr(one.data, key)) for one in planned}) > 1
    ]
    if differing:
        log.warning(
            "%s: these runs will be tested on different images, and corrosion compare can't "
            "set them side by side. Train with one value, or give all of them "
            "data.split_file=RUN/split.csv of one run.",
            ", ".join(differing),
        )


def _check_files(settings: RunSettings) -> None:
    for root in settings.data.roots:
        if settings.data.source == "folder" and not root.is_dir():
            raise CorrosionError(f"root={root}: there is no such folder.")
    split = settings.data.split_file
    if split is not None and not split.expanduser().is_file():
        raise CorrosionError(f"split_file={split}: there is no such file.")
    weights = settings.model.weights
    if weights not in (None, "auto", "imagenet") and not Path(weights).expanduser().is_file():
        raise CorrosionError(
            f"weights={weights}: there is no such file; give auto, imagenet, null or a path."
        )
    resume = settings.resume
    if resume not in (None, "auto") and not Path(resume).expanduser().exists():
        raise CorrosionError(f"resume={resume}: there is no such run or checkpoint.")


def _check_writable(overrides: Sequence[Override]) -> None:
    """Refuse a folder for results in which nothing can be made; its name may hold a pattern."""
    given = {str(one.key_or_group): str(one.value()) for one in overrides if one.value()}
    key = "hydra.run.dir"
    wanted = Path(given.get(key, ".")).expanduser().absolute()
    there = next(folder for folder in (wanted, *wanted.parents) if folder.exists())
    try:
        tempfile.TemporaryDirectory(dir=there).cleanup()
    except OSError as error:
        raise CorrosionError(
            f"{key}={wanted}: nothing can be written to {there} ({error.strerror}). Give another "
            f"{key}."
        ) from error


def _check_device(settings: RunSettings) -> None:
    wanted = settings.trainer.accelerator
    if wanted in ("auto", "cpu", "tpu"):
        return
    import torch

    there = torch.backends.mps.is_available() if wanted == "mps" else torch.cuda.is_available()
    if not there:
        raise CorrosionError(
            f"accelerator={wanted}: PyTorch finds no such device on this machine; trainer=default "
            f"takes what there is."
        )
