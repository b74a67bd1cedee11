"""The contact sheet: small pictures of all that was predicted, the surest corrosion first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from corrosion.data.image_reader import displayable
from corrosion.evaluation.decisions import DETECTED, REVIEW, Rule, is_unlike
from corrosion.prediction.journal import Row, RustFacts
from corrosion.report.page import write_page
from corrosion.system.shown_paths import shown_path

PAGE = 400
"""Pictures on a page: what a browser still scrolls smoothly."""

_FAILURES = 200  # listed on the first page; the table has all


def write_contact_sheet(
    out: Path,
    rows: Iterable[Row],
    *,
    title: str,
    rule: Rule,
    roots: Sequence[str | Path] = (),
    notes: Sequence[str] = (),
    cautions: Sequence[str] = (),
) -> None:
    """Write contact-sheet.html and, for many rows, contact-sheet-2.html ...

    Pictures are files below `out`, which the browser loads as they scroll into view.

    Args:
        out: folder of the run.
        rows: rows of the run, in any order.
        title: name of what predicted them.
        rule: how probabilities became decisions.
        roots: folders that were asked for, below which files are named.
        notes: sentences that belong beside the figures.
        cautions: sentences without which no decision should be read.

    Raises:
        CorrosionError: a page can't be written.
    """
    seen, failures = [], []
    for row in rows:
        if row.probability is not None:
            seen.append(row)
        if row.error is not None:
            failures.append({"path": displayable(shown_path(row.path, roots)), "error": row.error})
    seen.sort(key=lambda row: -(row.probability or 0))
    pages = [seen[start : start + PAGE] for start in range(0, len(seen), PAGE)] or [[]]
    for number, page in enumerate(pages, start=1):
        write_page(
            out / page_name(number),
            "contact_sheet.html",
            checkpoint=title,
            rule=rule,
            notes=notes,
            cautions=cautions,
            figures=[_figure(row, roots) for row in page],
            first=(number - 1) * PAGE + 1,
            total=len(seen),
            failures=list(islice(failures, _FAILURES)) if number == 1 else [],
            failed=len(failures) if number == 1 else 0,
            pages=_links(number, pages),
        )


def page_name(number: int) -> str:
    """The file of a page, counted from 1."""
    return "contact-sheet.html" if number == 1 else f"contact-sheet-{number}.html"


def _figure(row: Row, roots: Sequence[str | Path]) -> dict[str, Any]:
    time = "" if row.time is None else f" at {row.time:.1f} s"
    return {
        "name": displayable(Path(row.path).name) + time,
        "path": displayable(shown_path(row.path, roots)) + time,
        "thumbnail": quote(row.thumbnail or ""),
        "large": quote(row.outline or row.overlay or row.thumbnail or ""),
        "probability": f"{row.probability:.3f}",
        "decision": row.decision,
        "detected": row.decision == DETECTED,
        "review": REVIEW if row.review else "",
        "unlike": _unlike(row),
        "rust": _rust(row.rust),
    }


def _rust(rust: RustFacts | None) -> str:
    if rust is None or rust.rusted_share is None:
        return ""
    low, high = rust.rusted_share_low, rust.rusted_share_high
    grades = f"ISO 4628-3 {rust.grade_iso4628_3}, ASTM D610 {rust.grade_astm_d610}"
    return f"rusted {rust.rusted_share:.1%} ({low:.1%} to {high:.1%}); {grades}"


def _unlike(row: Row) -> str:
    if row.unlike_training is None or not is_unlike(row.unlike_training):
        return ""
    return f"unlike the training photographs ({row.unlike_training:.3f})"


def _links(current: int, pages: Sequence[Sequence[Row]]) -> list[dict[str, Any]]:
    """The pages near the current one, the first and the last."""
    last = len(pages)
    near = {1, last, *range(max(1, current - 3), min(last, current + 3) + 1)}
    return [
        {
            "number": number,
            "file": page_name(number),
            "from": f"{pages[number - 1][0].probability:.3f}" if pages[number - 1] else "",
            "current": number == current,
        }
        for number in sorted(near)
    ]
