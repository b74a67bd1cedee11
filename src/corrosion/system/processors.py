"""The processors that this process may use, and how its threads share them."""

from __future__ import annotations

import os


def usable_processors() -> int:
    """Processors that this process may use: fewer than the machine's under taskset or SLURM.

    Returns:
        1 or more.
    """
    if hasattr(os, "sched_getaffinity"):  # Linux alone knows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
