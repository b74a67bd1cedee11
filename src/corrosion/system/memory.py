"""Memory that stays with the process between batches."""

from __future__ import annotations

import ctypes
import sys

# of glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Let the C library keep freed memory for what is allocated next.

    By default glibc gives large blocks, such as the features of a batch, back to Linux when they
    are freed, and gets them anew for the next layer, page by page and zeroed: more than half of the
    time of MobileNetV2 on a CPU. The process keeps its highest use until it ends. Without glibc
    (Windows, macOS, musl) nothing happens.

    Source: mallopt(3) of the Linux manual pages.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _NEVER)
