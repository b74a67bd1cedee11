"""An audit as people and programs read it: tables, contact sheets, `audit.json`, `audit.html`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from rich.console import Console

from corrosion.data.curation.audit import Audit, Leaks
from corrosion.data.curation.quality import RULES
from corrosion.data.labels import CLASSES
from corrosion.report.page import inline_picture, write_page
from corrosion.report.photograph_sheets import Block, contact_sheets
from corrosion.report.tables import MISSING, TextTable, format_number
from corrosion.system.files import replacing, write_csv, write_json
from corrosion.system.names import displayable
from corrosion.system.shown_paths import beside_each_other, shown_path

_SHEETS = 4  # of duplicates, and of suspicious images; audit.json names all
_LISTED = 200  # files that are not read, on the page; audit.json names all
_PHOTOGRAPHS = 8  # of a group, in a block


def write_audit(out: Path, audit: Audit) -> None:
    """Write audit.json, audit.html, left_out.csv and the contact sheets.

    Args:
        out: new or empty folder.
        audit: audit to write.

    Raises:
        CorrosionError: the folder can't be written.
    """
    sheets = {
        "duplicates": contact_sheets(_groups(audit), most=_SHEETS),
        "suspicious": contact_sheets(_suspicious(audit), most=_SHEETS),
    }
    for name, pages in sheets.items():
        for number, page in enumerate(pages, start=1):
            _write_png(out / f"{name}-{number}.png", page)
    write_csv(out / "left_out.csv", audit.left_out)
    write_page(
        out / "audit.html",
        "audit.html",
        audit=audit,
        roots=beside_each_other(audit.roots),
        verdict=verdict(audit),
        tables=tables(audit),
        conflicts=_conflicts_table(audit),
        unreadable=_unreadable_table(audit),
        passed_over=_passed_over_table(audit),
        sheets={
            name: [inline_picture(page, max_side=max(page.size)) for page in pages]
            for name, pages in sheets.items()
        },
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
    for sentence in verdict(audit):
        console.print(sentence, highlight=False, markup=False)
    console.print(f"results: {out}", highlight=False, markup=False)


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
            f"Of {audit.random.images['test']:.0f} test images of a random split, "
            f"{audit.random.known['test']:.1f} on average have a copy or near-duplicate in training"
            f"; of {audit.grouped.images['test']:.0f} of the split that training makes "
            f"{audit.grouped.known['test']:.1f}."
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
        "groups": [listed.loc[rows].to_dict("records") for rows in _rows_of_groups(audit)],
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
    inspection, duplicates = audit.inspection, audit.inspection.duplicates
    sizes = np.bincount(duplicates.group)
    counts = {
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
        "groups": int((sizes > 1).sum()),
        "images in the largest group": int(sizes.max(initial=0)),
        "images with conflicting labels": int(inspection.conflicting.sum()),
        "left out by training": len(audit.left_out) + len(audit.unreadable),
    }
    rows = ((name, f"{count:,}") for name, count in counts.items())
    return TextTable.of("Findings", ("finding", "count"), rows)


def _leaks_table(audit: Audit) -> TextTable:
    rows = []
    for name, leaks in (("random", audit.random), ("groups kept together", audit.grouped)):
        for subset, title in (("val", "validation"), ("test", "test")):
            cells = (leaks.images[subset], leaks.known[subset]) if leaks else (None, None)
            rows.append((f"{name}: {title}", *(format_number(cell, 1) for cell in cells)))
    if audit.official is not None:
        rows += [(f"official: {where}", MISSING, str(n)) for where, n in audit.official.items()]
    return TextTable.of(
        "Images with a copy or near-duplicate in training (splits 70/20/10, mean of 20 seeds)",
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


def _rows_of_groups(audit: Audit) -> list[list[int]]:
    """Rows of each group of several images: both classes first, then several sources, then size."""
    table = pd.DataFrame(
        {
            "group": audit.inspection.duplicates.group,
            "conflict": audit.inspection.conflicting,
            "source": audit.inspection.records["source"].astype(str),
        }
    )
    table = table[table["group"].duplicated(keep=False)]
    groups = table.groupby("group")
    rank = groups.agg(
        conflict=("conflict", "any"), sources=("source", "nunique"), images=("source", "size")
    ).sort_values(["conflict", "sources", "images"], ascending=False, kind="stable")
    return [table.index[groups.indices[group]].tolist() for group in rank.index]


def _groups(audit: Audit) -> Iterator[Block]:
    records = audit.inspection.records
    for rows in _rows_of_groups(audit):
        members = records.loc[rows]
        title = f"{len(rows)} images"
        if audit.inspection.conflicting[rows].any():
            title += ", both classes"
        if members["source"].nunique() > 1:
            title += ", several sources"
        yield _block(title, members.head(_PHOTOGRAPHS))


def _suspicious(audit: Audit) -> Iterator[Block]:
    for rule, broken in audit.inspection.broken.items():
        images = audit.inspection.records[broken]
        values = RULES[str(rule)].value(images)
        images = images.loc[values.sort_values().index]
        for start in range(0, len(images), _PHOTOGRAPHS):
            yield _block(str(rule), images.iloc[start : start + _PHOTOGRAPHS])


def _block(title: str, records: pd.DataFrame) -> Block:
    classes = records["label"].map(_class)
    return Block(
        title, records["path"].tolist(), (classes + ", " + records["source"].astype(str)).tolist()
    )


def _class(label: int) -> str:
    return CLASSES[label].replace("_", " ")


def _write_png(path: Path, picture: Image.Image) -> None:
    with replacing(path) as temporary:
        picture.save(temporary)
