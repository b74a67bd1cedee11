"""The runs that an average is made of, read and checked without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from corrosion.data.places import is_there
from corrosion.errors import CorrosionError
from corrosion.evaluation.pooling import Pooled, pool
from corrosion.runs import RunDirectory, checkpoint_of


@dataclass(frozen=True, eq=False)
class Members:
    """Runs of one model.

    Attributes:
        runs: their directories, two at least.
        model: what they predicted, put together.
        photographs: rows of their tables of images that at least one of them has learnt from.
    """

    runs: tuple[RunDirectory, ...]
    model: Pooled
    photographs: pd.DataFrame

    @classmethod
    def of(cls, runs: Sequence[RunDirectory]) -> Members:
        """Read runs.

        Args:
            runs: finished runs that differ in fold or seed alone.

        Raises:
            CorrosionError: there are fewer than two runs, they are of several models, or a file or
                a photograph is missing.
        """
        if len(runs) < 2:
            given = runs[0].path if runs else "Nothing"
            raise CorrosionError(
                f"{given} is one run: give two or more, as the folds of one cross-validation."
            )
        for run in runs:
            checkpoint_of(run.path)
        model = _one_model(pool(runs))
        photographs = _learnt_from(model)
        if missing := [path for path in photographs["path"] if not is_there(path)]:
            raise CorrosionError(
                f"{missing[0]} is missing ({len(missing)} of {len(photographs)} photographs of "
                f"{runs[0].path}): the average looks at them once more. Put them where the "
                f"training found them."
            )
        return cls(tuple(runs), model, photographs)


def _one_model(models: Sequence[Pooled]) -> Pooled:
    if len(models) > 1:
        raise CorrosionError(
            f"These are runs of {len(models)} models ({', '.join(one.name for one in models)}): "
            f"give runs that differ in seed or fold alone; train those of one model again, with "
            f"the settings of the other."
        )
    return models[0]


def _learnt_from(model: Pooled) -> pd.DataFrame:
    splits = [run.split for run in model.runs if run.split is not None]
    if len(splits) < len(model.runs):
        raise CorrosionError(
            f"A run of {model.name} has no split.csv: nothing tells what it has learnt from. Give "
            f"directories of runs with all of their files."
        )
    learnt = pd.concat([split[split["split"] == "train"] for split in splits])
    return learnt.drop_duplicates("path").reset_index(drop=True)
