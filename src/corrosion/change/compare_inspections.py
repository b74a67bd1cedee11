"""Two inspections compared, pair by pair."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from corrosion.change.measuring import (
    Pixels,
    Region,
    RustShare,
    ShareChange,
    comparable_pixels,
    measure_share,
    share_change,
)
from corrosion.change.pairing import Pair, Pairing, pair_by_features
from corrosion.change.rust_index import rust_indices
from corrosion.data.cache.features import Features
from corrosion.data.images import ImageError, check_image, reason_of
from corrosion.data.registration import Registration, register
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.explanation.rust_mask import rust_evidence
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.pooled_features import images_of, pooled_features
from corrosion.settings.change import ChangeSettings
from corrosion.system.names import displayable

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Side:
    """One photograph of a pair.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, as it was compared.
        region: (H, W) bool, the part that was measured.
        rust: what was measured.
        index: its rust index, in [0, 1]: `corrosion.change.rust_index`.
    """

    pixels: Pixels
    region: Region
    rust: RustShare
    index: float


@dataclass(frozen=True, eq=False)
class PairChange:
    """What has changed between two photographs.

    Attributes:
        pair: the two photographs.
        registration: how one lies over the other; None if one can't be read.
        sides: the old and the new photograph; None likewise.
        change: change in rusted share; None likewise.
        error: why they can't be compared, as which one can't be read; None if they can.
    """

    pair: Pair
    registration: Registration | None
    sides: tuple[Side, Side] | None
    change: ShareChange | None
    error: str | None


def complete_pairing(
    network: CorrosionClassifier, pairing: Pairing, settings: ChangeSettings | None = None
) -> Pairing:
    """Pair by the network's features what is left alone, where the settings allow it.

    Args:
        network: in any mode, which it keeps.
        pairing: what `pair_inspections` found with the same settings.
        settings: the defaults if None.

    Raises:
        CorrosionError: no photograph has a partner in the end.
    """
    settings = settings or ChangeSettings()
    listed = any(pair.paired_by == "file" for pair in pairing.pairs)  # the list has the last word
    if not listed and settings.pair_by in ("auto", "features"):
        alone = (*pairing.old_alone, *pairing.new_alone)
        unreadable = {path for path in alone if unreadable_reason(path)}
        pairing = _paired_by_features(network, pairing, settings, unreadable)
    if not pairing.pairs:
        raise CorrosionError(
            "No photograph of one inspection has a partner in the other: in one of the two "
            "folders none can be read. Name other folders."
        )
    return pairing


def compare_pairs(
    network: CorrosionClassifier, pairing: Pairing, settings: ChangeSettings | None = None
) -> Iterator[PairChange]:
    """Measure each pair; one pair at a time is in memory.

    Where one photograph can be laid over the other, the shares are those of the part that both
    show; else those of the whole photographs.

    Args:
        network: in any mode, which it keeps.
        pairing: which photographs belong together.
        settings: the defaults if None.

    Yields:
        What has changed, in the order of the pairs; of a file that can't be read, its error.

    Raises:
        CorrosionError: the threshold is unknown.
    """
    settings = settings or ChangeSettings()
    rule = decision_rule(network, settings.threshold)
    for pair in pairing.pairs:
        try:
            yield _compared(network, pair, rule)
        except Exception as error:  # whatever one pair does must not stop the others
            name = f"{error.path.name}: " if isinstance(error, ImageError) else ""
            said = displayable(f"{name}{reason_of(error)}")
            log.warning("%s and %s can't be compared: %s", pair.old, pair.new, said)
            yield PairChange(pair, None, None, None, said)


def _compared(network: CorrosionClassifier, pair: Pair, rule: Rule) -> PairChange:
    old, new = comparable_pixels(pair.old), comparable_pixels(pair.new)
    registration = register(old, new)
    regions = registration.regions(old.shape[:2], new.shape[:2])
    indices = rust_indices(
        (rust_evidence(network, old), rust_evidence(network, new)), (old, new), regions
    )
    before, after = (
        Side(pixels, region, measure_share(network, pixels, rule, region), index)
        for pixels, region, index in zip((old, new), regions, indices, strict=True)
    )
    return PairChange(
        pair, registration, (before, after), share_change(before.rust, after.rust), None
    )


def unreadable_reason(path: str) -> str | None:
    """Say why a file can't be read as an image; None if it can."""
    try:
        check_image(path)
    except ImageError as error:
        return error.reason
    return None


def _paired_by_features(
    network: CorrosionClassifier, pairing: Pairing, settings: ChangeSettings, unreadable: set[str]
) -> Pairing:
    def features(paths: Sequence[str]) -> Features:
        return _features(network, paths, settings)

    while True:
        try:
            return pair_by_features(pairing, features, frozenset(unreadable))
        except ImageError as error:  # it has vanished since
            alone = (*pairing.old_alone, *pairing.new_alone)
            lost = {path for path in alone if Path(path) == error.path} - unreadable
            if not lost:
                raise
            unreadable |= lost


def _features(
    network: CorrosionClassifier, paths: Sequence[str], settings: ChangeSettings
) -> Features:
    records = pd.DataFrame({"path": list(paths)})
    datamodule = images_of(
        network, records, batch_size=settings.batch_size, num_workers=settings.num_workers
    )
    return pooled_features(network, datamodule, records)
