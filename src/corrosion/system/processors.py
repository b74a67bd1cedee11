"""Processors and memory of this process: how many, how threads share them, what stays with it."""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corrosion.errors import CorrosionError

# of glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_NEVER = 2**31 - 1

_GPUS = ("nvidia*", "nvhost*", "nvmap", "dxg", "kfd")
_PROCESSES_EACH = 4  # processes that a processor may be given


def usable_processors() -> int:
    """Count the processors that this process may use: not all under taskset, at least 1."""
    if hasattr(os, "sched_getaffinity"):  # Linux alone knows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_processes(count: int, *, name: str) -> None:
    """Refuse many more processes than there are processors: they would only wait for each other.

    Args:
        count: number of processes.
        name: of the parameter that says so.

    Raises:
        CorrosionError: naming the number of processors.

    Example:
        >>> check_processes(1, name="devices")
    """
    processors = usable_processors()
    if count > _PROCESSES_EACH * processors:
        raise CorrosionError(
            f"{name}={count}: this machine has {processors} processors. Give {processors} at the "
            f"most."
        )


def has_surely_no_gpu() -> bool:
    """Whether PyTorch would find no GPU here for certain; it takes seconds to ask PyTorch itself.

    On Linux drivers of NVIDIA (on WSL: Microsoft's) and AMD show their devices in /dev. Elsewhere
    nothing is certain.
    """
    if sys.platform != "linux":
        return False
    return not any(found for name in _GPUS for found in Path("/dev").glob(name))


def share_processors() -> None:
    """Let no thread keep a processor busy while it waits for another.

    By default the threads of PyTorch (OpenMP) and NumPy (OpenBLAS) do, to be there faster: right
    for a network alone, but threads that decode and draw need that processor. PyTorch's sleep
    instead; NumPy, whose products are small here, gets one. To be called before torch and numpy
    are imported; what the environment says already stays.

    Source: the manuals of GNU libgomp (OMP_WAIT_POLICY) and OpenBLAS (OPENBLAS_NUM_THREADS).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def keep_freed_memory(*, one_heap: bool = False) -> None:
    """Let the C library keep freed memory for what is allocated next.

    By default glibc gives large blocks, such as the features of a batch, back to Linux when they
    are freed, and gets them anew for the next layer, page by page and zeroed: more than half of the
    time of MobileNetV2 on a CPU. The process keeps its highest use until it ends. Without glibc
    (Windows, macOS, musl) nothing happens.

    Args:
        one_heap: let all threads share one heap: heaps of their own are given back whatever else is
            asked for, which took a third of the processors' time of a network in a thread of
            `corrosion serve`. For a process of our own alone, since others may count on their
            threads not to wait for each other.

    Source: mallopt(3) of the Linux manual pages; `heap_trim` of glibc's malloc/arena.c.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _NEVER)
        if one_heap:
            mallopt(_ARENA_MAX, 1)


@contextmanager
def importing_for_good() -> Iterator[None]:
    """Import in the block what a process needs till its end.

    Modules leave more than a million objects behind, which Python's collector goes through again
    and again while they are made, and later with every search: an eighth of a short run. Here it
    waits, and afterwards leaves alone whatever is there (`gc.freeze`). That is done once a process;
    where something is frozen already, nothing happens.
    """
    if not gc.isenabled() or gc.get_freeze_count():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        # what is frozen at the end counts as leaked: Triton's bindings print pages about it
        atexit.register(gc.unfreeze)
