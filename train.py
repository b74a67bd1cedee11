"""Train and test one configuration: `python train.py model=nasnetmobile data=folder ...`."""

import logging
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from omegaconf import DictConfig

from corrosion.errors import CorrosionError
from corrosion.sweep.sweeper import StudySweeper

log = logging.getLogger(__name__)
Plugins.instance().register(StudySweeper)  # what sweep=... runs on


@hydra.main(config_path="conf", config_name="train")
def main(config: DictConfig) -> float | tuple[float, float] | None:
    """Train, test, and return what sweepers optimise."""
    from corrosion.training.run import (
        train_from_config,  # torch loads only when there is work for it
    )

    try:
        return train_from_config(config)
    except CorrosionError as error:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise  # the sweeper counts the failure
        log.error("%s", error)  # noqa: TRY400 -- the message says it all, once
        sys.exit(1)


if __name__ == "__main__":
    main()
