"""What Lightning says and raises, as this project's users know it."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


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


@contextmanager
def interruptions_raised() -> Iterator[None]:
    """Raise KeyboardInterrupt where a `Trainer` ends the process at Ctrl-C, with code 1.

    It lets no second Ctrl-C through, for good: the signal's handler is given back. What else ends
    the process, as `corrosion.training.resuming.Preempted`, is left as it is.

    Raises:
        KeyboardInterrupt: the user has pressed Ctrl-C.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as end:
        if isinstance(end.__context__, KeyboardInterrupt):
            if threading.current_thread() is threading.main_thread():  # others may not
                signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from end
        raise
