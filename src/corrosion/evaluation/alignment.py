"""Predictions of several models put in the same order of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from corrosion.errors import CorrosionError


def align(models: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Put the predictions of several models in the same order of images.

    Images are told by their `content_hash` where every table has it, once an image; else by
    their path.

    Args:
        models: tables of `read_predictions` by the model's name, at least two.

    Returns:
        The tables, each with the first's order of images, and the first's `group` if it has any.

    Raises:
        CorrosionError: fewer than two models, other images, or other labels of the same images.

    Example:
        >>> a = pd.DataFrame({"path": ["1.jpg", "2.jpg"], "label": [1, 0]})
        >>> align({"a": a, "b": a.iloc[::-1]})["b"]["path"].tolist()
        ['1.jpg', '2.jpg']
    """
    if len(models) < 2:
        raise CorrosionError("A comparison needs at least two models.")
    key = "content_hash" if all(_has_unique_hashes(table) for table in models.values()) else "path"
    (first, reference), *others = (
        (name, table.set_index(key, drop=False)) for name, table in models.items()
    )
    aligned = {first: reference}
    for name, table in others:
        _refuse_other_images(first, reference, name, table)
        aligned[name] = table.loc[reference.index]
        differs = aligned[name]["label"].to_numpy() != reference["label"].to_numpy()
        if differs.any():
            raise CorrosionError(
                f"{first} and {name} disagree on the label of {differs.sum()} image(s), as "
                f"{reference['path'].iloc[int(differs.argmax())]}: test both with the same labels."
            )
    if "group" in reference:
        aligned = {
            name: table.assign(group=reference["group"].to_numpy())
            for name, table in aligned.items()
        }
    return {name: table.reset_index(drop=True) for name, table in aligned.items()}


def align_runs(
    models: Mapping[str, pd.DataFrame | Sequence[pd.DataFrame]],
) -> dict[str, list[pd.DataFrame]]:
    """Put the predictions of all runs of several models in the same order of images.

    Args:
        models: table of each model, or one a run, by the model's name; at least one model.

    Raises:
        CorrosionError: as `align`.

    Example:
        >>> run = pd.DataFrame({"path": ["1.jpg"], "label": [1], "probability": [0.9]})
        >>> {name: len(runs) for name, runs in align_runs({"a": run, "b": [run, run]}).items()}
        {'a': 1, 'b': 2}
    """
    runs = {
        name: [tables] if isinstance(tables, pd.DataFrame) else list(tables)
        for name, tables in models.items()
    }
    named = {
        (name, number): f"{name}, run {number + 1}" if len(tables) > 1 else name
        for name, tables in runs.items()
        for number in range(len(tables))
    }
    tables_by_text = {text: runs[name][number] for (name, number), text in named.items()}
    aligned = align(tables_by_text) if len(tables_by_text) > 1 else tables_by_text
    return {
        name: [aligned[named[name, number]] for number in range(len(tables))]
        for name, tables in runs.items()
    }


def _has_unique_hashes(table: pd.DataFrame) -> bool:
    return "content_hash" in table and bool(table["content_hash"].is_unique)


def _refuse_other_images(
    first: str, reference: pd.DataFrame, name: str, table: pd.DataFrame
) -> None:
    only_first = reference.loc[~reference.index.isin(table.index), "path"]
    only_other = table.loc[~table.index.isin(reference.index), "path"]
    extra = [
        f"{len(paths)} only of {model} (as {paths.iloc[0]})"
        for model, paths in ((first, only_first), (name, only_other))
        if len(paths)
    ]
    if extra:
        raise CorrosionError(
            f"{first} and {name} were tested on different images: {', '.join(extra)}. To compare "
            f"them, train one anew with data.split_file=RUN/split.csv, RUN being the other's "
            f"directory (images added since then are for training alone), or train all folds of "
            f"both."
        )
