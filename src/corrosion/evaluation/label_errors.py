"""Which labels are likely wrong: those that a network surely contradicts without their images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from corrosion.errors import CorrosionError
from corrosion.evaluation.metrics import checked

_IMAGE = ("path", "source", "group", "content_hash")


def rank_label_errors(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rank images by how likely their label is wrong, by confident learning.

    Confident learning (Northcutt, Jiang & Chuang, Journal of Artificial Intelligence Research 2021;
    cleanlab's `find_label_issues`) takes a label for suspicious where the probability of the other
    class is above what images of that class have on average, and as many of these as the counts
    of confident contradictions suggest. It needs predictions of networks that were not trained on
    the image: those of a cross-validation.

    Args:
        tables: predictions of the same images in any order, one a seed: path, label and
            probability; these are averaged.

    Returns:
        One row an image, the most likely error first: path, label (0 or 1), probability (of
        corrosion), quality (probability of the label that it has, in [0, 1]), suspicious (bool),
        and source, group and content_hash where they are known.

    Raises:
        CorrosionError: there are no predictions, a class is missing, or tables differ in their
            images or labels.
    """
    from cleanlab.filter import find_label_issues  # its import takes seconds

    if not tables:
        raise CorrosionError("There are no predictions, so no labels to look at.")
    first = tables[0].set_index("path")
    others = [table.set_index("path").reindex(first.index) for table in tables]
    if any(
        len(table) != len(first) or not one["label"].equals(first["label"])
        for table, one in zip(tables, others, strict=True)
    ):
        raise CorrosionError("The predictions are of different images, or their labels differ.")
    mean = np.mean([one["probability"] for one in others], axis=0)
    label, probability = checked(first["label"], mean)
    if len(np.unique(label)) < 2:
        raise CorrosionError("All images have one label: none can be told from the other.")
    suspicious = find_label_issues(label, np.column_stack([1 - probability, probability]), n_jobs=1)
    table = pd.DataFrame(
        {
            **{name: first.reset_index()[name] for name in _IMAGE if name in first.reset_index()},
            "label": label,
            "probability": probability,
            "quality": np.where(label == 1, probability, 1 - probability),
            "suspicious": suspicious,
        }
    )
    order = ["suspicious", "quality"]
    return table.sort_values(order, ascending=[False, True], kind="stable", ignore_index=True)
