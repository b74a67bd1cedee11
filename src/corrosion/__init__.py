"""Explainable image classification of corroded metal.

    import corrosion
    model = corrosion.load_model("best.ckpt")

Names are imported when they are first used, so that `import corrosion` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corrosion.errors import CorrosionError

if TYPE_CHECKING:
    from corrosion.checkpoint import load_model

__all__ = ["CorrosionError", "load_model"]


def __getattr__(name: str) -> Any:
    if name == "load_model":
        from corrosion.checkpoint import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
