"""The files of a finished run beside its predictions: what it was, and how it went."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import yaml

from corrosion.errors import CorrosionError

_T = TypeVar("_T")


@dataclass(frozen=True)
class RunFiles:
    """What a run's directory says of it; what a file would say that is not there is left empty.

    Attributes:
        directory: of the run.
        config: of `config.yaml`.
        facts: of `metrics.json`: metrics by key, and everything else about the run.
        history: of `history.csv`, one row an epoch.
        split: of `split.csv`, one row an image.
        overrides: given to train.py on the command line.
    """

    directory: Path
    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    history: pd.DataFrame | None
    split: pd.DataFrame | None
    overrides: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the model; of the directory where no file tells it."""
        model = self.config.get("model") or {}
        return str(self.facts.get("model") or model.get("name") or self.directory.resolve().name)


def read_run_files(directory: Path) -> RunFiles:
    """Read what a run's directory holds beside predictions.

    Args:
        directory: of a finished run.

    Raises:
        CorrosionError: a file is there but can't be read.
    """
    return RunFiles(
        directory=directory,
        config=_read(directory / "config.yaml", _yaml) or {},
        facts=_read(directory / "metrics.json", _json) or {},
        history=_read(directory / "history.csv", pd.read_csv),
        split=_read(directory / "split.csv", _split),
        overrides=tuple(_read(directory / ".hydra" / "overrides.yaml", _yaml) or ()),
    )


def _read(path: Path, read: Callable[[Path], _T]) -> _T | None:
    if not path.is_file():
        return None
    try:
        return read(path)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CorrosionError(f"{path} can't be read: {error}") from error


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _split(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"path": str, "source": str, "content_hash": str})
