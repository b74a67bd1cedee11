"""Validation photographs looked at in tiles, to choose the threshold of these."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.special import expit

from corrosion.data.geometry import Window
from corrosion.data.images import ImageError, content_hash, file_content, read_image
from corrosion.data.places import is_there
from corrosion.data.sources import scan
from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.tile_threshold import (
    FEWEST_SOUND,
    ChosenThreshold,
    Floats,
    too_few,
)
from corrosion.prediction.tiled import window_logits
from corrosion.prediction.tiles import TileRule, Tiling
from corrosion.runs import RunDirectory
from corrosion.system.names import escaped
from corrosion.system.place_names import shown_place
from corrosion.system.progress import progress

log = logging.getLogger(__name__)

_WAY_OUT = (
    "give photographs to choose on (tile_validation: a folder with a folder of corroded and one of "
    "sound ones), or a threshold of your own as a number"
)


@dataclass(frozen=True, eq=False)
class TileValidation:
    """Photographs on which a threshold of tiles is chosen.

    Attributes:
        where: what they come from, for people: the folder, or the file of the split.
        records: one row a photograph: path (str) and label (0 or 1).
        trained_on: content hashes of the photographs that the checkpoint was trained on, as far as
            its run tells.
    """

    where: str
    records: pd.DataFrame
    trained_on: frozenset[str]


@dataclass(frozen=True, eq=False)
class Chosen:
    """A threshold of tiles, and what was seen of it on validation.

    Attributes:
        thresholds: the threshold by the number of tiles.
        facts: plain values for run.json.
    """

    thresholds: ChosenThreshold
    facts: dict[str, Any]


def find_validation(checkpoint: Path | None, folder: Path | None) -> TileValidation:
    """The photographs to choose on, without reading any.

    Args:
        checkpoint: a checkpoint, whose run knows its validation photographs; None for a network of
            which no file is known.
        folder: labelled folder of the user; None for the validation photographs of the run.

    Raises:
        CorrosionError: the folder is bad, or without one the checkpoint lies in no run whose
            validation photographs are known and still there; or fewer than `FEWEST_SOUND` of them
            are sound.
    """
    run = None if checkpoint is None else RunDirectory.holding(checkpoint)
    split = None if run is None else run.read_split()
    trained_on: frozenset[str] = frozenset()
    if split is not None and {"split", "content_hash"} <= set(split):
        trained_on = frozenset(split.loc[split["split"] == "train", "content_hash"])
    if folder is not None:
        where, records = shown_place(folder), scan(folder, name=escaped(folder.resolve().name))
    elif run is None or split is None or "split" not in split:
        raise CorrosionError(
            f"tiles: {checkpoint or 'the network'} lies in no run's directory with its split, so "
            f"the validation photographs on which the threshold of tiles is chosen are unknown: "
            f"{_WAY_OUT}."
        )
    else:
        where, records = str(run.split_file), split[split["split"] == "val"]
    there = records["path"].map(is_there).astype(bool)
    if not there.all():
        gone = f"{(~there).sum()} of {len(records)} validation photographs of {where} are gone"
        first = records.loc[~there, "path"].iloc[0]
        if (records.loc[there, "label"] == 0).sum() < FEWEST_SOUND:
            raise CorrosionError(f"tiles: {gone}, as {first}: {_WAY_OUT}.")
        log.warning("%s, as %s: the threshold of tiles is chosen on the others", gone, first)
    records = records.loc[there, ["path", "label"]].reset_index(drop=True)
    sound = int((records["label"] == 0).sum())
    if sound < FEWEST_SOUND:
        raise too_few(sound)
    return TileValidation(where, records, trained_on)


def choose_threshold(
    network: CorrosionClassifier,
    validation: TileValidation,
    *,
    tiling: Tiling,
    rule: TileRule,
    false_alarms: float,
    batch_size: int = 32,
) -> Chosen:
    """Look at validation photographs in tiles, and choose the threshold on the sound ones.

    Photographs that fit into one tile are looked at whole. Those that can't be read are left out,
    with a warning.

    Args:
        network: network in evaluation mode, on any device.
        validation: photographs to choose on.
        tiling: how they, and those that are predicted, are cut into tiles.
        rule: how many tiles must be corroded.
        false_alarms: share of sound photographs that may be called corroded, in (0, 1).
        batch_size: tiles at once through the network.

    Raises:
        CorrosionError: fewer than `FEWEST_SOUND` sound photographs can be read, or the network
            gives NaN.
    """
    logits: tuple[list[Floats], list[Floats]] = ([], [])
    known, failed = 0, []
    rows = zip(validation.records["path"], validation.records["label"], strict=True)
    for path, label in progress(rows, "choosing on tiles", total=len(validation.records)):
        try:
            content = file_content(path)
            pixels = read_image(path, content=content)
        except ImageError as error:
            failed.append(str(error))
            continue
        known += content_hash(content) in validation.trained_on
        grid = tiling.grid(*pixels.shape[:2])
        windows = (Window(0, 0, *pixels.shape[:2]),) if grid is None else grid.windows
        found = window_logits(network, pixels, windows, batch_size)
        logits[label].append(found / network.temperature)
    sound, corroded = logits
    if failed:
        log.warning("%d validation photographs can't be read, as %s", len(failed), failed[0])
    if known:
        log.warning(
            "%d of the photographs of %s were trained on: the threshold of tiles chosen on them is "
            "too low, and there will be more false alarms",
            known,
            validation.where,
        )
    thresholds = ChosenThreshold(tuple(sound), rule, false_alarms)
    tiled = [one for one in corroded if len(one) > 1]
    detected = sum(_detected(one, rule, thresholds) for one in tiled)
    counts = [len(one) for one in sound]
    log.info(
        "Threshold of tiles of %d px (%s) chosen on %d sound photographs of %d to %d tiles (%s); "
        "with it, corrosion is detected in %d of %d corroded ones of several tiles",
        tiling.size,
        rule,
        len(sound),
        min(counts),
        max(counts),
        validation.where,
        detected,
        len(tiled),
    )
    facts = {
        "validation": validation.where,
        "sound_photographs": len(sound),
        "sound_tiles": sum(counts),
        "fewest_tiles": min(counts),
        "most_tiles": max(counts),
        "corroded_photographs_in_tiles": len(tiled),
        "corroded_detected": detected,
    }
    return Chosen(thresholds, facts)


def _detected(logits: Floats, rule: TileRule, thresholds: ChosenThreshold) -> bool:
    return bool(expit(rule.score(logits)) >= thresholds.at(len(logits)).value)
