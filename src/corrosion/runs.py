"""The run directory: the one owner of the formats of what a run writes.

Its names and places are those of `corrosion.run_places`. What is read here is checked for its form
only; `corrosion.evaluation.predictions` looks at values.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrosion.errors import CorrosionError
from corrosion.run_places import RunPlaces, Subset, checkpoint_of
from corrosion.settings.stored import RunConfig, RunKindsStored, RunMetrics, StoredValues
from corrosion.system.checksums import check_recorded, recorded
from corrosion.system.files import (
    RESTORE,
    read_csv,
    read_json,
    read_yaml,
    write_csv,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    import pandas as pd  # half a second that a look for a checkpoint need not wait

__all__ = ["RunDirectory", "Subset", "checkpoint_of", "counted_from_one", "find_runs"]

log = logging.getLogger(__name__)

_PICTURES = ("picture", "photograph", "evidence")  # columns of examples: names of files
_TEXT = ("path", "source", "content_hash")  # columns, whatever they look like


@dataclass(frozen=True)
class RunDirectory(RunPlaces):
    """The files of a run.

    Writers write whole files or none, and remember the checksums of those that are read again.
    Readers raise CorrosionError where a file can't be read, is something else, or another than was
    written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = RunDirectory(Path(folder))
        ...     run.write_config({"seed": 7})
        ...     run.read_config()
        {'seed': 7}
    """

    def write_config(self, settings: Mapping[str, Any]) -> None:
        """Write the settings, plain values by group."""
        import yaml  # what runs exported files does without

        text = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
        with recorded(self.config_file):
            write_text(self.config_file, text)

    def write_left_out(self, table: pd.DataFrame) -> None:
        """Write the images that no subset got, one row an image."""
        write_csv(self.left_out_file, table)

    def write_history(self, table: pd.DataFrame) -> None:
        """Write the history, one row an epoch."""
        with recorded(self.history_file):
            write_csv(self.history_file, table)

    def write_predictions(self, subset: Subset, table: pd.DataFrame) -> None:
        """Write predictions, one row an image, with path, label and probability at least."""
        with recorded(self.predictions_file(subset)):
            write_csv(self.predictions_file(subset), table)

    def write_metrics(self, metrics: Mapping[str, float], facts: Mapping[str, Any]) -> None:
        """Write metrics by key ("test/accuracy"; NaN becomes null), then the facts of the run."""
        with recorded(self.metrics_file):
            write_json(self.metrics_file, {**metrics, **facts})

    def write_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """Write an evaluation, plain values; NaN becomes null."""
        write_json(self.evaluation_file, evaluation)

    def write_examples(self, table: pd.DataFrame) -> None:
        """Write the table of the pictures of what the network looks at, one row a picture."""
        with recorded(self.examples_file):
            write_csv(self.examples_file, table)

    def write_kinds(
        self, content: Mapping[str, Any], table: pd.DataFrame, confusion: pd.DataFrame
    ) -> None:
        """Write what there is to be known of kinds of corrosion.

        Args:
            content: `names` of the kinds, `photographs` by kind and split, `test`: the metrics.
            table: kinds that were told, one row a test image.
            confusion: true kinds by row, told ones by column; the first column has the names.
        """
        with recorded(self.kinds_file):
            write_json(self.kinds_file, content)
        with recorded(self.kinds_predictions_file):
            write_csv(self.kinds_predictions_file, table)
        write_csv(self.kinds_confusion_file, confusion)

    def read_config(self) -> dict[str, Any]:
        """The settings; empty where there is no such file."""
        return _checked(read_yaml, self.config_file, RunConfig)

    def read_metrics(self) -> dict[str, Any]:
        """Metrics by key and facts of the run; empty where there is no such file."""
        return _of_today(_checked(read_json, self.metrics_file, RunMetrics))

    def read_history(self) -> pd.DataFrame | None:
        """The history, one row an epoch; None where there is no such file."""
        if not self.history_file.is_file():
            return None
        check_recorded(self.history_file)
        needed = ("epoch", "train/loss", "val/loss")
        numbers = (*needed, "train/accuracy", "val/accuracy")
        return counted_from_one(read_csv(self.history_file, required=needed, numbers=numbers))

    def read_split(self) -> pd.DataFrame | None:
        """Which image is used for what, one row an image; None where there is no such file."""
        return _images(self.split_file, "label", "split") if self.split_file.is_file() else None

    def read_predictions(self, subset: Subset) -> pd.DataFrame:
        """Predictions, one row an image: path (str), label, probability and further columns.

        Raises:
            CorrosionError: there is no such file, or it is no such table.
        """
        path = self.predictions_file(subset)
        if not path.is_file():
            raise CorrosionError(f"There is no {path}: give the directory of a finished run.")
        return _images(path, "label", "probability")

    def read_examples(self) -> pd.DataFrame | None:
        """The table of the pictures of what the network looks at; None where there is none."""
        if not self.examples_file.is_file():
            return None
        check_recorded(self.examples_file)
        required = ("picture", "kind", "path", "label", "probability")
        table = read_csv(
            self.examples_file,
            required=required,
            text=(*_PICTURES, "path"),
            numbers=("label", "probability"),
        )
        told = table.columns.intersection(list(_PICTURES))  # those of before had one alone
        names = [*table["picture"], *(one for column in told for one in table[column].dropna())]
        if not all(Path(str(name)).name == name for name in names):
            raise CorrosionError(
                f"{self.examples_file} names pictures that are not beside it: restore it from a "
                f"copy, or delete it, and the report goes without them."
            )
        if not table["label"].isin((0, 1)).all() or table["path"].isna().any():
            raise CorrosionError(
                f"{self.examples_file} has rows without a path, or a label that is neither 0 nor "
                f"1: restore it from a copy, or delete it, and the report goes without them."
            )
        return table

    def read_kinds(
        self,
    ) -> tuple[tuple[str, ...], Mapping[str, Mapping[str, int]], pd.DataFrame] | None:
        """Names of the kinds of corrosion, photographs by kind and split, and what was told of the
        test images, one row an image; None where there are no kinds.
        """
        if not self.kinds_file.is_file():
            return None
        check_recorded(self.kinds_file)
        check_recorded(self.kinds_predictions_file)
        content = read_json(self.kinds_file, kind=dict)
        stored = RunKindsStored.of(content, self.kinds_file, way_out=RESTORE)
        table = read_csv(
            self.kinds_predictions_file,
            required=("path", "kind", "told", "detected"),
            text=("path", "kind", "told"),
            numbers=("kind_probability", "probability", "detected"),
        ).rename(columns={"probability": "kind_probability"})  # as earlier versions called it
        known = table[["kind", "told"]].isin(stored.names).all().all()
        if not known or not table["detected"].isin((0, 1)).all():
            raise CorrosionError(
                f"{self.kinds_predictions_file} has a kind that is not in {self.kinds_file.name}, "
                f"or a detected that is neither 0 nor 1. {RESTORE}"
            )
        return stored.names, stored.photographs, table

    def read_overrides(self) -> tuple[str, ...]:
        """What the command line of the training said; empty where Hydra did not start it."""
        file = self._overrides_file
        return tuple(map(str, read_yaml(file, kind=list))) if file.is_file() else ()


def find_runs(paths: Iterable[Path]) -> list[RunDirectory]:
    """Finished runs, given their directories or folders of them (as of a multirun).

    Those of a folder come in the order of its names, of which numbers count as such: 2_ before 10_.

    Raises:
        CorrosionError: nothing at a path, or no finished run below it.
    """
    found: dict[Path, None] = {}
    for path in paths:
        run = RunDirectory(path)
        wanted, begun = run.predictions_file("test").name, run.split_file.name
        runs = [path] if run.is_finished else [file.parent for file in path.rglob(wanted)]
        if not runs:
            raise CorrosionError(
                f"{path} holds no finished run (no {wanted}): give directories of runs, or the "
                f"directory of a multirun."
            )
        started = {file.parent for file in path.rglob(begun)} - set(runs)
        for unfinished in sorted(started):
            log.warning("%s is left out: it is not finished (no %s)", unfinished, wanted)
        found |= {one.resolve(): None for one in sorted(runs, key=_numbered)}
    return list(map(RunDirectory, found))


def _numbered(path: Path) -> list[tuple[int, str]]:
    """A path as it is sorted, its numbers by their value."""
    parts = re.split(r"([0-9]+)", str(path))
    return [(int(one), "") if number % 2 else (0, one) for number, one in enumerate(parts)]


def counted_from_one(history: pd.DataFrame) -> pd.DataFrame:
    """A history whose epochs count from 1; version 0.1 counted them from 0.

    Args:
        history: one row an epoch, in their order, with the column epoch.
    """
    if len(history) and history["epoch"].iloc[0] == 0:
        return history.assign(epoch=history["epoch"] + 1)
    return history


def _checked(
    read: Callable[..., dict[str, Any]], path: Path, schema: type[StoredValues]
) -> dict[str, Any]:
    """What a file holds, where the values that are used of it are in order; empty without it."""
    if not path.is_file():
        return {}
    check_recorded(path)
    content = read(path, kind=dict)
    schema.of(content, path, way_out=RESTORE)
    return content


def _of_today(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts as they are called and counted today; version 0.1 said expand, and counted from 0."""
    if "expand" in facts:
        facts["repeats"] = facts.pop("expand")
        if "best_epoch" in facts:
            facts["best_epoch"] += 1
    return facts


def _images(path: Path, *required: str) -> pd.DataFrame:
    """A table of one row an image."""
    check_recorded(path)
    table = read_csv(path, required=("path", *required), text=_TEXT)
    if table["path"].isna().any():
        raise CorrosionError(f"{path} has a row without a path: give each image one.")
    twice = table["path"][table["path"].duplicated()]
    if len(twice):
        raise CorrosionError(f"{path} names {twice.iloc[0]} twice: give each image one row.")
    return table
