"""Whether an image file holds all of its pixels: decoders fill what is missing without a word.

A file that ends too early is found by its own structure (end marks, lengths, places of strips). One
that was cut and closed again, as recovery programs write it, is found by its pixels: where the last
ones are what a decoder fills in, the data is looked at more closely, which few photographs need.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

CUT = "the file ends before the image does"
"""What is said of a file that is cut."""

_END_OF_IMAGE = b"\xff\xd9"
_NOISE = bytes(range(1, 255, 2)) * 4  # no 0xFF: read as data, it says something everywhere
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type of PNG
_PASSES = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)  # first row and column and steps of both, of interlaced PNGs
_PIECE = 2**20  # bytes inflated at once
_CODES = 4096  # of GIF's LZW


class TruncatedError(Exception):
    """A part of an image's pixels is missing."""


def refuse_cut(kind: str | None, content: bytes) -> None:
    """Make sure that a file does not end before its image.

    Args:
        kind: format of the file, as PIL calls it.
        content: the file's bytes.

    Raises:
        TruncatedError: it does.
    """
    if kind in ("JPEG", "MPO"):
        scan = _scan_of_jpeg(content)
        whole = scan is None or content.rfind(_END_OF_IMAGE, scan) >= 0  # as a rule at once
    elif kind == "PNG":
        whole = any(name == b"IEND" for name, _ in _chunks(content))
    elif kind == "GIF":
        whole = _goes_on_behind_gif(content)
    elif kind == "WEBP":
        whole = 8 + int.from_bytes(content[4:8], "little") <= len(content)
    else:
        return
    if not whole:
        raise TruncatedError(CUT)


def refuse_filled(kind: str | None, content: bytes, last: NDArray[Any]) -> None:
    """Make sure that the last pixels of a JPEG, PNG or GIF are its own, and none that fill it up.

    Args:
        kind: format of the file, as PIL calls it.
        content: the file's bytes.
        last: (W, ...) its last row, as it was decoded, before it is turned or converted.

    Raises:
        TruncatedError: they are not.
    """
    if kind == "PNG":
        if not last.any() or content[28:29] != b"\0":  # black, or interlaced
            _refuse_short_png(content)
    elif kind == "GIF":
        _refuse_short_gif(content, last)
    elif kind in ("JPEG", "MPO"):
        end = last[-max(1, len(last) // 8) :]
        if (end == end[0]).all() and _jpeg_goes_on(content):
            raise TruncatedError("its data ends before its last row")


def refuse_short_tiff(tags: Mapping[int, Any], length: int) -> None:
    """Make sure that all strips or tiles of a TIFF lie within the file.

    Args:
        tags: tags of its first picture, by their numbers.
        length: length of the file in bytes.

    Raises:
        TruncatedError: one does not, or there are too few.
    """
    names = TiffImagePlugin
    width, height = tags[names.IMAGEWIDTH], tags[names.IMAGELENGTH]
    tiled = names.TILEOFFSETS in tags
    starts = _listed(tags.get(names.TILEOFFSETS if tiled else names.STRIPOFFSETS, ()))
    counts = _listed(tags.get(names.TILEBYTECOUNTS if tiled else names.STRIPBYTECOUNTS, ()))
    if tiled:
        across, down = tags[names.TILEWIDTH], tags[names.TILELENGTH]
        wanted = math.ceil(width / max(1, across)) * math.ceil(height / max(1, down))
    else:
        wanted = math.ceil(height / max(1, min(height, tags.get(names.ROWSPERSTRIP, height))))
    if len(starts) < wanted:
        raise TruncatedError(f"it has {len(starts)} of {wanted} strips or tiles")
    if any(start + count > length for start, count in zip(starts, counts, strict=False)):
        raise TruncatedError(CUT)


def _listed(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _scan_of_jpeg(content: bytes) -> int | None:
    """Where the first scan begins: behind all segments, one of which may hold a thumbnail."""
    place = 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:  # a byte that fills
            place += 1
            continue
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if marker == 0xDA:
            return place
    return None


def _jpeg_goes_on(content: bytes) -> bool:
    """Whether a decoder would read on, were there more data in front of the end mark."""
    scan = _scan_of_jpeg(content)
    end = -1 if scan is None else content.find(_END_OF_IMAGE, scan)
    if end < 0:
        return False
    continued = content[:end] + _NOISE + _END_OF_IMAGE
    return _smallest(content) != _smallest(continued)


def _smallest(content: bytes) -> bytes:
    """The grey pixels of a JPEG at an eighth of its size."""
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        image.draft("L", (max(1, image.width // 8), max(1, image.height // 8)))
        return np.asarray(image).tobytes()


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Name and data of each complete chunk of a PNG."""
    view, place = memoryview(content), 8
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(view[place : place + 4], "big")
        if end + 4 > len(content):
            return
        yield bytes(view[place + 4 : place + 8]), view[place + 8 : end]
        place = end + 4


def _refuse_short_png(content: bytes) -> None:
    """Count the bytes that a PNG's data inflates to."""
    width, height = (int.from_bytes(content[place : place + 4], "big") for place in (16, 20))
    bits = content[24] * _CHANNELS.get(content[25], 1)
    passes = _PASSES if content[28] else ((0, 0, 1, 1),)
    wanted = 0
    for row, column, rows, columns in passes:
        down, across = -((row - height) // rows), -((column - width) // columns)
        if down > 0 and across > 0:
            wanted += down * (1 + math.ceil(across * bits / 8))
    inflater, found = zlib.decompressobj(), 0
    for name, data in _chunks(content):
        waiting: Any = data if name == b"IDAT" else b""
        while len(waiting) and not inflater.eof and found < wanted:
            found += len(inflater.decompress(waiting, _PIECE))
            waiting = inflater.unconsumed_tail
    if found < wanted:
        raise TruncatedError(f"its data ends after {found / wanted:.0%} of its pixels")


def _goes_on_behind_gif(content: bytes) -> bool:
    """Whether anything, if only the end mark, follows the first picture of a GIF."""
    place = _picture_of_gif(content)
    if place is None:
        return True  # none that this knows
    return _behind_blocks(content, _data_of_gif(content, place) + 1) < len(content)


def _picture_of_gif(content: bytes) -> int | None:
    """Where the first picture of a GIF begins; the end of the file where none does."""
    place = 13 + _colours(content[10:11])
    while place < len(content):
        if content[place] == 0x2C:
            return place
        if content[place] != 0x21:  # an extension
            return None
        place = _behind_blocks(content, place + 2)
    return len(content)


def _data_of_gif(content: bytes, place: int) -> int:
    """Where the data of a picture begins, behind its own colours, with the bits of its codes."""
    return place + 10 + _colours(content[place + 9 : place + 10])


def _refuse_short_gif(content: bytes, last: NDArray[Any]) -> None:
    place = _picture_of_gif(content)
    interlaced = place is not None and content[place + 9 : place + 10] >= b"\x40"
    if place is None or not (interlaced or (last == last[0]).all()):
        return
    wanted = math.prod(
        int.from_bytes(content[place + at : place + at + 2], "little") for at in (5, 7)
    )
    start = _data_of_gif(content, place)
    blocks, at = bytearray(), start + 1
    while at < len(content) and content[at]:
        blocks += content[at + 1 : at + 1 + content[at]]
        at += 1 + content[at]
    found = _pixels_of_lzw(bytes(blocks), content[start], wanted)
    if found < wanted:
        raise TruncatedError(f"its data ends after {found / wanted:.0%} of its pixels")


def _pixels_of_lzw(data: bytes, bits: int, wanted: int) -> int:
    """How many pixels the codes of a GIF stand for, of those that are wanted.

    GIF89a, appendix F: a code stands for a string of pixels, and each code but the first adds the
    string of the one before with one pixel more to the table. Lengths are all that counts here.
    """
    clear = 1 << bits
    lengths, width = [1] * clear + [0, 0], bits + 1
    waiting = held = before = pixels = 0
    for byte in data:
        waiting |= byte << held
        held += 8
        while held >= width:
            code = waiting & ((1 << width) - 1)
            waiting >>= width
            held -= width
            if code == clear:
                del lengths[clear + 2 :]
                width, before = bits + 1, 0
                continue
            new = code == len(lengths) and before > 0
            if code == clear + 1 or pixels >= wanted or not (new or code < len(lengths)):
                return pixels
            length = before + 1 if new else lengths[code]
            if before and len(lengths) < _CODES:
                lengths.append(before + 1)
                if len(lengths) == 1 << width and len(lengths) < _CODES:
                    width += 1
            pixels += length
            before = length
    return pixels


def _colours(flags: bytes) -> int:
    """Bytes of a table of colours."""
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _behind_blocks(content: bytes, place: int) -> int:
    while place < len(content) and content[place]:
        place += 1 + content[place]
    return place + 1
