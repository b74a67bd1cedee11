"""Settings as plain values: flattened, compared, and taken over by a run that goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from corrosion.errors import CorrosionError
from corrosion.settings.base import Settings
from corrosion.settings.ranges import as_written
from corrosion.settings.run import RunSettings
from corrosion.system.checksums import check_recorded
from corrosion.system.files import read_yaml

# how, where and how long a run goes on, not what it is
_MAY_CHANGE = (
    "resume",
    "explain",
    "hydra",
    "logger",
    "trainer",
    "data.cache",
    "data.cache_gib",
    "data.num_workers",
    "data.on_bad_image",
    "data.root",
)
_LISTED = 5  # differences that an error names


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by dotted key; an empty mapping is a value."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def saved_settings(saved: Path) -> RunSettings:
    """The settings of a run, from its config.yaml, also of an earlier version.

    Raises:
        CorrosionError: the file can't be read, or holds something else.
    """
    if saved.is_file():
        check_recorded(saved)
    content = read_yaml(saved, kind=dict)
    try:
        return RunSettings.read(_translated(content, RunSettings))
    except CorrosionError as error:
        raise CorrosionError(f"{saved} holds settings that can't be used: {error}") from error


def resumed_settings(
    composed: Mapping[str, Any], saved: Path, overrides: Iterable[str]
) -> RunSettings:
    """The settings with which a run goes on.

    Without overrides but such as say how and where it goes on, the run's own settings are taken;
    else the overrides must come to the same.

    Args:
        composed: plain values of the command that goes on.
        saved: config.yaml of the run.
        overrides: of the command, in Hydra's grammar.

    Raises:
        CorrosionError: they come to something else, or the file can't be read.
    """
    own = saved_settings(saved).plain()
    keys = [override.lstrip("+~").partition("=")[0] for override in overrides]
    if all(map(_may_change, keys)):
        for key in keys:
            _take(own, composed, key)
        return RunSettings.read(own)
    settings = RunSettings.read(composed)
    before, now = flat(own), flat(settings.plain())
    different = [
        f"{key} was {as_written(before.get(key))}, now {as_written(now.get(key))}"
        for key in sorted(before | now)
        if not _may_change(key) and before.get(key) != now.get(key)
    ]
    if different:
        more = len(different) - _LISTED
        raise CorrosionError(
            f"resume: the run in {saved.parent} was started with other settings: "
            f"{'; '.join(different[:_LISTED])}{f'; and {more} more' if more > 0 else ''}. Give "
            f"resume={saved.parent} alone to go on with its own, or start another run."
        )
    return settings


def _may_change(key: str) -> bool:
    return any(key == one or key.startswith(f"{one}.") for one in _MAY_CHANGE)


def _translated(saved: Mapping[str, Any], group: type[Settings]) -> dict[str, Any]:
    """What an earlier version saved, by the names of today; what went is left out."""
    values: dict[str, Any] = {}
    for key, value in saved.items():
        inner = group.inner(str(key))
        if inner is not None and isinstance(value, Mapping):
            values[key] = _translated(value, inner)
        elif key not in group.renamed:
            values[key] = value
        elif group.renamed[key] in group.model_fields:
            values[group.renamed[key]] = value
    return values


def _take(own: dict[str, Any], composed: Mapping[str, Any], key: str) -> None:
    """Take over the setting of one override."""
    if key == "trainer":  # another machine's; the length of the training stays
        own[key] = {**composed[key], "max_epochs": own[key]["max_epochs"]}
        return
    *path, last = key.split(".")
    source: Any = composed
    target: Any = own
    for name in path:
        source, target = source[name], target[name]
    if last in source:  # hydra's own are not among the settings
        target[last] = source[last]
