"""The folder of files that can be made anew at any time."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """The folder CORROSION_CACHE if set; else `corrosion` below XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("CORROSION_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "corrosion"
