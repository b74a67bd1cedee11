"""Messages of Lightning that users need not see."""

from __future__ import annotations

import logging
import warnings


def quieten_lightning() -> None:
    """Leave out what Lightning says of devices it has not found and products it offers."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.handlers.clear()  # Hydra's handlers say it already, and to train.log too
        logger.propagate = True
    logging.getLogger("gcsfs").setLevel(logging.WARNING)  # Lightning imports it where it is there
    for message in (
        r".*treespec, LeafSpec.*is deprecated",
        r".* directory .* exists and is not empty",  # a resumed run
        r"Using `DistributedSampler` with the dataloaders",  # images are counted once
        r"It is recommended to use `self.log\(.*sync_dist=True",  # all processes have all images
        r"The `srun` command is available on your system but is not used",  # on login nodes
        r"Found \d+ module\(s\) in eval mode",  # frozen batch normalisation
        r"Couldn't infer the batch indices",  # a prediction knows its files itself
        r"You're resuming from a checkpoint that ended before the epoch",  # EpochSampler sees to it
    ):
        warnings.filterwarnings("ignore", message=message)
