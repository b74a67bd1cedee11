"""Tables of predictions: checked, and with what is known of their images."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from corrosion.data.labels import CLASSES
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import is_corroded
from corrosion.evaluation.metrics import Floats, checked
from corrosion.runs import RunDirectory, Subset


def read_predictions(run: RunDirectory, subset: Subset, *, split: bool = True) -> pd.DataFrame:
    """The predictions of a run for validation or test, checked.

    Args:
        run: run with a table of predictions: path, label (0 or 1), probability (of corrosion, in
            [0, 1]), one row an image. Further columns are kept; `logit` as numbers, NaN where it
            is none.
        subset: "val" or "test".
        split: add the columns of the run's split (source, group, content_hash, ...), if it has one.

    Returns:
        One row an image: path (str), label (int64), probability (float64), and further columns.

    Raises:
        CorrosionError: a file is missing or no such table, is empty, names an image twice, holds
            bad labels or probabilities, or the two files are of different runs.
    """
    table, path = run.read_predictions(subset), run.predictions_file(subset)
    for column in table.columns.intersection(["probability", "logit"]):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    try:
        table["label"], table["probability"] = checked(table["label"], table["probability"])
    except CorrosionError as error:
        raise CorrosionError(f"{path}: {error}") from error
    columns = run.read_split() if split else None
    if columns is None:
        return table
    try:
        return with_split(table, columns)
    except CorrosionError as error:
        raise CorrosionError(f"{path}: {error} {run.split_file} is of another run.") from error


def predictions_table(
    paths: ArrayLike,
    label: ArrayLike,
    logit: ArrayLike,
    probability: ArrayLike,
    *,
    threshold: float,
) -> pd.DataFrame:
    """A table of what a network says of images.

    Args:
        paths: (N,) str, paths of the images.
        label: (N,) 0 or 1.
        logit: (N,) float32, without temperature.
        probability: (N,) float32 in [0, 1], of corrosion.
        threshold: probability from which an image counts as corroded.

    Returns:
        One row an image: path, label, logit, probability, prediction (0 or 1), and the names of
        label and prediction. Logits and probabilities are float64 of as many digits as tell
        float32 numbers apart (`as_written`).

    Example:
        >>> predictions_table(["a.jpg"], [1], [0.8], [0.69], threshold=0.5).to_dict("records")
        [{'path': 'a.jpg', 'label': 1, 'logit': 0.8, 'probability': 0.69, 'prediction': 1, \
'label_name': 'corrosion', 'prediction_name': 'corrosion'}]
    """
    labels, scores = np.asarray(label, dtype=np.int64), as_written(probability)
    predicted = is_corroded(scores, threshold).astype(np.int64)
    names = np.array(CLASSES, dtype=object)
    return pd.DataFrame(
        {
            "path": np.asarray(paths, dtype=object),
            "label": labels,
            "logit": as_written(logit),
            "probability": scores,
            "prediction": predicted,
            "label_name": names[labels],
            "prediction_name": names[predicted],
        }
    )


def as_written(values: ArrayLike) -> Floats:
    """The float64 numbers that the shortest decimals of float32 numbers stand for.

    A table that is handed on in memory then says the same, bit for bit, as its file.

    Example:
        >>> float(as_written(0.1)), float(np.float32(0.1))
        (0.1, 0.10000000149011612)
    """
    return np.asarray(values, dtype=np.float32).astype(str).astype(np.float64)


def with_split(predictions: pd.DataFrame, split: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of a split that predictions lack, by path.

    Args:
        predictions: table of one row an image, with a column `path`.
        split: table of these images, and maybe others, likewise.

    Raises:
        CorrosionError: the split lacks some of the images.

    Example:
        >>> predictions = pd.DataFrame({"path": ["b.jpg"], "probability": [0.9]})
        >>> split = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "source": ["ships", "bridges"]})
        >>> with_split(predictions, split).to_dict("records")
        [{'path': 'b.jpg', 'probability': 0.9, 'source': 'bridges'}]
    """
    new = ["path", *(name for name in split if name not in predictions)]
    merged = predictions.merge(
        split[new], on="path", how="left", indicator=True, validate="one_to_one"
    )
    unknown = merged.loc[merged.pop("_merge") == "left_only", "path"]
    if len(unknown):
        raise CorrosionError(f"{len(unknown)} image(s) are not in the split, as {unknown.iloc[0]}.")
    return merged


def groups_of(table: pd.DataFrame) -> np.ndarray | None:
    """The column `group`, or None: each image its own group.

    Example:
        >>> groups_of(pd.DataFrame({"group": [4, 4, 7]})).tolist()
        [4, 4, 7]
    """
    return table["group"].to_numpy() if "group" in table else None


FOLD = "test_fold"
"""Column that tells the folds of a table that `corrosion.evaluation.pooling` put together."""


def folds_of(table: pd.DataFrame) -> np.ndarray | None:
    """The column `FOLD`, or None: all images are judged by one network.

    Example:
        >>> folds_of(pd.DataFrame({"test_fold": [0, 0, 1]})).tolist()
        [0, 0, 1]
    """
    return table[FOLD].to_numpy() if FOLD in table else None
