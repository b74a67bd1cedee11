"""How many processors this process may use."""

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
