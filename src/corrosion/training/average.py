"""One network of the runs of a cross-validation, or of several seeds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from corrosion.data.cache.features import Features
from corrosion.data.splits import write_split
from corrosion.errors import CorrosionError
from corrosion.evaluation.calibration import fit_temperature, logit
from corrosion.evaluation.evaluation import Evaluation, evaluate_predictions
from corrosion.evaluation.pooling import Pooled
from corrosion.evaluation.predictions import folds_of, read_predictions
from corrosion.models.averaging import average_checkpoints
from corrosion.models.checkpoint import load_model, read_content, store_choices, write_checkpoint
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.evaluating import evaluating
from corrosion.models.pooled_features import images_of, pooled_by
from corrosion.models.training_distance import MOST_REFERENCES, POOLING, TrainingDistance
from corrosion.runs import RunDirectory
from corrosion.settings.evaluation import ChoiceSettings, EvaluationSettings
from corrosion.settings.inference import AverageSettings, InferenceSettings
from corrosion.settings.resumed import saved_settings
from corrosion.training.members import Members
from corrosion.training.testing import calibration_of

log = logging.getLogger(__name__)

_MAX_RISK = 0.03  # of every fold: docs/results.md, "A band that holds elsewhere"
_LOST = 0.02  # of the accuracy, which the photographs that the average has learnt don't cost


@dataclass(frozen=True)
class Average:
    """A network whose weights are the means of those of several runs.

    Attributes:
        members: the runs.
        unseen: what the runs' own networks say of photographs that they were not trained on; the
            temperature, the thresholds and the band of the average were chosen on it.
        learnt: share of the photographs that the average gets right of those that its members have
            learnt from, in [0, 1].
    """

    members: tuple[RunDirectory, ...]
    unseen: Evaluation
    learnt: float


def average_runs(members: Members, out: Path, settings: AverageSettings | None = None) -> Average:
    """Average the weights of runs of one model, and write the checkpoint.

    The average of folds has learnt from all photographs, so none is left to choose its temperature,
    thresholds and band on. They are chosen on what each fold's network says of its own test
    photographs; the average of seeds has theirs from the means of their logits on validation.

    Args:
        members: the runs, as `corrosion.training.members.Members.of` reads them.
        out: directory that gets `checkpoints/best.ckpt`, as `predictions_val.csv` what the choices
            were made on, as `config.yaml` what was asked of them, and as `split.csv` what was
            learnt from.
        settings: where and how the photographs are looked at, and the risk that every fold keeps
            outside the band; the defaults if None.

    Raises:
        CorrosionError: they are networks of different kinds, or the average knows less than its
            members: then nothing is written.
    """
    settings = settings or AverageSettings()
    runs, model, photographs = members.runs, members.model, members.photographs
    content = average_checkpoints([run.best for run in runs])
    judged = _unseen(model)
    temperature = fit_temperature(judged["label"], judged["logit"])
    judged["probability"] = temperature.apply(judged["logit"])
    asked = _asked(saved_settings(runs[0].config_file).choices, settings.max_risk, judged)
    unseen = evaluate_predictions(
        judged,
        judged,
        threshold=model.threshold,
        settings=EvaluationSettings(**dict(asked)),
        temperature=temperature,
    )
    run = RunDirectory(out)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    write_checkpoint(content, run.best)
    network = load_model(run.best, device=settings.device)
    looked_at = photographs
    if len(photographs) > MOST_REFERENCES:
        looked_at = photographs.sample(MOST_REFERENCES, random_state=0).reset_index(drop=True)
    features, of_distance = _features(network, looked_at, settings)
    learnt = _accuracy(network, features, looked_at["label"].to_numpy())
    needed = unseen.metrics["accuracy"].value - _LOST
    if not learnt >= needed:
        run.best.unlink()
        raise CorrosionError(
            f"The average gets {learnt:.3f} right of the photographs that its members have learnt "
            f"from; they have {unseen.metrics['accuracy'].value:.3f} of photographs that they have "
            f"not seen. Weights have a good mean only where all began with the same ones: train "
            f"with model.head_fit=logistic and model.freeze_batch_norm=true, as experiment=best."
        )
    distance = TrainingDistance(torch.from_numpy(of_distance), pooling=POOLING).with_limit_among(
        looked_at["group"].to_numpy()
    )
    generated = any(bool(one.facts.get("generated")) for one in model.runs)
    store_choices(
        run.best,
        calibration_of(unseen.choices) if unseen.choices else None,
        distance,
        replace(unseen.competence, generated=generated).plain(),
    )
    run.write_predictions("val", judged)  # what thresholds and band are read from again
    run.write_config({"choices": asked.plain()})
    write_split(photographs, run.split_file)  # tells whoever judges it what it has learnt from
    dropped = {"mask_network", "kinds"} & set(read_content(runs[0].best)[0])
    if dropped:
        log.warning(
            "the average has no %s, which belong to one network: train them again",
            " and no ".join(sorted(dropped)),
        )
    return Average(runs, unseen, learnt)


def _asked(of_runs: ChoiceSettings, max_risk: float | None, judged: pd.DataFrame) -> ChoiceSettings:
    """What is asked of thresholds and band: as of the runs, but for a risk that folds can keep."""
    usual = of_runs.confidence is None and of_runs.max_risk == ChoiceSettings().max_risk
    if max_risk is None and usual and folds_of(judged) is not None:
        max_risk = _MAX_RISK
    return of_runs if max_risk is None else of_runs.replace(max_risk=max_risk)


def _unseen(model: Pooled) -> pd.DataFrame:
    """One row a photograph that its network was not trained on, with the column logit."""
    if len(model.tables) < len(model.of_runs):  # folds
        tables = list(model.tables)
    else:
        tables = [read_predictions(run.directory, "val") for run in model.runs]
        if len({frozenset(table["path"]) for table in tables}) > 1:
            raise CorrosionError(
                f"The runs of {model.name} have different validation images: seeds need the same "
                f"data.split_seed."
            )
    return _mean_of(tables)


def _mean_of(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The first table with the means of the logits by photograph."""
    first = tables[0]
    columns = [
        pd.Series(
            table["logit"].to_numpy() if "logit" in table else logit(table["probability"]),
            index=table["path"],
        ).loc[first["path"]]
        for table in tables
    ]
    mean = np.mean([column.to_numpy(np.float64) for column in columns], axis=0)
    return first.assign(logit=mean)


def _features(
    network: CorrosionClassifier, photographs: pd.DataFrame, settings: InferenceSettings
) -> list[Features]:
    """Features (N, C) as the head pools them, and as the distance does."""
    data = images_of(
        network,
        photographs,
        batch_size=settings.batch_size,
        num_workers="auto" if settings.num_workers is None else settings.num_workers,
    )
    return pooled_by(network, data, photographs, (network.head.pooling, POOLING))


def _accuracy(network: CorrosionClassifier, features: Features, label: NDArray[np.int64]) -> float:
    with evaluating(network), torch.inference_mode():
        pooled = torch.from_numpy(features).to(network.mean.device)
        corroded = network.forward_pooled(pooled).sigmoid().cpu().numpy() >= network.threshold
    return float((corroded == label).mean())
