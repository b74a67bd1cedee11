"""What the failure of each asset would cost, by a table of the user's."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from corrosion.errors import CorrosionError

_HOW = "give a CSV file with the columns asset and consequence, a number from 0 on for each asset"


def read_consequences(path: Path, *, name: str = "consequence") -> Mapping[str, float]:
    """Read the consequence of each asset, in whatever unit: ranks from 1 to 5, or money.

    Args:
        path: CSV in UTF-8 with the columns asset and consequence; others don't matter.
        name: what messages call the file.

    Returns:
        Numbers from 0 on by the name of the asset.

    Raises:
        CorrosionError: the file can't be read, a column is missing, an asset stands there twice, or
            a consequence is no number from 0 on.
    """
    found: dict[str, float] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"asset", "consequence"} <= set(rows.fieldnames or ()):
                raise CorrosionError(
                    f"{name}={path}: the first line must name the columns asset and consequence, "
                    f"with a comma between them."
                )
            for row in rows:
                asset = (row["asset"] or "").strip()
                if not asset:
                    raise CorrosionError(f"{name}={path}: line {rows.line_num} names no asset.")
                if asset in found:
                    raise CorrosionError(
                        f"{name}={path}: {asset!r} stands there twice, the second time in line "
                        f"{rows.line_num}: keep one of them."
                    )
                found[asset] = _number(path, asset, row["consequence"], name)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise CorrosionError(f"{name}={path} can't be read ({reason}): {_HOW}.") from error
    if not found:
        raise CorrosionError(f"{name}={path} names no asset: {_HOW}.")
    return found


def _number(path: Path, asset: str, text: str | None, name: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise CorrosionError(
            f"{name}={path}: the consequence of {asset!r} is {text!r}; give a number from 0 on, as "
            f"3 or 0.5."
        )
    return value


def check_consequences(
    consequences: Mapping[str, float], assets: tuple[str, ...], *, name: str = "consequence"
) -> None:
    """Make sure that a table is of these assets.

    Args:
        consequences: numbers by asset.
        assets: the assets of the photographs.
        name: what messages call the table.

    Raises:
        CorrosionError: the photographs have no assets, or none of them is in the table.
    """
    if not assets:
        raise CorrosionError(
            f"{name} is of assets, and none is known of these photographs: tell how they are named "
            f"by corrosion predict --asset."
        )
    if not any(asset in consequences for asset in assets):
        raise CorrosionError(
            f"{name} names none of the assets of these photographs ({_some(assets)}), but "
            f"{_some(tuple(consequences))}: write them alike."
        )


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
