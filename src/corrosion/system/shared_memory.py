"""Room for what processes hand to one another."""

from __future__ import annotations

import logging
import shutil
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)

_SHARED = Path("/dev/shm")  # where Linux keeps it; other systems have no such folder
_AHEAD = 3  # batches of one process at once: two read ahead, and the one that is being used


def workers_with_room(wanted: int, *, batch_bytes: int, folder: Path = _SHARED) -> int:
    """How many loader processes the shared memory has room for.

    A process that finds none is killed by the system, amid a training: containers have 64 MB unless
    they are told otherwise.

    Args:
        wanted: number of processes, 0 or more, for all trainings of this machine.
        batch_bytes: size of a batch of images.
        folder: where shared memory is kept.

    Returns:
        `wanted` where there is room, or no such folder; else fewer, after a warning.

    Example:
        >>> workers_with_room(4, batch_bytes=1, folder=Path("/nowhere"))
        4
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return wanted
    room = min(wanted, free // (_AHEAD * batch_bytes))
    if room < wanted:
        _warn(
            f"{folder} has room for the batches of {room} of {wanted} processes that read images "
            f"({free / 1e6:.0f} MB free, {_AHEAD * batch_bytes / 1e6:.0f} MB each): {room} read. "
            f"In a container, give it more by --shm-size=2g, or take a smaller batch_size."
        )
    return room


@cache
def _warn(message: str) -> None:
    """Say it once, not for each subset's loader."""
    log.warning("%s", message)
