"""Alarms of a live source: a row, two snapshots, and a message to an address."""

from __future__ import annotations

import csv
import json
import logging
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from corrosion.errors import CorrosionError
from corrosion.explanation.overlay import write_image
from corrosion.prediction.live import LiveView
from corrosion.system.files import unwritable
from corrosion.system.names import table_path

log = logging.getLogger(__name__)

TABLE = "alarms.csv"
"""File of the rows in the folder."""

COLUMNS = ("when", "source", "probability", "frames", "snapshot", "overlay")
"""Its columns: the time in UTC, the source without a password, the probability of the frame that
raised the alarm, the frames in a row, and its pictures."""

_SECONDS = 5.0  # that a message may take
_WAITING = 100  # messages at the most; further ones are left out


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An address that leads elsewhere is not followed: the message was not meant for there."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Alarms:
    """Writes alarms into a folder, and sends them.

    Args:
        folder: folder that gets `alarms.csv` and `snapshots/`; rows are added to those of before.
            None writes nothing.
        webhook: address that gets the rows as JSON; None for none. A thread sends, so that a slow
            one holds nothing up; what fails is logged.

    Raises:
        CorrosionError: the folder can't be written.
    """

    def __init__(self, folder: Path | None, webhook: str | None = None) -> None:
        self._folder = folder
        self._webhook = webhook
        self._pool = ThreadPoolExecutor(1, "webhook")
        self._waiting = 0
        self._send = urllib.request.build_opener(_NoRedirect).open
        if folder is not None:
            self._append(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Send what waits."""
        self._pool.shutdown()

    def add(self, source: str, view: LiveView) -> dict[str, Any]:
        """Write and send an alarm; failures are logged, and the source is looked at on.

        Args:
            source: name of the source, as `shown_source` gives it.
            view: the frame that raised it.

        Returns:
            The row.
        """
        when = datetime.fromtimestamp(view.frame.when, UTC)
        row: dict[str, Any] = {
            "when": when.isoformat(timespec="milliseconds"),
            "source": source,
            "probability": round(view.probability, 6),
            "frames": view.streak,
            "snapshot": None,
            "overlay": None,
        }
        log.warning("ALARM: corrosion detected in %d frames of %s", view.streak, source)
        if self._folder is not None:
            try:
                name = f"snapshots/{when:%Y%m%dT%H%M%S}_{when.microsecond // 1000:03d}Z"
                for kind, pixels in (
                    ("snapshot", view.frame.image),
                    ("overlay", view.marked.overlay),
                ):
                    if pixels is not None:
                        file = f"{name}{'' if kind == 'snapshot' else '_overlay'}.jpg"
                        write_image(self._folder / file, pixels)
                        row[kind] = file
                self._append(row)
            except CorrosionError:
                log.exception("An alarm was not written.")
        if self._webhook is not None:
            self._post(self._webhook, row)
        return row

    def _append(self, row: dict[str, Any] | None) -> None:
        assert self._folder is not None
        path = self._folder / TABLE
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                if file.tell() == 0:
                    writer.writeheader()
                if row is not None:
                    writer.writerow({**row, "source": table_path(row["source"])})
        except OSError as error:
            raise unwritable(path, error) from error

    def _post(self, address: str, row: dict[str, Any]) -> None:
        if self._waiting >= _WAITING:
            log.error("Too many messages wait for %s: one is left out.", urlsplit(address).hostname)
            return
        self._waiting += 1
        self._pool.submit(self._sent, address, json.dumps(row).encode("ascii"))

    def _sent(self, address: str, body: bytes) -> None:
        request = urllib.request.Request(
            address, data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        try:
            with self._send(request, timeout=_SECONDS) as response:
                response.read(1)
        except (OSError, ValueError, urllib.error.URLError) as error:
            log.error("An alarm did not reach %s: %s", urlsplit(address).hostname, error)  # noqa: TRY400
        finally:
            self._waiting -= 1
