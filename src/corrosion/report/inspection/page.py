"""inspection.html: what was found, on a page on which an inspector looks, sorts and judges."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from corrosion.evaluation.decisions import is_unlike
from corrosion.evaluation.kind_competence import is_guessed
from corrosion.explanation.share_interval import LEVEL
from corrosion.report.inspection.assets import maintenance_of
from corrosion.report.inspection.cells import read_run
from corrosion.report.inspection.drawings import histogram, position_map
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.shown import chance_of, counted, grades_of, kind_of, place_of
from corrosion.report.inspection.surfaces import DrawnSurfaces, kept_regions, surface_words
from corrosion.report.inspection.verdict_history import time_cell
from corrosion.report.page import script_digest, script_json, write_page

PAGE = "inspection.html"
"""Name of the page in its folder."""

_SCRIPTS = (
    "inspection.js", "judging.js", "inspection_cards.js", "inspection_assets.js", "zooming.js",
    "inspection_surface.js", "inspection_zoom.js",
)  # fmt: skip


def write_inspection_page(inspection: Inspection) -> Path:
    """Write the page beside the pictures that it shows, over one of before.

    Pictures are files of the folder, loaded as they come into view; the page fetches nothing, and
    runs no script but its own. Verdicts are kept by the browser for this inspection until they are
    saved, and those that were merged into the folder are shown.

    Args:
        inspection: what was found.

    Returns:
        The page's file.

    Raises:
        CorrosionError: the page can't be written.
    """
    path = inspection.folder / PAGE
    templates = files("corrosion.report") / "templates"
    script = "".join((templates / name).read_text("utf-8") for name in _SCRIPTS)
    findings = inspection.findings
    roots = _roots(inspection)
    drawn = kept_regions(inspection.folder)
    guessed = is_guessed(inspection.cautions)
    data = {
        "key": _key(inspection),
        "threshold": inspection.threshold,
        "inspector": inspection.inspector,
        "kinds": inspection.kinds,
        "level": f"{LEVEL:.0%}".replace("%", " %"),
    }
    write_page(
        path,
        "inspection.html",
        inspection=inspection,
        of=_of(inspection.given),
        total=counted(findings),
        unlike=sum(_is_unlike(one) for one in findings),
        maintenance=maintenance_of(inspection),
        chance_of=chance_of,
        unlocated=sum(not one.located for one in findings),
        failures=[one for one in findings if one.error is not None],
        kinds=inspection.kinds,
        with_layers=any(one.evidence or one.rust for one in findings),
        histogram=histogram(inspection),
        map=position_map(findings),
        script=Markup(script),
        digest=script_digest(script),
        data=_json(data),
        cards=(_json(_card(one, inspection, roots, drawn, guessed=guessed)) for one in findings),
    )
    return path


def _of(given: Sequence[str]) -> str:
    """What was inspected, in the words of the command: names, not paths of somebody's machine."""
    names = [PurePath(one).name for one in given]
    if not names or not names[0]:
        return ""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _json(value: Any) -> Markup:
    """Values for a script element, which nothing within them can end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return script_json(text)


def _key(inspection: Inspection) -> str:
    """What verdicts are kept by: the same for one run wherever its folder lies, and no other."""
    run = read_run(inspection.folder)
    asked = json.dumps([run["asked"], inspection.when], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _card(
    one: Finding,
    inspection: Inspection,
    roots: Sequence[str],
    drawn: DrawnSurfaces | None,
    *,
    guessed: bool,
) -> dict[str, Any]:
    """What the script knows of a finding; what is empty is left out."""
    verdict, time = one.verdict, time_cell(one.time)
    regions = None if drawn is None else drawn.regions_of(one.path, time, one.sha256 or "")
    values: dict[str, Any] = {
        "n": one.number,
        "path": one.path,
        "time": time,
        "name": one.name,
        "folder": _folder(one.path, roots),
        "p": one.probability,
        "chance": chance_of(one.probability),
        "detected": one.detected,
        "why": list(one.why_review),
        "unlike": one.unlike_training,
        "isUnlike": _is_unlike(one),
        "kind": kind_of(one, guessed=guessed),
        "kindName": one.kind,
        "share": one.share,
        "low": one.share_low,
        "high": one.share_high,
        "surface": surface_words(one.surface),
        "drawn": [] if regions is None else regions.regions,
        "grades": list(grades_of(one)),
        "boxes": [list(box) for box in one.boxes],
        "tiles": _tiles(one),
        "error": one.error,
        "asset": one.asset,
        "place": _place(one),
        "taken": one.taken_at,
        "camera": one.camera,
        "sha256": one.sha256,
        "shape": _shape(one),
        "small": _address(one.thumbnail),
        "evidence": _address(one.evidence),
        "rust": _address(one.rust),
        "overlay": _address(one.overlay),
        "outline": _address(one.outline),
        "original": _original(one.path, inspection),
        "said": None
        if verdict is None
        else [verdict.verdict, verdict.note, verdict.inspector, verdict.when, verdict.kind],
    }
    return {
        key: value
        for key, value in values.items()
        if value is not None and value is not False and value not in ("", [])
    }


def _shape(one: Finding) -> float | None:
    """Height of the photograph over its width."""
    return round(one.height / one.width, 3) if one.width and one.height else None


def _is_unlike(one: Finding) -> bool:
    return one.unlike_training is not None and bool(is_unlike(one.unlike_training))


def _tiles(one: Finding) -> str:
    if one.tiles is None:
        return ""
    text = f"{one.corroded_tiles or 0} of {one.tiles} tiles corroded"
    if one.worst_tile is None:
        return text
    left, top, width, height = one.worst_tile
    return f"{text}; the strongest at {left}, {top} ({width} x {height} px)"


def _place(one: Finding) -> str:
    text = place_of(one)
    if text and one.altitude is not None:
        text += f", {one.altitude:.0f} m"
    return text if not text or one.direction is None else f"{text}, looking {one.direction:.0f}°"


def _roots(inspection: Inspection) -> tuple[str, ...]:
    """What was given, as paths begin: the longest first."""
    return tuple(sorted((one.rstrip("/\\") for one in inspection.given), key=len, reverse=True))


def _folder(path: str, roots: Sequence[str]) -> str:
    """The folders of a path below what was given; none of those above."""
    folder = path.replace("\\", "/").rpartition("/")[0]
    for root in roots:
        root = root.replace("\\", "/")
        if root and (folder == root or folder.startswith(f"{root}/")):
            return folder[len(root) :].strip("/")
    return "" if folder.startswith("/") else folder.removeprefix("./").strip(".")


def _address(file: str | None) -> str | None:
    return None if file is None else quote(file)


def _original(path: str, inspection: Inspection) -> str | None:
    """Where the page finds the photograph itself; None where it is gone, or its name is no text."""
    original = Path(inspection.working_directory or ".") / path
    if not original.is_file():
        return None
    try:
        relative = os.path.relpath(original.absolute(), inspection.folder.absolute())
    except ValueError:  # on another drive
        return original.absolute().as_uri()
    return quote(Path(relative).as_posix())
