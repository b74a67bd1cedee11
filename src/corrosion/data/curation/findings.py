"""What curation found, in numbers: for the line that training prints and for its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from corrosion.data.curation.policy import Inspection


@dataclass(frozen=True)
class Findings:
    """Numbers of what curation found.

    Attributes:
        images: number of files found.
        left_out: number of images left out by reason: unreadable, conflict, copy, leak or the
            name of a rule.
        suspicious: number of images that break each rule, whether left out or not.
        copies: number of images with the same pixels as another one, the originals not counted.
        near_pairs: number of pairs of near-duplicates that are no copies.
        pairs_across_sources: number of pairs of copies or near-duplicates from different sources.
        groups: number of groups of several images that show the same picture or nearly so.
        largest_group: number of images in the largest group.
        conflicts: number of images with a copy or near-duplicate of the other class.
        leaks: number of images of validation and of test with a copy or near-duplicate in training.
    """

    images: int
    left_out: Mapping[str, int]
    suspicious: Mapping[str, int]
    copies: int
    near_pairs: int
    pairs_across_sources: int
    groups: int
    largest_group: int
    conflicts: int
    leaks: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The numbers as plain values, for JSON."""
        return asdict(self)

    def summary(self) -> str:
        """The numbers that are not 0, in one line."""
        parts = [f"{self.images} images, {_sum(self.left_out)} left out{_listed(self.left_out)}"]
        if self.groups:
            parts.append(
                f"{self.groups} {'group shows' if self.groups == 1 else 'groups show'} the same or "
                f"nearly so (exact copies: {self.copies}, pairs of near-duplicates: "
                f"{self.near_pairs})"
            )
        if _sum(self.leaks):
            parts.append(f"{_sum(self.leaks)} images{_listed(self.leaks)} known from training")
        if _sum(self.suspicious):
            parts.append(f"{_sum(self.suspicious)} suspicious{_listed(self.suspicious)}")
        return "; ".join(parts)


def count_findings(
    inspection: Inspection,
    *,
    unreadable: int,
    left_out: pd.DataFrame,
    split: pd.Series,
) -> Findings:
    """Count what an inspection and a split found.

    Args:
        inspection: inspection of all readable images.
        unreadable: number of files that can't be read.
        left_out: images that no split gets, as `policy.left_out` gives them.
        split: train, val or test, with the rows of `inspection.records` as index.
    """
    duplicates = inspection.duplicates
    sizes = np.bincount(duplicates.group)
    reasons = {"unreadable": unreadable, **left_out["reason"].value_counts()}
    return Findings(
        images=len(inspection.records) + unreadable,
        left_out={str(reason): int(count) for reason, count in reasons.items() if count},
        suspicious={str(rule): int(count) for rule, count in inspection.broken.sum().items()},
        copies=duplicates.copies(),
        near_pairs=duplicates.near_pairs(),
        pairs_across_sources=duplicates.pairs_across(
            pd.factorize(inspection.records["source"])[0].astype(np.int64)
        ),
        groups=int((sizes > 1).sum()),
        largest_group=int(sizes.max(initial=0)),
        conflicts=int(inspection.conflicting.sum()),
        leaks=count_leaks(inspection, split),
    )


def count_leaks(inspection: Inspection, split: pd.Series) -> dict[str, int]:
    """Count the images of validation and test with a copy or near-duplicate in training.

    Args:
        inspection: inspection of all readable images.
        split: train, val or test, with the rows of `inspection.records` as index.

    Returns:
        The numbers by split, as {"val": 0, "test": 2}.
    """
    train = np.zeros(len(inspection.records), bool)
    train[split.index[split == "train"]] = True
    seen = inspection.duplicates.seen_in(train)
    return {name: int(seen[split.index[split == name]].sum()) for name in ("val", "test")}


def _sum(counts: Mapping[str, int]) -> int:
    return sum(counts.values())


def _listed(counts: Mapping[str, int]) -> str:
    named = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f" ({named})" if named else ""
