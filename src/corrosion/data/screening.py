"""Find files that can't be read before a training finds them, and know every file's content."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from corrosion.data.file_cache import FileCache, FileState
from corrosion.data.images import MAX_PIXELS, ImageError, check_image
from corrosion.errors import CorrosionError

log = logging.getLogger(__name__)

_LISTED = 20  # rejected files that the warning names; `Screened.rejected` has them all
_WORTH_A_BAR = 500  # files that take a second or more


@dataclass(frozen=True)
class Screened:
    """Readable images, and those left out.

    Attributes:
        records: as given, without the unreadable files, with the columns content_hash (str, of
            the file's bytes), width and height (int32, pixels as displayed).
        rejected: columns path and reason.
    """

    records: pd.DataFrame
    rejected: pd.DataFrame


def screen(
    records: pd.DataFrame,
    *,
    on_bad: str = "warn",
    max_pixels: int = MAX_PIXELS,
    workers: int | None = None,
) -> Screened:
    """Decode every image once; what was decoded before and has not changed is not read again.

    Args:
        records: with a column path.
        on_bad: "warn" names the unreadable files in one warning and leaves them out; "error"
            stops.
        max_pixels: larger images count as unreadable.
        workers: threads (decoding runs outside Python's lock); by default one a processor.

    Raises:
        CorrosionError: `on_bad` is neither, no image is readable, or with "error" one is not.
    """
    if on_bad not in ("warn", "error"):
        raise CorrosionError(f"data.on_bad_image={on_bad}: choose warn or error.")
    if not 1 <= max_pixels <= MAX_PIXELS:
        raise CorrosionError(
            f"data.max_megapixels={max_pixels / 1e6:g}: must be above 0 and at most "
            f"{MAX_PIXELS / 1e6:g}."
        )
    paths = records["path"].tolist()
    checked, reasons = _check(paths, max_pixels, workers or len(os.sched_getaffinity(0)))
    rejected = pd.DataFrame(
        {"path": pd.Series(reasons.keys(), dtype="str"), "reason": list(reasons.values())}
    )
    if reasons:
        _report(reasons, total=len(paths), on_bad=on_bad)
    readable = records["path"].isin(checked.keys())
    kept = records[readable].reset_index(drop=True)
    facts = [checked[path] for path in kept["path"]]
    kept["content_hash"] = pd.Series([fact.content_hash for fact in facts], dtype="str")
    kept["width"] = np.array([fact.width for fact in facts], dtype=np.int32)
    kept["height"] = np.array([fact.height for fact in facts], dtype=np.int32)
    return Screened(kept, rejected)


def _check(
    paths: Sequence[str], max_pixels: int, workers: int
) -> tuple[dict[str, FileState], dict[str, str]]:
    """State of the readable files, and why the others can't be read, by path."""
    cache = FileCache("screening")
    checked = {
        path: state
        for path, state in cache.load(paths).items()
        if state.width * state.height <= max_pixels
    }
    missing = [path for path in paths if path not in checked]
    reasons: dict[str, str] = {}
    console = Console(stderr=True)
    with ThreadPoolExecutor(workers) as pool:
        results = track(
            pool.map(partial(_state, max_pixels=max_pixels), missing),
            description="checking images",
            total=len(missing),
            console=console,
            disable=not console.is_terminal or len(missing) < _WORTH_A_BAR,
            transient=True,
        )
        found = dict(zip(missing, results, strict=True))
    for path, state in found.items():
        if isinstance(state, ImageError):
            reasons[path] = state.reason
        else:
            checked[path] = state
    cache.save({path: checked[path] for path in missing if path in checked})
    return checked, reasons


def _state(path: str, *, max_pixels: int) -> FileState | ImageError:
    try:
        stat = os.stat(path)  # noqa: PTH116 -- before reading: a later change is then noticed
        facts, content = check_image(path, max_pixels=max_pixels)
    except ImageError as error:
        return error
    except OSError as error:
        return ImageError(path, error.strerror or str(error))
    return FileState(
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        content_hash=hashlib.blake2b(content, digest_size=16).hexdigest(),
        width=facts.width,
        height=facts.height,
    )


def _report(reasons: dict[str, str], *, total: int, on_bad: str) -> None:
    lines = [f"  {path}: {reason}" for path, reason in list(reasons.items())[:_LISTED]]
    if len(reasons) > _LISTED:
        lines.append(f"  ... and {len(reasons) - _LISTED} more")
    listing = "\n".join(lines)
    if on_bad == "error" or len(reasons) == total:
        raise CorrosionError(
            f"{len(reasons)} of {total} images can't be read. Mend or remove them"
            + (", or leave them out by data.on_bad_image=warn:" if len(reasons) < total else ":")
            + f"\n{listing}"
        )
    log.warning("%d of %d images can't be read and are left out:\n%s", len(reasons), total, listing)
