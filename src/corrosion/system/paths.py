"""Paths that users give, checked before anything heavy is imported."""

from __future__ import annotations

from pathlib import Path

from corrosion.errors import CorrosionError


def checkpoint_of(path: str | Path) -> Path:
    """The checkpoint that a path stands for.

    Args:
        path: a checkpoint, or the directory of a run, which stands for its best epoch.

    Raises:
        CorrosionError: there is nothing at `path`, or a directory without a best checkpoint.
    """
    path = Path(path)
    if path.is_dir():
        best = path / "checkpoints" / "best.ckpt"
        if not best.is_file():
            raise CorrosionError(
                f"{path} holds no {best.relative_to(path)}: give a checkpoint, or the directory of "
                f"a run that has finished an epoch."
            )
        return best
    if not path.is_file():
        raise CorrosionError(f"There is no {path}: give a checkpoint, or the directory of a run.")
    return path


def is_taken(path: Path) -> bool:
    """Whether something would be lost if results were written to a path: no empty folder."""
    return path.exists() and (not path.is_dir() or any(path.iterdir()))


def is_finished_run(path: Path) -> bool:
    """Whether a path is the directory of a run that has been tested."""
    return (path / "predictions.csv").is_file()
