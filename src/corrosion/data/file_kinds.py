"""What a file is by its name and its first bytes, also of the kinds that are not read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif"}
)
"""Endings of the files that count as images, in lower case."""

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".mts", ".m2ts"}
)
"""Endings of the files that count as videos, in lower case."""

LOG_SUFFIXES = (".SRT", ".srt", ".Srt")
"""Endings of flight logs, which are called as their video is but for the ending."""

HEAD = 32
"""So many bytes of a file tell its kind."""

_HEIC, _RAW, _VIDEO = "HEIC photograph", "raw photograph", "video"
_ARCHIVE = "archive"
_UNREAD_SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys((".heic", ".heif", ".hif"), _HEIC),
        ".jxl": "JPEG XL photograph",
        **dict.fromkeys((".jp2", ".j2k", ".jpx"), "JPEG 2000 photograph"),
        **dict.fromkeys((".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2"), _RAW),
        **dict.fromkeys((".orf", ".rw2", ".raf", ".pef", ".srw", ".raw", ".3fr", ".iiq"), _RAW),
        ".psd": "Photoshop picture",
        **dict.fromkeys((".zip", ".tar"), _ARCHIVE),
        **dict.fromkeys((".tga", ".ppm", ".pgm", ".exr", ".hdr"), "picture"),
        **dict.fromkeys((".3gp", ".3g2", ".flv", ".ogv", ".vob", ".mxf", ".h264"), _VIDEO),
    }
)
_MAGIC = (  # place, bytes, kind
    (0, b"\xff\xd8\xff", "JPEG photograph"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG picture"),
    (0, b"GIF8", "GIF picture"),
    (8, b"WEBP", "WebP picture"),
    (0, b"II*\0", "TIFF picture"),
    (0, b"MM\0*", "TIFF picture"),
    *(
        (4, b"ftyp" + brand, _HEIC)
        for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
    ),
    (4, b"ftypavi", "AVIF photograph"),
    (4, b"ftypcrx", _RAW),
    (4, b"ftyp", _VIDEO),
    (0, b"\x1a\x45\xdf\xa3", _VIDEO),
    (8, b"AVI ", _VIDEO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _VIDEO),
    (0, b"\x00\x00\x01\xba", _VIDEO),
    (0, b"FLV\x01", _VIDEO),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL photograph"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000 photograph"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000 photograph"),
    (0, b"8BPS", "Photoshop picture"),
    (0, b"FUJIFILMCCD-RAW", _RAW),
)


READ = frozenset(
    {
        "JPEG photograph", "PNG picture", "GIF picture", "WebP picture", "TIFF picture",
        "BMP picture", "AVIF photograph",
    }
)  # fmt: skip
"""Kinds of `kind_by_content` that are read as photographs."""


def why_not_read(kind: str) -> str:
    """Why a file of a kind is passed over, with what makes it a photograph that is read.

    Args:
        kind: as `kind_by_content` or `kind_by_suffix` gives it.

    Example:
        >>> why_not_read("HEIC photograph"), why_not_read("PNG picture"), why_not_read("video")
        ('HEIC photograph: convert it to JPEG', 'PNG picture: lacks its ending', 'video: not read')
    """
    if kind == _VIDEO:
        return f"{kind}: not read"
    if kind == _ARCHIVE:
        return f"{kind}: give it as a path of its own"
    return f"{kind}: lacks its ending" if kind in READ else f"{kind}: convert it to JPEG"


def kind_by_suffix(suffix: str) -> str | None:
    """What a file's ending says it is, of photographs and videos of any kind; else None.

    Args:
        suffix: the ending with its dot, in lower case.
    """
    if suffix in SUFFIXES:
        return "photograph"
    return _VIDEO if suffix in VIDEO_SUFFIXES else _UNREAD_SUFFIXES.get(suffix)


def has_video(path: str) -> bool:
    """Whether a file is a flight log with its video beside it, with which it is read."""
    stem, suffix = os.path.splitext(path)  # noqa: PTH122
    if suffix not in LOG_SUFFIXES:
        return False
    endings = (form for ending in VIDEO_SUFFIXES for form in (ending, ending.upper()))
    return any(os.path.isfile(stem + ending) for ending in endings)  # noqa: PTH113


def kind_by_content(head: bytes) -> str | None:
    """What a file's first bytes say it is, of photographs and videos of any kind; else None.

    Args:
        head: its first `HEAD` bytes, or more.

    Example:
        >>> kind_by_content(b"....ftypheic"), kind_by_content(b"# Read me")
        ('HEIC photograph', None)
    """
    bitmap = head[:2] == b"BM" and head[6:10] == bytes(4)
    found = (kind for start, magic, kind in _MAGIC if head[start:].startswith(magic))
    return "BMP picture" if bitmap else next(found, None)
