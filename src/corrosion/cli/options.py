"""Options of a command from its settings: name, type, default, choices and help, declared once."""

from __future__ import annotations

import argparse
import math
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from corrosion.settings.base import Settings
from corrosion.settings.ranges import as_written

S = TypeVar("S", bound=Settings)

_SHORT = 40  # characters of choices that stand before an option's help


def add_options(
    parser: argparse.ArgumentParser,
    settings: type[Settings],
    *,
    metavar: Mapping[str, str | tuple[str, ...]] | None = None,
    repeated: Collection[str] = (),
) -> None:
    """Add an option for each setting; what is not given stays None, and so at its default.

    Args:
        parser: parser of the command.
        settings: class of settings whose docstrings become the help.
        metavar: what stands for the values in the help, by the name of the setting.
        repeated: lists whose option takes one value, and is repeated for more.
    """
    for name, field in settings.model_fields.items():
        kinds = list(_kinds(field.annotation))
        option: dict[str, Any] = {"dest": name, "help": _help(field, kinds), "default": None}
        sequence = next((kind for kind in kinds if get_origin(kind) is tuple), None)
        if kinds == [bool]:  # a switch
            option["action"] = "store_true"
        elif sequence is not None and get_args(sequence)[-1] is ...:
            option |= (
                {"action": "append"} if name in repeated else {"nargs": "+", "action": "extend"}
            )
        elif sequence is not None:
            option["nargs"] = len(get_args(sequence))
        if kinds != [bool]:
            option["metavar"] = (metavar or {}).get(name) or _metavar(name, kinds)
        parser.add_argument(option_name([name]), **option)


def read_options(settings: type[S], options: argparse.Namespace) -> S:
    """The settings that options stand for.

    Raises:
        CorrosionError: naming the option whose value can't be used.
    """
    given: dict[str, Any] = {}
    for name, field in settings.model_fields.items():
        value = getattr(options, name)
        if isinstance(value, list):
            given[name] = tuple(_value(one, field.annotation) for one in value)
        elif value is not None:
            given[name] = value if value is True else _value(value, field.annotation)
    return settings.read(given, name=option_name)


def option_name(path: Sequence[str]) -> str:
    """How a setting is called on the command line: --batch-size."""
    return f"--{path[-1].replace('_', '-')}"


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types that a setting takes, without None."""
    if get_origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for one in get_args(annotation):
            yield from _kinds(one)
    elif annotation is not type(None):
        yield annotation


def _choices(kinds: Sequence[Any]) -> list[str]:
    """The words among which a setting is chosen; none where it takes other values too."""
    if any(kind is not bool and get_origin(kind) is not Literal for kind in kinds):
        return []
    words = [("true", "false") if kind is bool else map(str, get_args(kind)) for kind in kinds]
    return [word for some in words for word in some]


def _metavar(name: str, kinds: Sequence[Any]) -> str:
    choices = ",".join(_choices(kinds))
    if 0 < len(choices) <= _SHORT:
        return f"{{{choices}}}"
    return "N" if int in kinds else name.rsplit("_", maxsplit=1)[-1].upper()


def _help(field: FieldInfo, kinds: Sequence[Any]) -> str:
    text = " ".join((field.description or "").split()).removesuffix(".")
    choices = _choices(kinds)
    if len(",".join(choices)) > _SHORT:
        text += f": {', '.join(choices)}"
    if not (field.default is None or field.default is False or field.default == ()):
        text += f"; by default {as_written(field.default)}"
    return text.replace("%", "%%")


def _value(text: str, annotation: Any) -> Any:
    """What a text means; the text itself where it means nothing, which is refused then."""
    kinds = list(_kinds(annotation))
    if text == "null":
        return None
    for kind in kinds:
        if get_origin(kind) is tuple:
            return _value(text, get_args(kind)[0])
        for choice in get_args(kind) if get_origin(kind) is Literal else ():
            if text == str(choice):
                return choice
        if kind is bool and text in ("true", "false"):
            return text == "true"
    for kind in (int, float):
        try:
            value = kind(text) if kind in kinds else math.nan
        except ValueError:
            continue
        if math.isfinite(value):
            return value
    return text
