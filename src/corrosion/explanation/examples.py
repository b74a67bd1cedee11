"""Examples of a run: maps of the test images that tell most about its network."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from corrosion.data.labels import CLASSES
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runs import RunDirectory
from corrosion.system.checksums import forget

_PICTURES = ("picture", "photograph", "evidence")
_COLUMNS = [*_PICTURES, "kind", "number", "path", "label", "probability", "logit"]
_LONGEST_STEM = 80  # of a photograph's name, kept in ours: file systems allow 255 bytes
_MAX_SIDE = 640  # pixels of a photograph: drawing costs little time and the files stay small


def choose_examples(
    table: pd.DataFrame, *, count: int, threshold: float, temperature: float = 1.0
) -> pd.DataFrame:
    """Choose images by how sure the network is.

    Args:
        table: table of `predictions_table`: label, logit and prediction.
        count: number of images of each kind.
        threshold: probability from which an image counts as corroded.
        temperature: temperature of the probabilities.

    Returns:
        Rows of `table` with a column `kind`, at most `count` of each: "right" and "wrong", those
        furthest from the threshold first, the right ones from both classes in turn; and
        "uncertain", those nearest to it first, without the wrong ones that are there already.
    """
    # logits, since probabilities of sure images are all 1.000
    boundary = temperature * math.log(threshold / (1 - threshold))
    margin = (table["logit"] - boundary).abs()
    sure = table.loc[margin.sort_values(ascending=False, kind="stable").index]
    is_right = sure["label"] == sure["prediction"]
    right = sure[is_right]
    wrong = sure[~is_right].head(count)
    turn = right.groupby("label").cumcount().sort_values(kind="stable").index
    kinds = {
        "right": right.loc[turn].head(count),
        "uncertain": sure.drop(index=wrong.index).iloc[::-1].head(count),
        "wrong": wrong,
    }
    return pd.concat([rows.assign(kind=kind) for kind, rows in kinds.items()])


def write_examples(
    run: RunDirectory, network: CorrosionClassifier, table: pd.DataFrame, *, count: int
) -> pd.DataFrame | None:
    """Draw the examples: `KIND-NUMBER_LABEL_PROBABILITY_FILE.png`, which sort by kind.

    Beside each lie the photograph (`.jpg`) and the evidence as a transparent layer (`.webp`), which
    the page of the run lays over it, in colours that rust never has.

    Args:
        run: run that gets the pictures and their table, in place of those of an earlier test.
        network: network that made the predictions; on any device.
        table: table of the test images: path, label, logit and prediction.
        count: number of images of each kind; 0 writes none.

    Returns:
        One row a picture: picture, photograph and evidence (names of their files), kind, number (of
        its kind, from 1), path and label of the photograph, probability and logit; None for no
        pictures.

    Raises:
        CorrosionError: an image can't be read.
    """
    _remove_earlier(run)
    if count == 0:
        return None
    # drawing takes seconds to import: not for runs that draw nothing
    from corrosion.explanation.layers import evidence_layer, write_layer
    from corrosion.explanation.overlay import UNLIKE_RUST, write_image
    from corrosion.explanation.panels import panel
    from corrosion.explanation.photographs import explain_photographs

    chosen = choose_examples(
        table, count=count, threshold=network.threshold, temperature=network.temperature
    )
    chosen = chosen.assign(number=chosen.groupby("kind").cumcount() + 1)
    photographs = explain_photographs(network, chosen["path"], max_side=_MAX_SIDE)
    rows = chosen[["kind", "number", "label"]].itertuples(index=False, name=None)
    examples = []
    for (kind, number, label), photograph in zip(rows, photographs, strict=True):
        explanation = photograph.explanation
        name = f"{kind}-{number:02d}_{CLASSES[label]}_{explanation.probability:.3f}"
        name += f"_{Path(photograph.path).stem[:_LONGEST_STEM]}"
        drawn = panel(photograph, threshold=network.threshold, label=label, colormap=UNLIKE_RUST)
        files = (f"{name}.png", f"{name}.jpg", f"{name}.webp")
        write_image(run.examples / files[0], drawn)
        write_image(run.examples / files[1], photograph.image)
        write_layer(run.examples / files[2], evidence_layer(explanation.map))
        seen = (photograph.path, label, explanation.probability, explanation.logit)
        examples.append((*files, kind, number, *seen))
    written = pd.DataFrame(examples, columns=_COLUMNS)
    run.write_examples(written)
    return written


def _remove_earlier(run: RunDirectory) -> None:
    """Delete the pictures that an earlier test of the run wrote, and their table."""
    earlier = run.read_examples()
    if earlier is not None:
        for column in earlier.columns.intersection(list(_PICTURES)):
            for name in earlier[column].dropna():
                (run.examples / Path(name).name).unlink(missing_ok=True)
        forget(run.examples_file)
