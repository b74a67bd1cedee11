"""What all settings share: frozen, checked when made, with errors that tell the way out."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic.fields import FieldInfo

from corrosion.errors import CorrosionError
from corrosion.settings.ranges import allowed, brief, is_share, meant_share

Name = Callable[[Sequence[str]], str]
"""How a setting is called where its value was given, from the names that lead to it."""


def dotted(path: Sequence[str]) -> str:
    """The name of a setting in Hydra's grammar and in Python: "model.lr"."""
    return ".".join(path)


class Settings(BaseModel):
    """A group of settings: one attribute a setting, with its type, range, default and meaning.

    Instances are frozen and hold valid values only. Numbers are not made of text or of booleans.

    Raises:
        CorrosionError: naming every bad value, what is allowed, and unknown or missing settings.

    Example:
        >>> from typing import Annotated
        >>> from annotated_types import Gt
        >>> class Oven(Settings):
        ...     degrees: Annotated[float, Gt(0)] = 180.0
        ...     "Temperature of the air."
        >>> Oven(degrees=220).degrees
        220.0
        >>> Oven(degrees=-1)
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: degrees=-1: give a number above 0.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    renamed: ClassVar[Mapping[str, str]] = {}
    """What settings that users may still have in scripts have become: a new name, or a sentence."""

    refused: ClassVar[Mapping[str, str]] = {}
    """Settings that look as if they could be given, and why they can't: a sentence."""

    @classmethod
    def read(cls, values: Mapping[str, Any] | Self, *, name: Name = dotted) -> Self:
        """Settings from plain values.

        Args:
            values: by name; groups within groups as mappings, or as `Settings`. Settings of this
                class are given back as they are.
            name: how settings are called where these values come from, for messages.

        Raises:
            CorrosionError: as the class.
        """
        try:
            return cls.model_validate(values, context=_READING)
        except ValidationError as error:
            raise CorrosionError(_message(cls, error, values, name)) from error

    def conflicts(self) -> Iterable[str]:
        """What is wrong with values that are fine each by itself; nothing, unless overridden.

        Yields:
            Sentences in which {name} stands for a setting of this group.
        """
        return ()

    @model_validator(mode="wrap")
    @classmethod
    def _refuse(
        cls, values: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Self:
        reading = info.context is _READING  # `read` tells of all groups at once
        try:
            made = validate(values)
        except ValidationError as error:
            if reading:
                raise
            given = values if isinstance(values, Mapping) else {}
            raise CorrosionError(_message(cls, error, given, dotted)) from error
        if conflicts := list(made.conflicts()):
            if reading:
                raise ValueError("\n".join(conflicts))
            raise CorrosionError("\n".join(_named(one, [], dotted) for one in conflicts))
        return made

    @classmethod
    def inner(cls, name: str) -> type[Settings] | None:
        """The class of the group that a setting stands for; None where it is no group."""
        field = cls.model_fields.get(name)
        return None if field is None else _group(field.annotation)

    def replace(self, **changes: Any) -> Self:
        """A copy with other values, checked.

        Raises:
            CorrosionError: as the class.
        """
        return type(self).read({**dict(self), **changes})

    def plain(self) -> dict[str, Any]:
        """Plain values as YAML and JSON hold them; paths as text."""
        return self.model_dump(mode="json")


_READING: Mapping[str, Any] = {"reading": True}


def _message(cls: type[Settings], error: ValidationError, values: Any, name: Name) -> str:
    lines = list(dict.fromkeys(_lines(cls, error, values, name)))
    return lines[0] if len(lines) == 1 else "\n".join(["several settings can't be used:", *lines])


def _lines(cls: type[Settings], error: ValidationError, values: Any, name: Name) -> Iterator[str]:
    """A line for each setting that can't be used, or each conflict of several."""
    told: set[tuple[str, ...]] = set()
    for problem in error.errors(include_url=False):
        location = [str(part) for part in problem["loc"]]
        group, path, field = _setting(cls, location)
        if tuple(path) in told:  # another member of a union does not take the value either
            continue
        told.add(tuple(path))
        # a conflict between settings of the outermost group has no path
        key, given = name(path) if path else "", brief(_value(values, path))
        if problem["type"] == "extra_forbidden":
            yield unknown_setting(group, path, name)
        elif problem["type"] == "missing" and len(path) == len(location):
            assert field is not None
            yield f"{key} must be given: {allowed(field.annotation, field.metadata)}."
        elif problem["type"] == "value_error":
            said = str(problem["ctx"]["error"])
            inside = field is None or _group(field.annotation) is not None
            yield _named(said, path, name) if inside else f"{key}={given}: {said}"
        elif field is None:
            yield f"{key or 'settings'}: give a mapping of settings to values."
        else:
            wanted = allowed(field.annotation, field.metadata)
            share = is_share(field.annotation, field.metadata)
            meant = meant_share(_value(values, path)) if share else ""
            yield f"{key}={given}: give {wanted}.{meant}"


def _named(sentence: str, group: Sequence[str], name: Name) -> str:
    """A sentence of `conflicts` with the names of the settings in it."""
    return re.sub(r"\{(\w+)\}", lambda match: name([*group, match[1]]), sentence)


def _setting(
    cls: type[Settings], location: Sequence[str]
) -> tuple[type[Settings], list[str], FieldInfo | None]:
    """The group, the path and the declaration of the setting at a location.

    Locations of pydantic go on into elements of lists and members of unions.
    """
    group, field = cls, None
    path: list[str] = []
    for part in location:
        inner = group if field is None else _group(field.annotation)
        if inner is None:
            break
        if part not in inner.model_fields:
            if part in _unions(field):
                continue
            return inner, [*path, part], None
        group, field = inner, inner.model_fields[part]
        path.append(part)
    return group, path, field


def _group(annotation: Any) -> type[Settings] | None:
    """The class of settings that an annotation stands for, None among others too."""
    optional = get_origin(annotation) in (Union, types.UnionType)
    members = get_args(annotation) if optional else (annotation,)
    classes = [one for one in members if isinstance(one, type) and issubclass(one, Settings)]
    return classes[0] if classes else None


def _unions(field: FieldInfo | None) -> set[str]:
    """Names that pydantic gives the members of a field's union."""
    return set() if field is None else {one.__name__ for one in _members(field.annotation)}


def _members(annotation: Any) -> list[type]:
    return [one for one in getattr(annotation, "__args__", ()) if isinstance(one, type)]


def unknown_setting(group: type[Settings], path: Sequence[str], name: Name) -> str:
    """What to say of a setting that a group does not have: its new name, or one that looks alike.

    Args:
        group: that it is not in.
        path: the names that lead to it, its own last.
        name: how settings are called where it was given.
    """
    *parents, last = path
    if last in group.renamed:
        new = group.renamed[last]
        way_out = f"give {name([*parents, new])}." if new in group.model_fields else new
        return f"{name(path)} is gone: {way_out}"
    if last in group.refused:
        return f"{name(path)} can't be given: {group.refused[last]}"
    if near := difflib.get_close_matches(last, group.model_fields, n=1):
        return f"{name(path)} is no setting. Did you mean {name([*parents, near[0]])}?"
    return f"{name(path)} is no setting. There are {', '.join(group.model_fields)}."


def _value(values: Any, path: Sequence[str]) -> Any:
    for part in path:
        values = values.get(part) if isinstance(values, Mapping) else getattr(values, part, None)
    return values
