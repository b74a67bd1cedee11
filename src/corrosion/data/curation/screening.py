"""Find files that can't be read before a training finds them, and learn what is in the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from corrosion.data.cache.file_states import FileCache, FileState
from corrosion.data.curation.fingerprint import perceptual_hash, pixel_hash
from corrosion.data.curation.quality import measure, to_grey
from corrosion.data.images import MAX_PIXELS, CheckedImage, ImageError, check_image, content_hash
from corrosion.data.places import reading_threads, version
from corrosion.errors import CorrosionError, RunEndingError
from corrosion.system.names import brief
from corrosion.system.progress import progress

log = logging.getLogger(__name__)

_LISTED = 20  # rejected files that the warning names; `Screened.rejected` has them all
_FEWEST_FOR_A_BAR = 500  # files that take a second or more
_PORTION = 250  # files checked and remembered at once
_MEASURED = {
    "width": np.int32,
    "height": np.int32,
    "pixel_hash": np.int64,
    "perceptual_hash": np.int64,
    "contrast": np.float32,
    "shadows": np.uint8,
    "highlights": np.uint8,
    "sharpness": np.float32,
}


@dataclass(frozen=True)
class Screened:
    """Readable images, and those left out.

    Attributes:
        records: records of the readable images, with the columns content_hash (str, of the file's
            bytes), width and height (int32, pixels as displayed), pixel_hash and
            perceptual_hash (int64, see `fingerprint`), contrast, shadows, highlights and
            sharpness (see `quality.Measures`).
        rejected: records of the unreadable images, with the column reason.
    """

    records: pd.DataFrame
    rejected: pd.DataFrame


def screen(
    records: pd.DataFrame,
    *,
    on_bad: Literal["warn", "error"] = "warn",
    max_pixels: int = MAX_PIXELS,
    workers: int | None = None,
) -> Screened:
    """Decode every image once; what was decoded before and has not changed is not read again.

    Args:
        records: one row an image, with a column path.
        on_bad: what becomes of unreadable files: "warn" names them in one warning and leaves them
            out, "error" raises.
        max_pixels: largest number of pixels; larger images count as unreadable.
        workers: number of threads (decoding runs outside Python's lock); None for one a processor.

    Raises:
        CorrosionError: no image is readable, or with "error" one is not.
    """
    paths = records["path"].tolist()
    readable = np.zeros(len(paths), dtype=bool)
    measured = {name: np.zeros(len(paths), dtype) for name, dtype in _MEASURED.items()}
    hashes: list[str] = []
    reasons: dict[str, str] = {}
    states = _states(paths, max_pixels, workers)
    bar = progress(states, "checking images", total=len(paths), fewest=_FEWEST_FOR_A_BAR)
    for row, state in enumerate(bar):
        if isinstance(state, ImageError):
            reasons[paths[row]] = state.reason
        else:
            readable[row] = True
            hashes.append(state.content_hash)
            for name, values in measured.items():
                values[row] = getattr(state, name)
    if reasons:
        _report(reasons, total=len(paths), on_bad=on_bad)
    kept = records[readable].reset_index(drop=True)
    kept["content_hash"] = pd.Series(hashes, dtype="str")
    for name, values in measured.items():
        kept[name] = values[readable]
    rejected = records[~readable].reset_index(drop=True)
    rejected["reason"] = pd.Series(reasons.values(), dtype="str")
    return Screened(kept, rejected)


def _states(
    paths: Sequence[str], max_pixels: int, workers: int | None
) -> Iterator[FileState | ImageError]:
    """The state of each file, or why it can't be read, in the order of `paths`.

    Portions bound the memory, and a run that is killed has lost no more than one.
    """
    cache = FileCache("screening")
    with ThreadPoolExecutor(workers or reading_threads(paths)) as pool:
        for start in range(0, len(paths), _PORTION):
            portion = paths[start : start + _PORTION]
            known = {
                path: state
                for path, state in cache.load(portion).items()
                if state.width * state.height <= max_pixels
            }
            unknown = [path for path in portion if path not in known]
            results = list(pool.map(partial(_state, max_pixels=max_pixels), unknown))
            checked = dict(zip(unknown, results, strict=True))
            cache.save(
                {path: state for path, state in checked.items() if isinstance(state, FileState)}
            )
            yield from (known.get(path) or checked[path] for path in portion)


def _state(path: str, *, max_pixels: int) -> FileState | ImageError:
    try:
        return _measured(*_checked(path, max_pixels))
    except ImageError as error:
        return error
    except RunEndingError:
        raise
    except Exception as error:  # whatever one file does must not stop the others
        log.debug("%s can't be measured", path, exc_info=True)
        return ImageError(path, f"can't be measured: {error or type(error).__name__}")


def _checked(path: str, max_pixels: int) -> tuple[CheckedImage, tuple[int, int]]:
    try:
        found = version(path)  # before reading: a later change is then noticed
    except (OSError, ValueError):
        found = 0, 0
    return check_image(path, max_pixels=max_pixels), found


def _measured(image: CheckedImage, found: tuple[int, int]) -> FileState:
    grey = to_grey(image.pixels)
    return FileState(
        size=found[0],
        mtime_ns=found[1],
        content_hash=content_hash(image.content),
        width=image.width,
        height=image.height,
        pixel_hash=pixel_hash(image.pixels),
        perceptual_hash=perceptual_hash(grey),
        **asdict(measure(grey)),
    )


def _report(reasons: dict[str, str], *, total: int, on_bad: str) -> None:
    lines = [f"  {brief(path)}: {reason}" for path, reason in list(reasons.items())[:_LISTED]]
    if len(reasons) > _LISTED:
        lines.append(f"  ... and {len(reasons) - _LISTED} more")
    listing = "\n".join(lines)
    if on_bad == "error" or len(reasons) == total:
        raise CorrosionError(
            f"{len(reasons)} of {total} images can't be read. Mend or remove them"
            + (", or leave them out by on_bad_image=warn:" if len(reasons) < total else ":")
            + f"\n{listing}"
        )
    log.warning("%d of %d images can't be read and are left out:\n%s", len(reasons), total, listing)
