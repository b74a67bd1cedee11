"""What a checkpoint was trained on, in words for a report that is signed."""

from __future__ import annotations

from pathlib import Path

from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory


def trained_on(checkpoint: Path) -> str:
    """The number and sources of the photographs that a checkpoint was trained on.

    Args:
        checkpoint: the file of a checkpoint.

    Returns:
        As "700 photographs (corrosion-real 600, rust-download 100), validated on 90 and tested on
        86"; empty where the checkpoint lies in no run's directory with its split.
    """
    run = RunDirectory.holding(checkpoint)
    try:
        split = None if run is None else run.read_split()
    except CorrosionError:
        split = None
    if split is None or "split" not in split:
        return ""
    subsets = split["split"].value_counts()
    trained = split[split["split"] == "train"]
    text = f"{len(trained)} photographs"
    if "source" in trained:
        sources = trained["source"].value_counts()
        text += f" ({', '.join(f'{name} {count}' for name, count in sources.items())})"
    return f"{text}, validated on {subsets.get('val', 0)} and tested on {subsets.get('test', 0)}"
