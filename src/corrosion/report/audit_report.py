"""An audit as people and programs read it: tables, `audit.json`, `audit.html`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from corrosion.data.curation.audit import Audit, Leaks
from corrosion.data.curation.quality import RULES
from corrosion.data.labels import CLASSES
from corrosion.report.audit_outcome import answers, badges, headline, known_share
from corrosion.report.audit_pictures import rows_of_groups, shown_groups, shown_suspicious
from corrosion.report.page import write_page
from corrosion.report.tables import MISSING, TextTable, print_sentences
from corrosion.system.files import write_csv, write_json
from corrosion.system.names import displayable
from corrosion.system.shown_paths import beside_each_other, shown_path

_LISTED = 200  # files that are not read, on the page; audit.json names all


def write_audit(out: Path, audit: Audit) -> None:
    """Write audit.json, audit.html and left_out.csv.

    Args:
        out: new or empty folder.
        audit: audit to write.

    Raises:
        CorrosionError: the folder can't be written.
    """
    write_csv(out / "left_out.csv", audit.left_out)
    groups = rows_of_groups(audit)
    write_page(
        out / "audit.html",
        "audit.html",
        audit=audit,
        roots=beside_each_other(audit.roots),
        headline=headline(audit),
        badges=badges(audit),
        answers=answers(audit),
        verdict=verdict(audit),
        tables=tables(audit),
        without=_without(audit),
        conflicts=_conflicts_table(audit),
        unreadable=_unreadable_table(audit),
        passed_over=_passed_over_table(audit),
        groups=shown_groups(audit),
        all_groups=len(groups),
        suspicious=shown_suspicious(audit),
    )
    write_json(out / "audit.json", as_dict(audit))


def print_audit(audit: Audit, *, out: str | Path) -> None:
    """Print the tables of an audit on standard output.

    Args:
        audit: audit of some folders.
        out: folder its files are in.
    """
    console = Console(soft_wrap=True)
    for table in tables(audit):
        table.print(console)
    print_sentences((*verdict(audit), _without(audit), f"results: {out}"))


def verdict(audit: Audit) -> list[str]:
    """What matters most, in sentences."""
    sentences = []
    if conflicts := int(audit.inspection.conflicting.sum()):
        sentences.append(
            f"{conflicts} images have a copy or near-duplicate in the other class: a label is "
            f"wrong, or the picture does not settle it."
        )
    for where, count in (audit.official or {}).items():
        if count:
            name, other = where.split(" in ")
            sentences.append(
                f"{count} images of the subset {name} have a copy or near-duplicate in {other}: "
                f"figures measured on {name} will be too good."
            )
    if audit.random and audit.grouped:
        sentences.append(
            f"A random split has a copy or near-duplicate in training of "
            f"{known_share(audit.random)} of its test images on average, the split that training "
            f"makes of {known_share(audit.grouped)}."
        )
    return sentences


def tables(audit: Audit) -> list[TextTable]:
    """What there is, what was found in it, and what splits leak."""
    return [_images_table(audit), _findings_table(audit), _leaks_table(audit)]


def as_dict(audit: Audit) -> dict[str, Any]:
    """Plain values for JSON; images by their paths below the folders."""
    inspection, duplicates = audit.inspection, audit.inspection.duplicates
    records = inspection.records.assign(path=_shown(audit, inspection.records["path"]))
    unreadable = audit.unreadable.assign(path=_shown(audit, audit.unreadable["path"]))
    listed = records[["path", "label", "source", "subset"]].astype({"source": str, "subset": str})
    return {
        "roots": beside_each_other(audit.roots),
        "near_duplicates": audit.policy.near_duplicates,
        "cropped_duplicates": audit.policy.cropped_duplicates,
        "limits": dict(audit.policy.quality.limits),
        "failed": audit.failed,
        "images": len(records) + len(audit.unreadable),
        "unreadable": unreadable[["path", "reason"]].to_dict("records"),
        "passed_over": [
            {
                "path": shown_path(one.path, audit.roots),
                "reason": one.reason,
                "may_be_missed": one.missed,
            }
            for one in audit.passed_over
        ],
        "suspicious": {
            str(rule): records.loc[broken, "path"].tolist()
            for rule, broken in inspection.broken.items()
        },
        "copies": duplicates.copies(),
        "near_pairs": duplicates.near_pairs(),
        "cropped_pairs": len(duplicates.versions),
        "pairs_across_sources": _pairs_across_sources(audit),
        "groups": [listed.loc[rows].to_dict("records") for rows in rows_of_groups(audit)],
        "conflicts": records.loc[inspection.conflicting, "path"].tolist(),
        "left_out": audit.left_out["reason"].value_counts().to_dict(),
        "leaks": {
            "official": audit.official,
            "random": _leaks_as_dict(audit.random),
            "grouped": _leaks_as_dict(audit.grouped),
        },
    }


def _leaks_as_dict(leaks: Leaks | None) -> dict[str, Any] | None:
    if leaks is None:
        return None
    return {"images": dict(leaks.images), "known_from_training": dict(leaks.known)}


def _images_table(audit: Audit) -> TextTable:
    counts = audit.inspection.records.groupby(["source", "label"], observed=True).size()
    by_source = counts.unstack(fill_value=0).reindex(columns=[1, 0], fill_value=0)
    by_source.loc["all"] = by_source.sum()
    return TextTable.of(
        "Readable images",
        ("source", *(name.replace("_", " ") for name in reversed(CLASSES)), "all"),
        (
            (str(source), *(f"{count:,}" for count in row), f"{sum(row):,}")
            for source, row in zip(by_source.index, by_source.to_numpy().tolist(), strict=True)
        ),
    )


def _findings_table(audit: Audit) -> TextTable:
    rows = ((name, f"{count:,}") for name, count in _counted(audit).items() if count)
    return TextTable.of("Findings", ("finding", "count"), rows)


def _without(audit: Audit) -> str:
    """What was looked for and not found, in a sentence; empty where all was found."""
    names = [name for name, count in _counted(audit).items() if not count and " these" not in name]
    return f"Looked for and not found: {', '.join(names)}." if names else ""


def _counted(audit: Audit) -> dict[str, int]:
    inspection, duplicates = audit.inspection, audit.inspection.duplicates
    sizes = np.bincount(duplicates.group)
    return {
        "unreadable images": len(audit.unreadable),
        "files that are not read": len(audit.passed_over),
        "that may be photographs or videos among these": sum(
            one.missed for one in audit.passed_over
        ),
        **{f"{rule} images": int(inspection.broken[rule].sum()) for rule in RULES},
        "images with the same pixels as another": duplicates.copies(),
        "pairs of near-duplicates": duplicates.near_pairs(),
        "cropped, turned or framed versions among these": len(duplicates.versions),
        "pairs across sources, copies included": _pairs_across_sources(audit),
        "groups of copies and near-duplicates": int((sizes > 1).sum()),
        "images in the largest group": int(sizes.max(initial=0)) if (sizes > 1).any() else 0,
        "images with conflicting labels": int(inspection.conflicting.sum()),
        "left out by training": len(audit.left_out) + len(audit.unreadable),
    }


def _leaks_table(audit: Audit) -> TextTable:
    rows = []
    for name, leaks in (("random", audit.random), ("groups kept together", audit.grouped)):
        for subset, title in (("val", "validation"), ("test", "test")):
            images = f"{leaks.images[subset]:.0f}" if leaks else MISSING
            known = known_share(leaks, subset) if leaks else MISSING
            rows.append((f"{name}: {title}", images, known))
    if audit.official is not None:
        rows += [(f"official: {where}", MISSING, str(n)) for where, n in audit.official.items()]
    return TextTable.of(
        "Known from training: images with a copy or near-duplicate there (splits 70/20/10, mean "
        "of 20 seeds)",
        ("split", "images", "known"),
        rows,
    )


def _conflicts_table(audit: Audit) -> TextTable:
    records = audit.inspection.records
    chosen = records[audit.inspection.conflicting]
    group = audit.inspection.duplicates.group[audit.inspection.conflicting]
    paths = _shown(audit, chosen["path"])
    rows = sorted(zip(group.tolist(), paths, chosen["label"], strict=True))
    return TextTable.of(
        "Images with conflicting labels",
        ("image", "group", "class"),
        ((displayable(path), str(number), _class(label)) for number, path, label in rows),
    )


def _shown(audit: Audit, paths: pd.Series) -> list[str]:
    return [shown_path(path, audit.roots) for path in paths]


def _unreadable_table(audit: Audit) -> TextTable:
    paths = map(displayable, _shown(audit, audit.unreadable["path"]))
    rows = zip(paths, audit.unreadable["reason"], strict=True)
    return TextTable.of("Unreadable images", ("image", "reason"), rows)


def _passed_over_table(audit: Audit) -> TextTable:
    rows = (
        (displayable(shown_path(one.path, audit.roots)), one.reason)
        for one in audit.passed_over[:_LISTED]
    )
    return TextTable.of("Files that are not read", ("file", "reason"), rows)


def _pairs_across_sources(audit: Audit) -> int:
    codes = pd.factorize(audit.inspection.records["source"])[0].astype(np.int64)
    return audit.inspection.duplicates.pairs_across(codes)


def _class(label: int) -> str:
    return CLASSES[label].replace("_", " ")
