"""Results written to a place elsewhere: first on this machine, then copied there, whole."""

from __future__ import annotations

import hashlib
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from corrosion.data.cache.directory import cache_dir
from corrosion.data.places import remote
from corrosion.data.places.entries import PlaceError
from corrosion.data.places.retries import refused
from corrosion.errors import CorrosionError
from corrosion.system.files import LOCK, is_taken
from corrosion.system.names import displayable, shortened
from corrosion.system.place_names import address_of, archive_of

log = logging.getLogger(__name__)

_LAST = "run.json"  # where it is there, all is
_MARK = ".corrosion-writes-here"


@dataclass(frozen=True)
class Output:
    """Where the results of a command go.

    Attributes:
        folder: folder of this machine that they are written to.
        address: where they are copied to when all are there; None leaves them in the folder.
    """

    folder: Path
    address: str | None = None

    @classmethod
    def of(cls, out: str | Path) -> Output:
        """The output that a path or an address means.

        That of an address is always the same folder below the cache, so that a run that was killed
        goes on there.

        Raises:
            CorrosionError: it leads into an archive, or has a password in it.
        """
        address = address_of(out)
        if address is None:
            if archive_of(out) is not None:
                raise CorrosionError(
                    f"out={displayable(str(out))}: nothing is written into an archive: give a "
                    f"folder."
                )
            return cls(Path(out))
        address = address.rstrip("/")
        name = shortened(address.rpartition("/")[2], 80)
        digest = hashlib.blake2b(address.encode("utf-8", "replace"), digest_size=6).hexdigest()
        return cls(cache_dir() / "results" / f"{name}-{digest}", address)

    def __str__(self) -> str:
        """What users call it."""
        return str(self.folder) if self.address is None else displayable(self.address)

    def check(self) -> None:
        """Make sure that results can be copied to the address, before long work.

        Raises:
            CorrosionError: there is something already, or nothing can be written.
        """
        if self.address is None:
            return
        if self._there():
            raise CorrosionError(f"{self} is there already: choose another --out, or remove it.")
        mark = f"{self.address}/{_MARK}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / LOCK).touch()
            remote.send(self.folder / LOCK, mark)
            remote.remove(mark)
        except PlaceError as error:
            if not is_taken(self.folder):
                shutil.rmtree(self.folder, ignore_errors=True)
            raise refused(f"--out={self}", "written", error) from error
        except OSError as error:
            reason = error.strerror or error
            raise CorrosionError(
                f"{self.folder}, from where results are copied to {self}, can't be written: "
                f"{reason}. Set CORROSION_CACHE to another folder."
            ) from error

    def deliver(self) -> None:
        """Copy the results to the address, and remove the folder once all are there.

        Raises:
            CorrosionError: they can't be written; the message names the folder that has them.
        """
        if self.address is None or not is_taken(self.folder):
            return
        files = [one for one in self.folder.rglob("*") if one.is_file() and one.name != LOCK]
        files.sort(key=lambda one: (one == self.folder / _LAST, one))
        before, last = files[:-1], files[-1:]
        try:
            with ThreadPoolExecutor(remote.CONNECTIONS) as pool:
                for some in (before, last):
                    list(pool.map(self._send, some))
        except (PlaceError, OSError) as error:
            raise CorrosionError(
                f"{self} can't be written: {error}. All results are in {self.folder}: copy them "
                f"from there."
            ) from error
        shutil.rmtree(self.folder, ignore_errors=True)
        log.info("%d files have been written to %s", len(files), self)

    def _send(self, path: Path) -> None:
        remote.send(path, f"{self.address}/{path.relative_to(self.folder).as_posix()}")

    def _there(self) -> bool:
        assert self.address is not None
        try:
            found = remote.listing(self.address, recursive=False)[0]
        except PlaceError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return False  # the bucket may still be missing: writing tells
            raise refused(f"--out={self}", "listed", error) from error
        return bool(set(found.entries) - {_MARK} or found.folders)
