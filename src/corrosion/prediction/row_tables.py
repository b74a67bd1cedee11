"""Rows as tables of Arrow, whose columns are the fields of `Row`: what shards are kept in."""

from __future__ import annotations

import types
from collections.abc import Iterable
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from corrosion.prediction.journal import Row

if TYPE_CHECKING:
    import pyarrow


def rows_table(rows: Iterable[Row]) -> pyarrow.Table:
    """A table with a column for each field of `Row`; fields of fields are structs.

    Args:
        rows: rows of any files.

    Example:
        >>> table = rows_table([Row(0, 0, True, "a.jpg", probability=0.25)])
        >>> table["path"].to_pylist(), table["probability"].to_pylist()
        (['a.jpg'], [0.25])
    """
    import pyarrow

    return pyarrow.Table.from_pylist([asdict(row) for row in rows], _schema())


@cache
def _schema() -> pyarrow.Schema:
    import pyarrow

    return pyarrow.schema(list(_columns(Row)))


def _columns(kind: type[Any]) -> Iterable[tuple[str, pyarrow.DataType]]:
    hints = get_type_hints(kind)
    return [(field.name, _type(hints[field.name])) for field in fields(kind)]


def _type(annotation: Any) -> pyarrow.DataType:
    """The type of a column whose cells are of a type of Python, or None."""
    import pyarrow

    plain = {
        bool: pyarrow.bool_(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        str: pyarrow.string(),
    }
    if annotation in plain:
        return plain[annotation]
    if is_dataclass(annotation):
        return pyarrow.struct(_columns(annotation))  # type: ignore[arg-type]
    arguments = [one for one in get_args(annotation) if one is not types.NoneType]
    if get_origin(annotation) in (Union, types.UnionType):
        [annotation] = arguments
        return _type(annotation)
    return pyarrow.list_(_type(arguments[0]))  # a tuple
