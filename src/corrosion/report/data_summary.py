"""The images of a run in tables: how many there are of what, and what leaks between subsets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from corrosion.data.labels import CLASSES
from corrosion.report.tables import TextTable

_SUBSETS = {"train": "training", "val": "validation", "test": "test"}
_NAMES = tuple(name.replace("_", " ") for name in CLASSES)


def data_tables(split: pd.DataFrame) -> list[TextTable]:
    """Images by subset and class; by source too, where there are several.

    Args:
        split: table of one row an image: label and split, and source where it is known.
    """
    subsets = [name for name in _SUBSETS if (split["split"] == name).any()]
    tables = [
        _counts(
            "Images by subset",
            "subset",
            [(_SUBSETS[name], split[split["split"] == name]) for name in subsets],
            split,
        )
    ]
    if "source" in split and split["source"].nunique() > 1:
        parts = [(str(name), part) for name, part in split.groupby("source")]
        tables.append(_counts("Images by source", "source", parts, split))
    return tables


def _counts(
    title: str, head: str, parts: list[tuple[str, pd.DataFrame]], whole: pd.DataFrame
) -> TextTable:
    return TextTable.of(
        title,
        (head, *reversed(_NAMES), "all"),
        (
            (name, *(f"{(part['label'] == label).sum():,}" for label in (1, 0)), f"{len(part):,}")
            for name, part in [*parts, ("all", whole)]
        ),
    )


def findings(curation: Mapping[str, Any]) -> list[str]:
    """What screening and the search for duplicates found, in sentences.

    Args:
        curation: what was found, as `Findings.as_dict` gives it; what it lacks is left out.
    """
    sentences = [
        f"{curation[key]:,} {what}"
        for key, what in (
            ("images", "images found"),
            ("copies", "exact copies of another image"),
            ("near_pairs", "pairs of near-duplicates"),
            ("conflicts", "images with a copy or near-duplicate of the other class"),
        )
        if isinstance(curation.get(key), int)
    ]
    for key, what in (("left_out", "left out"), ("suspicious", "suspicious")):
        counts_by_reason = curation.get(key)
        if isinstance(counts_by_reason, Mapping):
            named = {reason: count for reason, count in counts_by_reason.items() if count}
            listed = ", ".join(f"{count} {reason}" for reason, count in named.items())
            sentences.append(f"{sum(named.values()):,} {what}" + (f": {listed}" if listed else ""))
    return sentences


def leaks(split: pd.DataFrame) -> dict[str, int]:
    """Images of validation and test that training knows, by what they share with it.

    Args:
        split: table of one row an image: split, and group and content_hash where they are known.

    Returns:
        By a sentence on what is counted: how many images.
    """
    found = {}
    for column, what in (
        ("content_hash", "are exact copies of training images"),
        ("group", "are near-duplicates of training images"),
    ):
        if column not in split:
            continue
        known = set(split.loc[split["split"] == "train", column].dropna())
        for subset in ("val", "test"):
            part = split[split["split"] == subset]
            if len(part):
                sentence = f"{_SUBSETS[subset]} images {what}"
                found[sentence] = int(part[column].isin(known).sum())
    return found
