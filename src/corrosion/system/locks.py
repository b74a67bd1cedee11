"""One process at a time writes into a folder: what two write at once is lost, or double."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from corrosion.errors import CorrosionError
from corrosion.system.files import LOCK

log = logging.getLogger(__name__)


@contextmanager
def sole_writer(folder: Path, *, name: str) -> Iterator[None]:
    """Be the only process that writes into a folder, which is made if it is not there.

    A folder that was made and in which nothing was written is removed again.

    Args:
        folder: the folder.
        name: of the parameter that the folder was given as, for messages.

    Raises:
        CorrosionError: another process writes there, or the folder can't be written.
    """
    path, there = folder / LOCK, folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise CorrosionError(
            f"{name}={folder}: another process is writing there: wait until it has ended, or give "
            f"another folder."
        ) from error
    except NotImplementedError:  # some network disks know no locks
        log.warning("%s can't be locked: take care that one process alone writes there", folder)
        yield
        return
    except OSError as error:
        reason = error.strerror or error
        raise CorrosionError(f"{name}={folder} can't be written: {reason}.") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # still held: nobody can have it in between
        lock.release()
        if not there:
            with suppress(OSError):  # something was written
                folder.rmdir()
