"""Explainable image classification of corroded metal.

    import corrosion
    model = corrosion.load_model("outputs/RUN")
    predictions = corrosion.predict(model, ["photographs", "flight.mp4"])
    [explanation] = corrosion.explain(model, images)

Names are imported when they are first used, so that `import corrosion` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corrosion.errors import CorrosionError

if TYPE_CHECKING:
    from corrosion.explanation.explanation import explain
    from corrosion.models.checkpoint import load_model
    from corrosion.prediction.photographs import predict

__all__ = ["CorrosionError", "explain", "load_model", "predict"]


def __getattr__(name: str) -> Any:
    if name == "load_model":
        from corrosion.models.checkpoint import load_model

        return load_model
    if name == "explain":
        from corrosion.explanation.explanation import explain

        return explain
    if name == "predict":
        from corrosion.prediction.photographs import predict

        return predict
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
