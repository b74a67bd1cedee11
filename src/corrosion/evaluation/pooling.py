"""Runs put together by model: several seeds side by side, folds one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from corrosion.errors import CorrosionError
from corrosion.evaluation.metrics import Floats
from corrosion.evaluation.named_thresholds import find_threshold
from corrosion.evaluation.predictions import FOLD, read_predictions
from corrosion.evaluation.run_facts import RunFacts, read_run_facts
from corrosion.evaluation.thresholds import candidates
from corrosion.runs import RunDirectory
from corrosion.settings.model import NetworkSettings
from corrosion.settings.resumed import flat

_SECTIONS = ("model", "data", "augment", "trainer")
_NO_MATTER = {
    "data.split_file",
    "data.fold",  # its test images tell it
    "data.num_workers",
    "trainer.progress_bar",
    "trainer.devices",
}

_ALIKE = 1e-6  # by which machines may differ in a probability; other seeds differ by far more
_SHOWN = 3  # settings in a name; more only where these leave two models with one name


@dataclass(frozen=True)
class Pooled:
    """A model and its predictions.

    Attributes:
        name: name of the model, with what tells it from others of that name.
        runs: its runs, at least one.
        of_runs: predictions of each of them.
        tables: predictions as `read_predictions` gives them, of the same test images: one a seed,
            the folds of a seed put together, which the column test_fold tells. Seeds that predict
            the same of every image are one: they repeat nothing.
        threshold: probability from which an image counts as corroded.
        seeds: number of seeds before those that predict the same were taken as one.
    """

    name: str
    runs: tuple[RunFacts, ...]
    of_runs: tuple[pd.DataFrame, ...]
    tables: tuple[pd.DataFrame, ...]
    threshold: float
    seeds: int

    @property
    def caution(self) -> str | None:
        """That seeds are no repetitions, and what tells of other trainings instead."""
        if self.seeds == len(self.tables):
            return None
        return (
            f"{self.name}: of {self.seeds} seeds {len(self.tables)} "
            f"{'counts' if len(self.tables) == 1 else 'count'}, since the others predict the same "
            f"of every image, as those of experiment=probe do. Folds (data.folds=5 "
            f"data.fold=0,1,2,3,4) tell what another training gives."
        )


def pool(runs: Iterable[RunDirectory], *, threshold: float | str | None = None) -> list[Pooled]:
    """Read runs and put those of the same model and configuration together.

    Args:
        runs: directories of finished runs.
        threshold: a probability, or words of the name of a threshold, which is then
            chosen on the validation images of all runs of a model; None is that of the runs.

    Raises:
        CorrosionError: a file is missing or bad, or runs of a model have test sets that are neither
            the same (seeds) nor without a common image (folds), or different thresholds.
    """
    read = [read_run_facts(run) for run in runs]
    by_name: dict[str, list[RunFacts]] = {}
    for run, name in zip(read, _names(read), strict=True):
        by_name.setdefault(name, []).append(run)
    return [_pooled(name, of_model, threshold) for name, of_model in by_name.items()]


def _names(runs: Sequence[RunFacts]) -> list[str]:
    """A name a run: of its model, and of settings by which runs of that model differ."""
    settings = [_told(run) for run in runs]
    names = []
    for run, own in zip(runs, settings, strict=True):
        alike = [
            other for rival, other in zip(runs, settings, strict=True) if rival.name == run.name
        ]
        differing = [
            key
            for key in sorted(set().union(*alike) - _NO_MATTER, key=partial(_place, alike))
            if len({str(other.get(key)) for other in alike}) > 1
        ]
        shown = _telling(differing, alike)
        told = [f"{key}={_text(own.get(key))}" for key in shown]
        if more := len(differing) - len(shown):
            told.append(f"{more} more setting{'s' if more > 1 else ''}")
        names.append(f"{run.name} ({', '.join(told)})" if told else run.name)
    return names


def _told(run: RunFacts) -> dict[str, Any]:
    """The settings of a run by dotted key; 0 and 0.0 are one value.

    A network's setting that a run of an earlier version does not have is what it is by default.
    """
    values = flat({key: run.config.get(key) for key in _SECTIONS})
    if run.config.get("model"):
        default = NetworkSettings().plain()
        values = {f"model.{key}": value for key, value in default.items()} | values
    numbers = (int, float)
    return {
        key: float(value) if isinstance(value, numbers) and not isinstance(value, bool) else value
        for key, value in values.items()
    }


def _place(settings: Sequence[Mapping[str, Any]], key: str) -> tuple[bool, int, str]:
    """Where a key comes in a name: first those that every run has, those of the model before."""
    lacking = any(one.get(key) is None for one in settings)
    return lacking, _SECTIONS.index(key.split(".")[0]), key


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _telling(keys: Sequence[str], settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first few of the keys in which settings differ, and any that it takes to tell them."""
    shown: list[str] = []
    told = 1
    for key in keys:
        values = {tuple(str(one.get(name)) for name in (*shown, key)) for one in settings}
        if len(shown) < _SHOWN or len(values) > told:
            shown.append(key)
            told = len(values)
    return shown


def _pooled(name: str, runs: Sequence[RunFacts], threshold: float | str | None) -> Pooled:
    thresholds = {(run.config.get("model") or {}).get("threshold", 0.5) for run in runs}
    if threshold is None and len(thresholds) > 1:
        raise CorrosionError(
            f"The runs of {name} decide at different thresholds ({sorted(thresholds)}): give "
            f"one threshold for all."
        )
    if threshold is None:
        threshold = thresholds.pop()
    value = find_threshold(threshold, _known(runs) if isinstance(threshold, str) else {})
    by_images: dict[frozenset[str], list[pd.DataFrame]] = {}
    of_runs = tuple(read_predictions(run.directory, "test") for run in runs)
    for table in of_runs:
        key = "content_hash" if "content_hash" in table else "path"
        by_images.setdefault(frozenset(table[key]), []).append(table)
    tables = _put_together(name, by_images)
    return Pooled(name, tuple(runs), of_runs, _distinct(tables), value, len(tables))


def _distinct(tables: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, ...]:
    """Those of tables of the same images that predict something else than each one before."""
    found: list[tuple[pd.DataFrame, Floats]] = []
    for table in tables:
        key = ["content_hash", "path"] if "content_hash" in table else ["path"]
        said = table.sort_values(key)["probability"].to_numpy(np.float64)
        if not any(np.allclose(said, other, rtol=0, atol=_ALIKE) for _, other in found):
            found.append((table, said))
    return tuple(table for table, _ in found)


def _known(runs: Sequence[RunFacts]) -> dict[str, float]:
    """Thresholds chosen on the validation images of all runs of a model, by their rules."""
    tables = [read_predictions(run.directory, "val", split=False) for run in runs]
    validation = pd.concat(tables, ignore_index=True)
    found = candidates(validation["label"], validation["probability"])
    return {one.rule: one.value for one in found}


def _put_together(
    name: str, by_images: Mapping[frozenset[str], Sequence[pd.DataFrame]]
) -> tuple[pd.DataFrame, ...]:
    """One table a seed: of the same test set, or of folds, which share no image."""
    times = Counter(image for images in by_images for image in images)
    shared = sum(count > 1 for count in times.values())
    repeats = {len(tables) for tables in by_images.values()}
    if shared or len(repeats) > 1:
        raise CorrosionError(
            f"The runs of {name} have {len(by_images)} different test sets of "
            f"{', '.join(str(len(images)) for images in by_images)} images, {shared} of them in "
            f"several: seeds need the same data.split_file, folds need test sets without a common "
            f"image and as many runs each."
        )
    if len(by_images) == 1:
        return tuple(next(iter(by_images.values())))
    folds = [
        [_of_fold(table, fold) for table in tables]
        for fold, tables in enumerate(by_images.values())
    ]
    return tuple(pd.concat(tables, ignore_index=True) for tables in zip(*folds, strict=True))


def _of_fold(table: pd.DataFrame, fold: int) -> pd.DataFrame:
    """Tell the fold of images; groups of another split are numbered anew, and mean others."""
    table = table.assign(**{FOLD: fold})
    if "group" not in table:
        return table
    return table.assign(group=[f"{fold}-{group}" for group in table["group"]])
