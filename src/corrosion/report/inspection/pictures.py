"""The pictures of a photograph in an output folder, all called after the small one."""

from __future__ import annotations

from pathlib import PurePosixPath


def evidence_file(thumbnail: str) -> str:
    """The layer of the evidence.

    Example:
        >>> evidence_file("thumbnails/000/000001_a.jpg")
        'thumbnails/000/000001_a_evidence.webp'
    """
    return _beside(thumbnail, "evidence")


def rust_file(thumbnail: str) -> str:
    """The layer of the rust's outline."""
    return _beside(thumbnail, "rust")


def outline_file(thumbnail: str) -> str:
    """The photograph at full resolution with its rust outlined.

    Example:
        >>> outline_file("thumbnails/000/000001_a.jpg")
        'outlines/000/000001_a.jpg'
    """
    return f"outlines/{PurePosixPath(thumbnail).relative_to('thumbnails')}"


def _beside(thumbnail: str, what: str) -> str:
    path = PurePosixPath(thumbnail)
    return str(path.with_name(f"{path.stem}_{what}.webp"))
