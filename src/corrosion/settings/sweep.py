"""A search for hyperparameters: `conf/sweep`, and the sweeper of Hydra that runs it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import AfterValidator

from corrosion.settings.base import Settings
from corrosion.settings.types import Count, Share, Text, WholeNumber


def _folder_name(name: str) -> str:
    if re.search(r"[/\\\0]", name) or name in (".", ".."):
        raise ValueError("give the name of a folder, without slashes.")
    return name


def _pruner(pruner: dict[str, Any] | None) -> dict[str, Any] | None:
    if pruner is not None and pruner.get("name") not in ("median", "hyperband"):
        raise ValueError("give a mapping with name, which is median or hyperband, or null.")
    return pruner


def _sampler(sampler: dict[str, Any]) -> dict[str, Any]:
    for key, value in sampler.items():  # Optuna takes some of them without a word
        if isinstance(value, (int, float)) and value < 0:
            raise ValueError(f"give {key} a number from 0.")
    return sampler


def _address(url: str) -> str:
    if not re.match(r"[a-z0-9+]+://", url):
        raise ValueError(
            "give a database as sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME."
        )
    return url


class SweepSettings(Settings):
    """A search for hyperparameters: `conf/sweep`."""

    name: Annotated[Text, AfterValidator(_folder_name)]
    """Name of the study, and of its directory."""
    trial: WholeNumber | None = None
    """Number of a trial in its study; the sweeper sets it."""
    pruner: Annotated[dict[str, Any] | None, AfterValidator(_pruner)] = None
    """Name (median, hyperband) and options of a pruner, which stops hopeless trials early."""
    cost: Literal["parameters", "latency"] | None = None
    """A second objective, to be small."""

    def conflicts(self) -> Iterable[str]:
        """Two objectives can't be pruned by one."""
        if self.cost and self.pruner:
            yield "{pruner} can't judge two objectives: set {pruner}=null or {cost}=null."


class SweeperSettings(Settings):
    """How the trials of a study are run: `conf/hydra/sweeper/study.yaml`."""

    sampler: Annotated[dict[str, Any], AfterValidator(_sampler)]
    """Configuration of an Optuna sampler (`hydra/sweeper/sampler=...`)."""
    storage: Annotated[Text, AfterValidator(_address)]
    """Address of the study's database, as SQLAlchemy takes it."""
    study_name: Text
    """Name of the study in that database."""
    n_trials: Count
    """Number of trials of the study, over all processes and all runs of the command."""
    n_jobs: Annotated[int, Ge(1), Le(10_000)]
    """Number of trials that are handed to the launcher at a time."""
    max_failure_rate: Share
    """Share of `n_trials` that may fail before the sweep stops."""
    heartbeat: Annotated[int, Ge(1), Le(86_400)]
    """Seconds between heartbeats of a trial."""
    params: dict[str, str | float | int | bool] | None
    """Search space by key, in Hydra's override grammar."""
