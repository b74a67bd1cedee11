"""`gradcam/` of a run: maps of the test images that tell most about a network."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pandas as pd

from corrosion.data.labels import CLASSES
from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier

_OURS = re.compile(r"(right|uncertain|wrong)-\d+_.*\.png")
_LONGEST_STEM = 80  # of a photograph's name, kept in ours: file systems allow 255 bytes
_MAX_SIDE = 640  # pixels of a photograph: drawing costs little time and the files stay small


def choose_examples(
    table: pd.DataFrame, *, count: int, threshold: float, temperature: float = 1.0
) -> pd.DataFrame:
    """Choose images by how sure the network is.

    Args:
        table: with columns label, logit and prediction, as `predictions_table` gives it.
        count: images of each kind.
        threshold: probability from which an image counts as corroded.
        temperature: of the probabilities.

    Returns:
        Rows of `table` with a column `kind`, at most `count` of each: "right" and "wrong", those
        furthest from the threshold first, the right ones from both classes in turn; and
        "uncertain", those nearest to it first. An image can be right or wrong, and uncertain.
    """
    # logits, since probabilities of sure images are all 1.000
    boundary = temperature * math.log(threshold / (1 - threshold))
    margin = (table["logit"] - boundary).abs()
    sure = table.loc[margin.sort_values(ascending=False, kind="stable").index]
    is_right = sure["label"] == sure["prediction"]
    right = sure[is_right]
    turn = right.groupby("label").cumcount().sort_values(kind="stable").index
    kinds = {
        "right": right.loc[turn].head(count),
        "uncertain": sure.iloc[::-1].head(count),
        "wrong": sure[~is_right].head(count),
    }
    return pd.concat([rows.assign(kind=kind) for kind, rows in kinds.items()])


def write_examples(
    folder: Path, network: CorrosionClassifier, table: pd.DataFrame, *, count: int
) -> None:
    """Draw the examples: `KIND-NUMBER_LABEL_PROBABILITY_FILE.png`, which sort by kind.

    Args:
        folder: gets the pictures, in place of those that an earlier test of the run wrote.
        network: that made the predictions; on any device.
        table: of the test images: path, label, logit and prediction.
        count: images of each kind; 0 writes none.

    Raises:
        CorrosionError: `count` is no whole number from 0 on, or an image can't be read.
    """
    check_count(count)
    for old in folder.glob("*.png") if folder.is_dir() else ():
        if _OURS.fullmatch(old.name):
            old.unlink()
    if count == 0:
        return
    # drawing takes seconds to import: not for runs that draw nothing
    from corrosion.explanation.overlay import write_image
    from corrosion.explanation.panels import panel
    from corrosion.explanation.photographs import explain_photographs

    chosen = choose_examples(
        table, count=count, threshold=network.threshold, temperature=network.temperature
    )
    chosen = chosen.assign(number=chosen.groupby("kind").cumcount() + 1)
    photographs = explain_photographs(network, chosen["path"], max_side=_MAX_SIDE)
    rows = chosen[["kind", "number", "label"]].itertuples(index=False, name=None)
    for (kind, number, label), photograph in zip(rows, photographs, strict=True):
        name = f"{kind}-{number:02d}_{CLASSES[label]}_{photograph.explanation.probability:.3f}"
        name += f"_{Path(photograph.path).stem[:_LONGEST_STEM]}.png"
        drawn = panel(photograph, threshold=network.threshold, label=label)
        write_image(folder / name, drawn)


def check_count(count: object) -> None:
    """Make sure that `explain.images` is a number of images.

    Raises:
        CorrosionError: it is not.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise CorrosionError(f"explain.images={count}: give a whole number, 0 for none.")
