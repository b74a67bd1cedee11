"""What a run says of itself beside its predictions: what it was, and how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from corrosion.evaluation.kinds import KindEvaluation, evaluate_kinds
from corrosion.runs import RunDirectory


@dataclass(frozen=True, eq=False)
class RunKinds:
    """What a run says of kinds of corrosion.

    Attributes:
        counts: number of photographs by kind and split, those of kinds too rare to be learnt too.
        table: one row a corroded test photograph of known kind: path, kind, told, kind_probability
            (of what was told), detected (0 or 1), group.
        evaluation: what the table comes to.
    """

    counts: Mapping[str, Mapping[str, int]]
    table: pd.DataFrame
    evaluation: KindEvaluation


@dataclass(frozen=True, eq=False)
class RunFacts:
    """What is known of a run; what it does not tell is left empty.

    Attributes:
        directory: directory of the run.
        config: its settings, plain values by group.
        facts: metrics by key, and everything else about the run, as `metrics.json` holds them.
        history: table of losses and metrics, one row an epoch.
        split: table of which image was used for what, one row an image.
        overrides: what the command line of the training said.
        examples: pictures of what the network looks at, one row a picture, as
            `corrosion.explanation.examples.write_examples` gives them.
        kinds: kinds of corrosion; None where it was not to tell any.
    """

    directory: RunDirectory
    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    history: pd.DataFrame | None
    split: pd.DataFrame | None
    overrides: tuple[str, ...]
    examples: pd.DataFrame | None
    kinds: RunKinds | None = None

    @property
    def name(self) -> str:
        """Name of the model; of the directory where nothing tells it."""
        model = self.config.get("model") or {}
        return str(
            self.facts.get("model") or model.get("name") or self.directory.path.resolve().name
        )


def read_run_facts(run: RunDirectory) -> RunFacts:
    """Read what a run's directory says of it.

    Raises:
        CorrosionError: a file is there but can't be read.
    """
    return RunFacts(
        directory=run,
        config=run.read_config(),
        facts=run.read_metrics(),
        history=run.read_history(),
        split=run.read_split(),
        overrides=run.read_overrides(),
        examples=run.read_examples(),
        kinds=_read_kinds(run),
    )


def _read_kinds(run: RunDirectory) -> RunKinds | None:
    found = run.read_kinds()
    if found is None:
        return None
    names, counts, table = found
    return RunKinds(counts, table, evaluate_kinds(table, names))
