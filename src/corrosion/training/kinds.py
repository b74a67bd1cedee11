"""Teach the head of the kinds of corrosion, once the training is over, and test it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from corrosion.data.cache.features import Features
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.kind_labels import COLUMN, kind_counts, learnable_kinds
from corrosion.evaluation.decisions import is_corroded
from corrosion.evaluation.kinds import evaluate_kinds
from corrosion.evaluation.run_facts import RunKinds
from corrosion.models.kind_fit import fit_kinds
from corrosion.models.kind_head import KindHead
from corrosion.training.judging import Judge

log = logging.getLogger(__name__)


def teach_kinds(
    judge: Judge,
    datamodule: CorrosionDataModule,
    tested: pd.DataFrame,
    *,
    threshold: float,
    balanced: bool,
) -> tuple[KindHead, RunKinds]:
    """Find the head on the best epoch's features, and test it.

    Training, validation and test are the corroded photographs of theirs whose kind is known and can
    be learnt. The network stays as it is.

    Args:
        judge: of the best epoch.
        datamodule: images of the run, whose records have kinds.
        tested: predictions of the test images, in the order of their records.
        threshold: probability from which corrosion counts as detected.
        balanced: whether each kind has the same total weight.

    Returns:
        The head, and what it does on the test set.

    Raises:
        CorrosionError: a feature is not finite.
    """
    records = pd.concat(
        [datamodule.records(split) for split in ("train", "val", "test")], ignore_index=True
    )
    names = learnable_kinds(records)
    features, labels = {}, {}
    for split in ("train", "val", "test"):
        features[split], labels[split] = _known(judge, datamodule, split, names)
    fit = fit_kinds(
        names, features["train"], labels["train"], features["val"], labels["val"], balanced=balanced
    )
    log.info(
        "kinds of corrosion: C %.3g, log loss on validation %.4f", fit.strength, fit.validation_loss
    )
    test = datamodule.records("test")
    rows = _rows(test, names)
    with torch.inference_mode():
        chances = fit.head(torch.from_numpy(features["test"])).softmax(dim=1).numpy()
    table = pd.DataFrame(
        {
            "path": test["path"].to_numpy()[rows],
            "kind": test[COLUMN].to_numpy()[rows],
            "told": np.array(names)[chances.argmax(axis=1)] if len(rows) else [],
            "kind_probability": chances.max(axis=1),
            "detected": is_corroded(tested["probability"].to_numpy()[rows], threshold).astype(int),
            "group": test["group"].to_numpy()[rows] if "group" in test else np.arange(len(rows)),
        }
    )
    evaluation = evaluate_kinds(table, names)
    fit.head.competence = evaluation.competence.plain()
    return fit.head, RunKinds(kind_counts(records), table, evaluation)


def _rows(records: pd.DataFrame, names: Sequence[str]) -> NDArray[np.int64]:
    return np.flatnonzero(records[COLUMN].isin(list(names)))


def _known(
    judge: Judge,
    datamodule: CorrosionDataModule,
    split: Literal["train", "val", "test"],
    names: Sequence[str],
) -> tuple[Features, NDArray[np.int64]]:
    """Features (N, C) and numbers of the kinds (N,) of photographs of known kind."""
    records = datamodule.records(split)
    rows = _rows(records, names)
    number = {name: position for position, name in enumerate(names)}
    return judge.features(split, rows), np.array(
        [number[kind] for kind in records[COLUMN].iloc[rows]], np.int64
    )
