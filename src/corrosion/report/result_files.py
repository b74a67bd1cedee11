"""The result files of a run that programs read: `metrics.json` and `predictions.csv`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from corrosion.data.labels import CLASSES
from corrosion.system.files import replacing, write_json
from corrosion.training.epoch_metrics import Predictions, decide


def predictions_table(
    predictions: Predictions, records: pd.DataFrame, *, threshold: float, temperature: float = 1.0
) -> pd.DataFrame:
    """Predictions beside the files they are for.

    Args:
        predictions: for rows of `records`.
        records: with a column `path`.
        threshold: probability from which an image counts as corroded.
        temperature: of the probabilities.

    Returns:
        One row an image: path, label, logit (without temperature), probability (of corrosion, in
        [0, 1]), prediction (0 or 1), and the names of label and prediction.
    """
    probability = predictions.probability(temperature)
    predicted = decide(probability, threshold)
    return pd.DataFrame(
        {
            "path": records["path"].to_numpy()[predictions.index.numpy()],
            "label": predictions.label.numpy(),
            "logit": predictions.logit.numpy(),
            "probability": probability.numpy(),
            "prediction": predicted.numpy(),
            "label_name": [CLASSES[int(label)] for label in predictions.label],
            "prediction_name": [CLASSES[int(label)] for label in predicted],
        }
    )


def write_predictions(path: Path, table: pd.DataFrame) -> None:
    """Write `predictions.csv`."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False)


def write_metrics(path: Path, metrics: Mapping[str, float], facts: Mapping[str, Any]) -> None:
    """Write `metrics.json`: metrics by key at the top, then the facts of the run.

    Args:
        path: of the file.
        metrics: {"test/accuracy": ..., ...}; NaN becomes null.
        facts: plain values: counts, seconds, weights, versions ...
    """
    write_json(path, {**metrics, **facts})
