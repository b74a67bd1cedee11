"""Figures that are made as ever but saved blank: to draw them takes half of a tiny training.

For tests of what else a run or a page holds; tests/report and the tests of whole runs draw them.
"""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


def save_blank(figure: Figure, target: Any, **_: object) -> None:
    """Stand for `Figure.savefig`: a file or a stream gets a drawing of nothing."""
    if isinstance(target, str | Path):
        Path(target).write_text("<svg></svg>")
    else:
        target.write("<svg></svg>")


def save_figures_blank() -> None:
    """Save all figures of this process blank from now on, in one of its own."""
    Figure.savefig = save_blank
