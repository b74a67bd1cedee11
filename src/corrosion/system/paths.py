"""Paths that users give, checked before anything heavy is imported."""

from __future__ import annotations

from pathlib import Path


def is_taken(path: Path) -> bool:
    """Whether something would be lost if results were written to a path: no empty folder."""
    return path.exists() and (not path.is_dir() or any(path.iterdir()))
