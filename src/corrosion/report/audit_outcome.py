"""The first screen of an audit's page: whether to train on it, three figures, what was found."""

from __future__ import annotations

import numpy as np

from corrosion.data.curation.audit import Audit, Leaks
from corrosion.report.badges import Badge
from corrosion.report.tables import MISSING


def known_share(leaks: Leaks, subset: str = "test") -> str:
    """Which share of a subset is known from training; a mean over splits is no count of images."""
    share = leaks.known[subset] / max(leaks.images[subset], 1)
    return "0 %" if share == 0 else "<1 %" if share < 0.01 else f"{100 * share:.0f} %"


def headline(audit: Audit) -> str:
    """The answer in a sentence: whether something must be mended before a training."""
    if audit.failed:
        return "To be mended before figures can be trusted."
    if len(audit.unreadable) or any(one.missed for one in audit.passed_over):
        return "Fit for training; some files are not read."
    return "Fit for training: no conflicting labels, no leak between subsets."


def badges(audit: Audit) -> list[Badge]:
    """What was found, where it is not nothing; each leads to its photographs or files."""
    conflicts = int(audit.inspection.conflicting.sum())
    leaks = sum((audit.official or {}).values())
    missed = sum(one.missed for one in audit.passed_over)
    groups = int((np.bincount(audit.inspection.duplicates.group) > 1).sum())
    suspicious = int(audit.inspection.broken.any(axis=1).sum())
    found = (
        (conflicts, "images with conflicting labels", "bad", "conflicts"),
        (leaks, "images shared between subsets", "bad", "leaks"),
        (len(audit.unreadable), "unreadable", "bad", "unreadable-images"),
        (missed, "photographs or videos not read", "bad", "files-that-are-not-read"),
        (suspicious, "suspicious images", "note", "suspicious"),
        (groups, "groups of copies or near-duplicates", "note", "duplicates"),
    )
    badges = [
        Badge(f"{count:,} {words}", "bad" if kind == "bad" else "note", anchor=anchor)
        for count, words, kind, anchor in found
        if count
    ]
    return badges or [Badge("nothing found", "good")]


def answers(audit: Audit) -> list[tuple[str, str, str]]:
    """The figures of the first screen: what, how many, and a sentence."""
    records = audit.inspection.records
    corroded, reasons = int(records["label"].sum()), audit.left_out["reason"].value_counts()
    listed = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    known = MISSING if audit.random is None else known_share(audit.random)
    return [
        (
            "readable images",
            f"{len(records):,}",
            f"{corroded:,} with corrosion, {len(records) - corroded:,} without.",
        ),
        (
            "left out by training",
            f"{len(audit.left_out) + len(audit.unreadable):,}",
            f"{listed or 'None'} of the readable; {len(audit.unreadable)} unreadable.",
        ),
        (
            "known from training in a random split",
            known,
            "No split can be tried."
            if audit.random is None or audit.grouped is None
            else f"Of its test images, on average; in the split that training makes "
            f"{known_share(audit.grouped)}.",
        ),
    ]
