"""Writes docs/configuration.md from the declarations of the settings and the files of conf/."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_origin

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from corrosion.settings.base import Settings
from corrosion.settings.ranges import allowed, as_written
from corrosion.settings.run import RunSettings
from corrosion.system.configuration import config_dir

_ABSENT = object()
PAGE = Path(__file__).parent / "configuration.md"
INTRODUCTION = """\
# Configuration

Made by `make configuration` from [src/corrosion/settings](../src/corrosion/settings/run.py) and
[conf](../conf/train.yaml): change those, not this page.

A setting is given on the command line, as many as you like:

    python train.py model=resnet50 model.lr=3e-4 trainer.max_epochs=10 data.classes.ignore=[masks]

`model=resnet50` takes a file of `conf/model/`, `model.lr=3e-4` one setting; a setting goes before
all files. `python train.py --help` lists the files, `python train.py --cfg job` shows what a
command comes to. Values that are out of range are refused before anything is read, all at once.

In Python the same settings are objects:

    from corrosion.settings import ModelSettings, RunSettings

    settings = RunSettings(model=ModelSettings(backbone="resnet50", lr=3e-4), seed=1)

or made from the words of a command line, with all that `conf/` says:

    from corrosion.command_check import settings_of

    settings = settings_of(["model=resnet50", "model.lr=3e-4", "seed=1"])

"default" is what `python train.py` takes, with what Python takes where that differs; "set by" are
the files of `conf/` that set something else.
"""


def document() -> str:
    """The page: a table for each group of settings.

    Returns:
        Markdown.
    """
    configurations = _configurations()
    tables = [_table("", RunSettings, configurations)]
    for name, field in RunSettings.model_fields.items():
        if group := _group(field):
            tables += _tables(name, group, configurations)
    return "\n".join([INTRODUCTION, *filter(None, tables)])


def _configurations() -> dict[str, dict[str, Any]]:
    """Configurations by what is given for them on the command line: "" or "model=resnet50"."""
    conf = config_dir()
    files = sorted(path for path in conf.glob("*/*.yaml") if not path.stem.startswith("_"))
    found = {}
    with initialize_config_dir(str(conf)):
        for given in ["", *(f"{path.parent.name}={path.stem}" for path in files)]:
            composed = compose("train", [given] if given else [])
            found[given] = cast("dict[str, Any]", OmegaConf.to_container(composed, resolve=True))
    return found


def _tables(
    path: str, group: type[Settings], configurations: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    yield _table(path, group, configurations)
    for name, field in group.model_fields.items():
        inner = _group(field)
        if inner and not _optional(field):
            yield from _tables(f"{path}.{name}", inner, configurations)


def _table(
    path: str, group: type[Settings], configurations: Mapping[str, Mapping[str, Any]]
) -> str:
    rows = list(_rows(path, group, configurations))
    if not rows:
        return ""
    return "\n".join(
        [
            f"## {path or 'the run'}",
            "",
            " ".join(str(group.__doc__).split()),
            "",
            "| key | values | default | set by | meaning |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _rows(
    path: str, group: type[Settings], configurations: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for name, field in group.model_fields.items():
        key = f"{path}.{name}" if path else name
        inner = _group(field)
        if inner is None:
            cells = [
                f"`{key}`",
                allowed(field.annotation, field.metadata),
                _default(key, field, configurations[""]),
                _set_by(key, field, configurations),
                " ".join(str(field.description).split()),
            ]
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        elif _optional(field) and path:
            yield from _rows(key, inner, configurations)


def _default(key: str, field: FieldInfo, command: Mapping[str, Any]) -> str:
    """What the command takes, and what Python takes where that is something else."""
    python = field.get_default(call_default_factory=True)
    in_python = "must be given" if python is PydanticUndefined else _code(python)
    taken = _value(command, key)
    if taken is _ABSENT:
        return "off" if key.startswith("augment.") and field.is_required() else in_python
    if _code(taken) == in_python or field.is_required():
        return _code(taken)
    return f"{_code(taken)}; Python: {in_python}"


def _set_by(key: str, field: FieldInfo, configurations: Mapping[str, Mapping[str, Any]]) -> str:
    """The files that set another value, those of one value together."""
    usual = _value(configurations[""], key)
    if usual is _ABSENT:
        usual = field.get_default(call_default_factory=True)
    files: dict[str, list[str]] = {}
    for given, values in configurations.items():
        value = _value(values, key)
        if value is not _ABSENT and _code(value) != _code(usual):
            files.setdefault(_code(value), []).append(f"`{given}`")
    return "; ".join(f"{', '.join(names)}: {value}" for value, names in files.items())


def _value(configuration: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key."""
    value: Any = configuration
    for name in key.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return _ABSENT
        value = value[name]
    return value


def _code(value: Any) -> str:
    if isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) for one in value):
        return f"{len(value)} entries"
    if value == "???":
        return "must be given"
    if isinstance(value, float):
        value = re.sub(r"e([+-])0+", r"e\1", f"{value:.12g}")
    return f"`{as_written(value)}`"


def _group(field: FieldInfo) -> type[Settings] | None:
    if get_origin(field.annotation) is tuple:
        return None  # a list of groups is one setting
    members: Sequence[Any] = [field.annotation, *getattr(field.annotation, "__args__", ())]
    found = [one for one in members if isinstance(one, type) and issubclass(one, Settings)]
    return found[0] if found else None


def _optional(field: FieldInfo) -> bool:
    return type(None) in getattr(field.annotation, "__args__", ())


if __name__ == "__main__":
    PAGE.write_text(document())
