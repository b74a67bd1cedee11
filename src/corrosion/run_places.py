"""The run directory: the one owner of the names and places of what a run writes.

    checkpoints/best.ckpt     the best epoch, with temperature, thresholds, band, and features of
                              training images, which tell what is unlike them
    checkpoints/last.ckpt     the last state, from which the run goes on
    config.yaml               the settings
    split.csv                 which image is used for what
    left_out.csv              images that no subset got, each with the reason
    checksums.json            SHA-256 of the files beside it that are read again
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

Runs are read and written by `corrosion.runs.RunDirectory`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from corrosion.errors import CorrosionError
from corrosion.system.files import LOCK
from corrosion.system.place_names import is_address, shown_place

Subset = Literal["val", "test"]
"""Subsets that a run predicts."""

PACKED = "model.safetensors"
"""Name of the file that stands for a checkpoint in a folder of `corrosion pack`."""

_CHECKPOINTS, _HYDRA = "checkpoints", ".hydra"
_OF_HYDRA = {_HYDRA, "train.log"}
_PREDICTIONS: Mapping[Subset, str] = {"val": "predictions_val.csv", "test": "predictions.csv"}
_NAMED = 3  # runs that a message names of a folder of runs


class _Place:
    """A file or folder of a run, by the names that lead there from its directory."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __get__(self, run: RunPlaces | None, owner: type[RunPlaces]) -> Path:
        return (Path() if run is None else run.path).joinpath(*self._names)


@dataclass(frozen=True)
class RunPlaces:
    """Where the files of a run are.

    Attributes:
        path: path of the directory.

    Example:
        >>> run = RunPlaces(Path("outputs/first"))
        >>> run.best.as_posix(), run.predictions_file("val").name
        ('outputs/first/checkpoints/best.ckpt', 'predictions_val.csv')
        >>> RunPlaces.holding(run.best) == run
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
    def of(cls, path: str | Path) -> Self:
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
    def holding(cls, checkpoint: Path) -> Self | None:
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


def checkpoint_of(path: str | Path) -> Path:
    """The checkpoint that a path stands for.

    Args:
        path: a checkpoint, the directory of a run, which stands for its best epoch, or a folder
            that `corrosion pack` has written, which stands for its `model.safetensors`.

    Raises:
        CorrosionError: there is nothing at `path`, or a directory without a best checkpoint.
    """
    path = Path(path)
    best = RunPlaces(path).best
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
        here = ", of this machine" if is_address(path) else ""
        raise CorrosionError(
            f"There is no {shown_place(path)}: give a checkpoint, or the directory of a run{here}."
        )
    return path


def _runs_below(folder: Path) -> list[Path]:
    """Runs with a best checkpoint a few folders below, as in outputs/<date>; the newest first."""
    best = RunPlaces(Path()).best
    found = [file for above in ("*", "*/*", "*/*/*") for file in folder.glob(f"{above}/{best}")]
    found.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    return [file.parent.parent for file in found]
