"""The run directory: the one owner of the names, places and formats of what a run writes.

    checkpoints/best.ckpt     the best epoch, with temperature, thresholds, band, and features of
                              training images, which tell what is unlike them
    checkpoints/last.ckpt     the last state, from which the run goes on
    config.yaml               the settings
    split.csv                 which image is used for what
    left_out.csv              images that no subset got, each with the reason
    history.csv               loss and metrics by epoch
    predictions.csv           of the test images; predictions_val.csv those of validation
    metrics.json              metrics, and everything else to be known of the run
    evaluation.json           metrics with intervals, and what was chosen on validation
    figures/                  curves of the training, figures of the evaluation
    gradcam/                  pictures of what the network looks at, and their table, examples.csv
    kinds.json                kinds of corrosion, where they were asked for: counts and metrics;
                              kinds_confusion.csv, and predictions_kinds.csv of the test images
    report.html               all of it on one page
    logs/                     of Lightning's loggers
    .hydra/, train.log        what the command line said, and messages, both written by Hydra

What is read here is checked for its form only; `corrosion.evaluation.predictions` looks at values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from corrosion.errors import CorrosionError
from corrosion.settings.stored import RunConfig, RunKindsStored, RunMetrics, StoredValues
from corrosion.system.files import (
    LOCK,
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

Subset = Literal["val", "test"]
"""Subsets that a run predicts."""

PACKED = "model.safetensors"
"""Name of the file that stands for a checkpoint in a folder of `corrosion pack`."""

_CHECKPOINTS, _HYDRA = "checkpoints", ".hydra"
_OF_HYDRA = {_HYDRA, "train.log"}
_PREDICTIONS: Mapping[Subset, str] = {"val": "predictions_val.csv", "test": "predictions.csv"}
_NAMED = 3  # runs that a message names of a folder of runs
_PICTURES = ("picture", "photograph", "evidence")  # columns of examples: names of files
_TEXT = ("path", "source", "content_hash")  # columns, whatever they look like


class _Place:
    """A file or folder of a run, by the names that lead there from its directory."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __get__(self, run: RunDirectory | None, owner: type[RunDirectory]) -> Path:
        return (Path() if run is None else run.path).joinpath(*self._names)


@dataclass(frozen=True)
class RunDirectory:
    """The files of a run.

    Writers write whole files or none. Readers raise CorrosionError where a file can't be read or is
    something else.

    Attributes:
        path: path of the directory.

    Example:
        >>> run = RunDirectory(Path("outputs/first"))
        >>> run.best.as_posix(), run.predictions_file("val").name
        ('outputs/first/checkpoints/best.ckpt', 'predictions_val.csv')
        >>> RunDirectory.holding(run.best) == run
        True
        >>> run.check_finished()
        Traceback (most recent call last):
        corrosion.errors.CorrosionError: outputs/first is no finished run (there is no \
outputs/first/predictions.csv): give the directory of a run whose training has ended.
    """

    path: Path

    checkpoints = _Place(_CHECKPOINTS)
    """Folder of the checkpoints."""
    best = _Place(_CHECKPOINTS, "best.ckpt")
    """Checkpoint of the best epoch."""
    last = _Place(_CHECKPOINTS, "last.ckpt")
    """Checkpoint of the last state."""
    config_file = _Place("config.yaml")
    """The settings."""
    split_file = _Place("split.csv")
    """Which image is used for what, as `corrosion.data.splits.write_split` writes it."""
    left_out_file = _Place("left_out.csv")
    """Images that no subset got."""
    history_file = _Place("history.csv")
    """Loss and metrics by epoch."""
    metrics_file = _Place("metrics.json")
    """Metrics and facts."""
    evaluation_file = _Place("evaluation.json")
    """Metrics with intervals, and choices."""
    examples = _Place("gradcam")
    """Folder of the pictures of what the network looks at."""
    examples_file = _Place("gradcam", "examples.csv")
    """The table of these pictures."""
    kinds_file = _Place("kinds.json")
    """Kinds of corrosion: counts and metrics."""
    kinds_predictions_file = _Place("predictions_kinds.csv")
    """Kinds that were told of the test images."""
    kinds_confusion_file = _Place("kinds_confusion.csv")
    """Confusion matrix of the kinds."""
    report_file = _Place("report.html")
    """The page."""
    logs = _Place("logs")
    """Folder of Lightning's loggers."""
    _overrides_file = _Place(_HYDRA, "overrides.yaml")

    def predictions_file(self, subset: Subset) -> Path:
        """Predictions of validation or test."""
        return self.path / _PREDICTIONS[subset]

    def figure_file(self, name: str) -> Path:
        """A figure."""
        return self.path / "figures" / f"{name}.png"

    @classmethod
    def of(cls, path: str | Path) -> RunDirectory:
        """The run that a directory, or one of the run's checkpoints, stands for.

        Raises:
            CorrosionError: there is nothing at `path`, or it is a file in no run's directory.
        """
        path = Path(path)
        run = cls(path) if path.is_dir() else cls.holding(path)
        if run is None or not path.exists():
            what = "lies in no run's directory" if path.exists() else "is not there"
            raise CorrosionError(
                f"{path} {what}: give the directory of a run, or one of its checkpoints."
            )
        return run

    @classmethod
    def holding(cls, checkpoint: Path) -> RunDirectory | None:
        """The run in whose directory a checkpoint lies; None for one that lies elsewhere."""
        folder = checkpoint.resolve().parent
        if folder.name != _CHECKPOINTS:
            return None
        # as it was given where that tells it: messages shall name what the user knows
        given = (
            checkpoint.parent.parent if checkpoint.parent.name == _CHECKPOINTS else folder.parent
        )
        return cls(given)

    @property
    def is_finished(self) -> bool:
        """Whether the test set has been predicted."""
        return self.predictions_file("test").is_file()

    @property
    def is_unused(self) -> bool:
        """Whether nothing is there but what Hydra makes before a run."""
        return {path.name for path in self.path.iterdir()} <= {*_OF_HYDRA, LOCK}

    def check_finished(self) -> None:
        """Make sure that the test set has been predicted.

        Raises:
            CorrosionError: it has not.
        """
        if not self.is_finished:
            raise CorrosionError(
                f"{self.path} is no finished run (there is no {self.predictions_file('test')}): "
                f"give the directory of a run whose training has ended."
                + (
                    f" Go on with this one by python train.py resume={self.path}: it chooses "
                    f"thresholds and the band for an inspector at its end."
                    if self.last.is_file()
                    else ""
                )
            )

    def write_config(self, settings: Mapping[str, Any]) -> None:
        """Write the settings, plain values by group."""
        text = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
        write_text(self.config_file, text)

    def write_left_out(self, table: pd.DataFrame) -> None:
        """Write the images that no subset got, one row an image."""
        write_csv(self.left_out_file, table)

    def write_history(self, table: pd.DataFrame) -> None:
        """Write the history, one row an epoch."""
        write_csv(self.history_file, table)

    def write_predictions(self, subset: Subset, table: pd.DataFrame) -> None:
        """Write predictions, one row an image, with path, label and probability at least."""
        write_csv(self.predictions_file(subset), table)

    def write_metrics(self, metrics: Mapping[str, float], facts: Mapping[str, Any]) -> None:
        """Write metrics by key ("test/accuracy"; NaN becomes null), then the facts of the run."""
        write_json(self.metrics_file, {**metrics, **facts})

    def write_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """Write an evaluation, plain values; NaN becomes null."""
        write_json(self.evaluation_file, evaluation)

    def write_examples(self, table: pd.DataFrame) -> None:
        """Write the table of the pictures of what the network looks at, one row a picture."""
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
        write_json(self.kinds_file, content)
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
        content = read_json(self.kinds_file, kind=dict)
        stored = RunKindsStored.of(content, self.kinds_file, way_out=RESTORE)
        table = read_csv(
            self.kinds_predictions_file,
            required=("path", "kind", "told", "detected"),
            text=("path", "kind", "told"),
            numbers=("probability", "detected"),
        )
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


def checkpoint_of(path: str | Path) -> Path:
    """The checkpoint that a path stands for.

    Args:
        path: a checkpoint, the directory of a run, which stands for its best epoch, or a folder
            that `corrosion pack` has written, which stands for its `model.safetensors`.

    Raises:
        CorrosionError: there is nothing at `path`, or a directory without a best checkpoint.
    """
    path = Path(path)
    best = RunDirectory(path).best
    if path.is_dir():
        if not best.is_file():
            if (packed := path / PACKED).is_file():
                return packed
            if runs := _runs_below(path):
                more = " ..." if len(runs) > _NAMED else ""
                raise CorrosionError(
                    f"{path} is no run, but a folder of runs: give one of them, as "
                    f"{', '.join(map(str, runs[:_NAMED]))}{more} (the newest first)."
                )
            raise CorrosionError(
                f"{path} holds no {best.relative_to(path)}: give a checkpoint, or the directory of "
                f"a run that has finished an epoch."
            )
        return best
    if not path.is_file():
        raise CorrosionError(f"There is no {path}: give a checkpoint, or the directory of a run.")
    return path


def _runs_below(folder: Path) -> list[Path]:
    """Runs with a best checkpoint a few folders below, as in outputs/<date>; the newest first."""
    best = RunDirectory(Path()).best
    found = [file for above in ("*", "*/*", "*/*/*") for file in folder.glob(f"{above}/{best}")]
    found.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    return [file.parent.parent for file in found]


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
    table = read_csv(path, required=("path", *required), text=_TEXT)
    if table["path"].isna().any():
        raise CorrosionError(f"{path} has a row without a path: give each image one.")
    twice = table["path"][table["path"].duplicated()]
    if len(twice):
        raise CorrosionError(f"{path} names {twice.iloc[0]} twice: give each image one row.")
    return table
