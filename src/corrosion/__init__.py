"""Explainable image classification of corroded metal.

    import corrosion
    model = corrosion.load_model("outputs/RUN")
    predictions = corrosion.predict(model, ["photographs", "flight.mp4"])
    [explanation] = corrosion.explain(model, "photographs/bolt.jpg")
    mask = corrosion.rust_mask(model, pixels)

Names are imported when they are first used, so that `import corrosion` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from corrosion.errors import CorrosionError

if TYPE_CHECKING:
    from corrosion.explanation.photographs import explain
    from corrosion.explanation.rust_mask import rust_mask
    from corrosion.models.checkpoint import load_model
    from corrosion.prediction.predict_images import predict
    from corrosion.training.run import train

    __version__: str

__all__ = [
    "CorrosionError",
    "__version__",
    "explain",
    "load_model",
    "predict",
    "rust_mask",
    "train",
]

_MODULES = {
    "explain": "corrosion.explanation.photographs",
    "load_model": "corrosion.models.checkpoint",
    "predict": "corrosion.prediction.predict_images",
    "rust_mask": "corrosion.explanation.rust_mask",
    "train": "corrosion.training.run",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("corrosion")
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
