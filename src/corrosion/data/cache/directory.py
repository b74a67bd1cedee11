"""The folder of files that can be made anew at any time."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """The folder CORROSION_CACHE if set; else `corrosion` below XDG_CACHE_HOME or ~/.cache."""
    if own := own_cache_dir():
        return own
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "corrosion"


def own_cache_dir() -> Path | None:
    """The folder CORROSION_CACHE; None if it is not set."""
    own = os.environ.get("CORROSION_CACHE")
    return Path(own).expanduser() if own else None
