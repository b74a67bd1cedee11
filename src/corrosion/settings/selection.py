"""What `corrosion next` can be told."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le

from corrosion.settings.inference import InferenceSettings
from corrosion.settings.types import Count, Seed, Workers


class SelectionSettings(InferenceSettings):
    """Which photographs are chosen to be labelled next."""

    count: Count = 20
    """Number of photographs to choose."""
    recursive: bool = False
    """Look into subfolders of folders."""
    near_duplicates: Annotated[int, Ge(0), Le(11)] = 10
    """Bits of a 63-bit perceptual hash in which near-duplicates may differ; of these one is
    chosen at the most."""
    cropped_duplicates: Literal["auto"] | bool = "auto"
    """Seek versions that a hash misses too: cropped, turned by some degrees, framed. Costs some 25
    seconds of one core for 1,000 photographs, once; auto: among 10,000 pictures at most."""
    num_workers: Literal["auto"] | Workers = "auto"  # type: ignore[assignment]
    """Processes that read images; auto chooses by device and processors."""
    seed: Seed = 0
    """Seed of what is drawn by chance."""
