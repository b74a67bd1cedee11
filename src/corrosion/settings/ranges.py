"""Which values a setting takes, in words: for error messages and for docs/configuration.md."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from corrosion.system.place_names import without_secrets


def allowed(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """The values that a type takes, as a phrase that follows "give".

    Args:
        annotation: of the setting.
        metadata: of the annotation: bounds from `annotated_types`.

    Example:
        >>> allowed(Annotated[int, Ge(1)] | Literal["auto"] | None)
        'a whole number from 1, auto or null'
        >>> allowed(Literal["pad", "crop", "stretch"])
        'pad, crop or stretch'
    """
    return _listed(list(dict.fromkeys(_choices(annotation, metadata))))


def _choices(annotation: Any, metadata: Iterable[Any]) -> list[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _choices(arguments[0], [*arguments[1:], *metadata])
    if origin in (Union, types.UnionType):
        members = [part for one in arguments for part in _choices(one, ())]
        return [
            *(one for one in members if one != "null"),
            *(one for one in members if one == "null"),
        ]
    if origin is Literal:
        return [as_written(value) for value in arguments]
    if annotation in (None, type(None)):
        return ["null"]
    if annotation is bool:
        return ["true", "false"]
    if annotation in (int, float):
        bounds = list(_flat(metadata))
        share = annotation is float and (Le(1) in bounds or Lt(1) in bounds)
        kind = "a share" if share else "a whole number" if annotation is int else "a number"
        return [kind + _bounds(bounds)]
    if annotation is str:
        return ["text"]
    if annotation is Path:
        return ["a path"]
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return [_list_of(arguments)]
    return ["a mapping"] if _is_mapping(annotation, origin) else ["another value"]


_PERCENT = 100
_WRITTEN = re.compile(r"\s*\+?(\d{1,9}(?:[.,]\d{1,15})?|[.,]\d{1,15})\s*(%?)\s*")
_MOST_ITEMS, _LONGEST = 20, 80  # of a value in a message
_LONG = 10_000  # from here on thousands are told apart

_PLURALS = {
    "a whole number": "whole numbers",
    "a number": "numbers",
    "a share": "shares",
    "text": "names",
    "a path": "paths",
    "a mapping": "mappings",
}


def _list_of(arguments: Sequence[Any]) -> str:
    inner = allowed(arguments[0]) if arguments else "values"
    for one, several in _PLURALS.items():
        inner = inner.replace(one, several)
    if len(arguments) > 1 and arguments[-1] is not ...:
        inner = f"{len(arguments)} {inner}"
    return f"a list of {inner}"


def _is_mapping(annotation: Any, origin: Any) -> bool:
    kind = origin or annotation
    return isinstance(kind, type) and issubclass(kind, (Mapping, BaseModel))


def _bounds(metadata: Iterable[Any]) -> str:
    low = high = ""
    for one in _flat(metadata):
        match one:
            case Ge(ge=value):
                low = f" from {_number(value)}"
            case Gt(gt=value):
                low = f" above {_number(value)}"
            case Le(le=value):
                high = f" to {_number(value)}"
            case Lt(lt=value):
                high = f" below {_number(value)}"
    if low.startswith(" above") and high.startswith(" to"):
        high = f", up to{high.removeprefix(' to')}"
    elif low and high.startswith(" below"):
        high = f" and{high}"
    return low + high


def _number(value: Any) -> str:
    return f"{value:,}" if abs(value) >= _LONG else f"{value:g}"


def _flat(metadata: Iterable[Any]) -> Iterable[Any]:
    for one in metadata:
        if isinstance(one, FieldInfo):
            yield from one.metadata
        else:
            yield one


def _listed(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} or {words[-1]}"


def meant_share(value: Any) -> str:
    """The share that a percentage or a decimal comma stands for, as a question behind an error.

    Args:
        value: what was given; of anything else than such a number nothing is said.

    Example:
        >>> meant_share(5), meant_share(0.5)
        (' Did you mean 0.05?', '')
        >>> meant_share("98%"), meant_share("0,5"), meant_share("recall")
        (' Did you mean 0.98?', ' Did you mean 0.5?', '')
    """
    if isinstance(value, str) and (written := _WRITTEN.fullmatch(value)):
        number = float(written[1].replace(",", "."))
        share = number / _PERCENT if written[2] or number > 1 else number
        return f" Did you mean {share:g}?" if share <= 1 else ""
    percentage = isinstance(value, (int, float)) and 1 < value <= _PERCENT
    return f" Did you mean {value / _PERCENT:g}?" if percentage else ""


def is_share(annotation: Any, metadata: Iterable[Any] = ()) -> bool:
    """Whether a type takes numbers up to 1 only.

    Example:
        >>> is_share(Annotated[float, Gt(0), Lt(1)]), is_share(Annotated[float, Gt(0)])
        (True, False)
    """
    return "a share" in allowed(annotation, metadata)


def brief(value: Any, *, depth: int = 0) -> str:
    """A value of any kind and size, from any file, as a message shows it: in one short line.

    Example:
        >>> brief([0.7, None]), brief("a\\nb"), brief(b"x"), brief(10**100)
        ('[0.7,null]', 'a\\\\nb', 'bytes', 'a number of more than 80 digits')
    """
    if isinstance(value, int) and abs(value) >= 10**_LONGEST:
        return f"a number of more than {_LONGEST} digits"
    if value is None or isinstance(value, (bool, int, float, str, Path)):
        text = without_secrets(as_written(value))
    elif isinstance(value, (list, tuple, Mapping)) and len(value) <= _MOST_ITEMS and depth < 2:
        inner = partial(brief, depth=depth + 1)
        if isinstance(value, Mapping):
            text = as_written({inner(key): inner(item) for key, item in value.items()})
        else:
            text = as_written([inner(item) for item in value])
    else:
        text = type(value).__name__
    text = text.encode("unicode_escape", "replace").decode() if not text.isprintable() else text
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def as_written(value: Any) -> str:
    """A value as users write it on a command line or in YAML.

    Example:
        >>> as_written(None), as_written(True), as_written([0.7, 0.3])
        ('null', 'true', '[0.7,0.3]')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{','.join(as_written(one) for one in value)}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{as_written(one)}" for key, one in value.items()) + "}"
    return str(value) or "''"
