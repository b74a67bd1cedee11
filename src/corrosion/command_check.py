"""A training's command checked: in a moment, before heavy imports and before a folder is made."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from corrosion.arguments import overrides_of, values_of
from corrosion.errors import CorrosionError
from corrosion.evaluation.metric_table import direction
from corrosion.machine_check import check_machine, check_ray, check_writable
from corrosion.runs import RunDirectory
from corrosion.settings.base import Settings, dotted, unknown_setting
from corrosion.settings.data import CurationSettings, SourceSettings, SplitSettings
from corrosion.settings.resumed import resumed_settings
from corrosion.settings.run import RunSettings
from corrosion.sweep.checking import combinations, read_sweeper, refuse_intervals, search_limits
from corrosion.system.configuration import config_dir

log = logging.getLogger(__name__)

CONFIG = "train"
"""Name of the configuration in `conf/`."""

_COPY = re.compile(r"\$\{[\w.]+\}")


def check(arguments: Sequence[str]) -> None:
    """Refuse what can't be trained, in a moment and before anything is written.

    Args:
        arguments: of the command.

    Raises:
        CorrosionError: an override that can't be read, an unknown key or option, values that can't
            be used, files that are not there, or a device that the machine lacks.
    """
    overrides = overrides_of(arguments)
    _refuse_group_values(overrides)
    several = any(one in ("-m", "--multirun") for one in arguments)
    search = [f"hydra.searchpath=[{','.join(_search_path(arguments))}]"]
    planned: list[RunSettings] = []
    for chosen in combinations(overrides, several=several):
        config = _composed([*chosen, *search])
        settings = read_settings(config, chosen)
        _check_settings(settings)
        if not planned:
            _check_folder(config, several=several)
            if several:
                check_ray(OmegaConf.select(config, "hydra.launcher.ray") or {})
            for limits in _searched(settings, config, overrides, several=several):
                outermost = [*chosen, *limits]
                _check_settings(read_settings(_composed([*outermost, *search]), outermost))
        planned.append(settings)
    _warn_of_different_tests(planned)


def _search_path(arguments: Sequence[str]) -> Iterator[str]:
    for folder in values_of(arguments, "--config-dir", "-cd"):
        if not Path(folder).is_dir():
            raise CorrosionError(f"--config-dir={folder}: there is no such folder.")
        yield f"file://{Path(folder).resolve()}"


def _check_settings(settings: RunSettings) -> None:
    if not settings.metrics:
        direction(settings.objective)  # refuses what is no metric
    check_machine(settings)


def _check_folder(config: DictConfig, *, several: bool) -> None:
    key = "hydra.sweep.dir" if several else "hydra.run.dir"
    try:
        folder = str(OmegaConf.select(config, key))
    except OmegaConfBaseException as error:
        raise CorrosionError(_brief(error)) from error
    check_writable(folder, key=key)


def _searched(
    settings: RunSettings, config: DictConfig, overrides: Sequence[Override], *, several: bool
) -> Iterator[list[str]]:
    """The outermost values of a sweep's search, as overrides; refuses what can't be searched."""
    if settings.sweep is None:
        refuse_intervals(overrides)
        return
    if not several:
        raise CorrosionError(
            "a sweep is many runs: give -m too, as python train.py -m sweep=paper."
        )
    values: Any = OmegaConf.to_container(config.hydra.sweeper, resolve=True)
    yield from search_limits(read_sweeper(values).params or {}, overrides)


def _refuse_group_values(overrides: Sequence[Override]) -> None:
    """Refuse what can't be the name of a file: data=null."""
    groups = {one.name for one in config_dir().iterdir() if one.is_dir()}
    for one in overrides:
        group = str(one.key_or_group)
        if group not in groups or one.is_delete() or one.is_sweep_override():
            continue
        if not isinstance(one.value(), (str, QuotedString, list)):
            raise CorrosionError(f"{one.input_line}: choose {', '.join(_options(group))}.")


def _options(group: str) -> list[str]:
    return sorted(path.stem for path in (config_dir() / group).glob("[!_]*.yaml"))


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
    try:
        missing = sorted(OmegaConf.missing_keys(own))
        values: Any = OmegaConf.to_container(own, resolve=not missing)
    except OmegaConfBaseException as error:
        raise CorrosionError(_brief(error)) from error
    saved = None if run_dir is None else RunDirectory(run_dir).config_file
    if saved is not None and saved.is_file():
        return resumed_settings(values, saved, overrides)
    if missing:
        given = " ".join(f"{key}=..." for key in missing)
        raise CorrosionError(f"{', '.join(missing)} must be given: python train.py ... {given}")
    replaced = values.get("model", {}).get("from_random")
    if isinstance(replaced, dict):  # what the command line says goes for any weights
        values["model"]["from_random"] = {
            key: value
            for key, value in replaced.items()
            if not any(override.startswith(f"model.{key}=") for override in overrides)
        }
    try:
        return RunSettings.read(values)
    except CorrosionError:
        RunSettings.read(_without_copies(own, values))  # told once, where it was given
        raise


def _without_copies(config: DictConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values without those that are another setting's, as trainer.max_epochs is model.epochs."""
    raw: Any = OmegaConf.to_container(config, resolve=False)
    return {
        group: {
            key: value for key, value in of.items() if not _COPY.fullmatch(str(raw[group][key]))
        }
        if isinstance(of, dict)
        else of
        for group, of in values.items()
    }


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


def _composed(overrides: Sequence[str]) -> DictConfig:
    """Compose as the run will."""
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(config_dir()), job_name=CONFIG):
            return compose(CONFIG, overrides=list(overrides), return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise CorrosionError(_brief(error)) from error


def _brief(error: Exception) -> str:
    """What Hydra says, in a sentence that tells the way out."""
    text = str(error)
    if match := re.search(r"Could not find '([\w/.-]+)/([^'/]+)'", text):
        group, option = match.groups()
        options = _options(group)
        near = difflib.get_close_matches(option, options, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        choices = f"choose {', '.join(options)}" if options else "there is no such file"
        return f"{group}={option}: {choices}.{meant}"
    if match := re.search(r"Could not override '([\w.]+)'", text):
        return _unknown_key(match[1])
    if match := re.search(r"Error merging override (.+)", text):
        return f"{match[1]}: the value is of a kind that this key does not take."
    key = re.search(r"full_key: ([\w.]+)", text)
    return f"{key[1] + ': ' if key else ''}{text.splitlines()[0]}"


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
        if path[-1] in group.model_fields:
            return f"{key} is set by no file of conf/ here: give it with a plus, +{key}=..."
        return unknown_setting(group, path, dotted)
    if key.startswith("hydra.sweeper."):
        return f"{key} is of a sweep: python train.py -m sweep=paper {key}=..."
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
