"""A trained network that goes on with photographs which were judged since."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corrosion.data.kind_labels import SUBFOLDERS, Kinds
from corrosion.data.kind_names import FILE
from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory
from corrosion.settings.resumed import saved_settings
from corrosion.settings.run import RunSettings
from corrosion.settings.update import UpdateSettings


def updated_settings(
    run: RunDirectory, labelled: Sequence[Path], settings: UpdateSettings | None = None
) -> RunSettings:
    """The settings of a training that starts from a run's best epoch, on its images and new ones.

    The old images stay in their subsets, so the test set is the same and what was learnt is not
    forgotten; new ones are for training, but for near-duplicates of validation and test, which are
    left out. A low learning rate keeps the weights near those of the run; a probe, whose head is
    found at once, has none.

    Args:
        run: a finished run that was trained on folders.
        labelled: folders with a folder per class, as `corrosion verdicts --labelled` writes them.
        settings: the defaults if None.

    Raises:
        CorrosionError: the run is not finished, was trained on the generated sample, or its
            settings can't be read.
    """
    settings = settings or UpdateSettings()
    run.check_finished()
    own = saved_settings(run.config_file)
    if not own.data.roots:
        raise CorrosionError(
            f"{run.path} was trained on generated pictures: train on photographs first, by "
            f"corrosion train --data PHOTOS."
        )
    if not run.split_file.is_file():
        raise CorrosionError(
            f"There is no {run.split_file}: without it the test set can't stay the same. Give the "
            f"directory of a run with all of its files."
        )
    model = own.model
    trained = model.replace(
        weights=str(run.best),
        from_random=None,
        name=f"{model.title} updated",
        **({} if model.is_probe else {"lr": model.lr * settings.lr_share, "head_fit": "gradient"}),
    )
    data = own.data.replace(
        root=(*own.data.roots, *labelled),
        kinds=_kinds(own.data.kinds, labelled),
        split_file=run.split_file,
        folds=None,
        fold=0,
    )
    trainer = own.trainer
    if settings.epochs is not None:
        trainer = trainer.replace(max_epochs=settings.epochs)
    return own.replace(model=trained, data=data, trainer=trainer, resume=None, sweep=None)


def _kinds(own: Kinds | None, labelled: Sequence[Path]) -> Kinds | None:
    """Where kinds come from; a run's files of kinds do not name the photographs that are added."""
    if own is None or own == SUBFOLDERS:
        return own
    added = [folder / FILE for folder in labelled if (folder / FILE).is_file()]
    files = own if isinstance(own, tuple) else (Path(own),)
    return (*files, *added) if added else own
