"""Photographs and answers that are kept, where that was asked for."""

from __future__ import annotations

import json
import logging
import threading
from datetime import UTC, datetime
from pathlib import Path

from corrosion.data.file_kinds import HEAD, kind_by_content
from corrosion.data.images import content_hash
from corrosion.errors import CorrosionError
from corrosion.serve.answers import Answer
from corrosion.serve.intake import Upload
from corrosion.system.files import replacing, unwritable

log = logging.getLogger(__name__)

ANSWERS = "answers.jsonl"
"""File of the answers in the folder, a line each."""

_SUFFIXES = {
    "JPEG photograph": ".jpg",
    "PNG picture": ".png",
    "GIF picture": ".gif",
    "WebP picture": ".webp",
    "TIFF picture": ".tif",
    "BMP picture": ".bmp",
    "AVIF photograph": ".avif",
}


class Keeper:
    """Writes photographs into a folder, called after their content: no sender chooses a path.

    Its methods are called by threads.

    Args:
        folder: folder, which is made if missing.

    Raises:
        CorrosionError: it can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._append("")

    def keep(self, upload: Upload, answer: Answer) -> None:
        """Write a photograph, once, and a line of what was answered; failures are logged."""
        digest = content_hash(upload.content)
        suffix = _SUFFIXES.get(kind_by_content(upload.content[:HEAD]) or "", ".bin")
        path = self._folder / digest[:2] / f"{digest}{suffix}"
        row = answer.model_dump(exclude={"preview", "overlay", "status", "error"})
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"when": when, "kept": str(path.relative_to(self._folder)), **row})
        try:
            if not path.exists():
                with replacing(path) as temporary:
                    temporary.write_bytes(upload.content)
            self._append(f"{line}\n")
        except CorrosionError:
            log.exception("A photograph was answered, but not kept.")

    def _append(self, text: str) -> None:
        path = self._folder / ANSWERS
        try:
            with self._lock:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8") as file:
                    file.write(text)
        except OSError as error:
            raise unwritable(path, error) from error
