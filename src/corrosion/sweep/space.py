"""Search spaces in Hydra's override grammar, as the Hydra Optuna sweeper reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra_plugins.hydra_optuna_sweeper._impl import create_optuna_distribution_from_override
from optuna.distributions import BaseDistribution
from optuna.trial import Trial

Space = dict[str, BaseDistribution]


def parse_space(params: Mapping[str, object], arguments: Sequence[str]) -> tuple[Space, list[str]]:
    """Tell what is searched from what is fixed.

    Args:
        params: search space by key, e.g. {"model.lr": "tag(log, interval(1e-5, 1e-4))"}.
        arguments: overrides of the command line. A search space there replaces that of `params`; a
            single value takes the key out of the search.

    Returns:
        The distributions by key, and the overrides that all trials have in common.
    """
    parser = OverridesParser.create()
    space: Space = {}
    fixed: list[str] = []
    for override in parser.parse_overrides(
        [*(f"{key}={value}" for key, value in params.items()), *arguments]
    ):
        key = override.get_key_element()
        if override.is_sweep_override():
            space[key] = create_optuna_distribution_from_override(override)
        else:
            space.pop(key, None)
            fixed.append(str(override.input_line))
    return space, fixed


def suggest(trial: Trial, space: Space) -> list[str]:
    """Let the study's sampler choose a trial's parameters.

    Args:
        trial: trial in state RUNNING.
        space: distributions by key.

    Returns:
        The parameters as overrides, e.g. ["model.lr=3.1e-05"].
    """
    for key, distribution in space.items():
        trial._suggest(key, distribution)  # the public methods build the distribution themselves
    return [f"{key}={value}" for key, value in trial.params.items()]
