"""Photographs that inspectors have judged, as a labelled folder that a training takes.

corrosion/, no_corrosion/  copies of the photographs, and frames of videos as PNG; where the kind of
                           corrosion was said in corrosion/KIND/
verdicts.csv               file (below the folder), path (of the original), verdict, kind, note,
                           inspector, when, probability
kinds.csv                  path (below the folder) and kind, where kinds were said
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corrosion.data import kind_names
from corrosion.data.images import ImageError, read_image
from corrosion.data.labels import CLASSES
from corrosion.data.places import PlaceError, local_file
from corrosion.data.video import read_frames
from corrosion.errors import CorrosionError
from corrosion.explanation.overlay import write_image
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.verdict_history import CORRODED, NOT_CORRODED, Verdict
from corrosion.system.files import replacing, replacing_folder
from corrosion.system.place_names import below

_LABELS = {NOT_CORRODED: 0, CORRODED: 1}
_LONGEST_NAME = 80
_COLUMNS = ("file", "path", "verdict", "kind", "note", "inspector", "when", "probability")


@dataclass(frozen=True)
class Labelled:
    """What a labelled folder holds.

    Attributes:
        corroded: number of photographs in corrosion/.
        sound: number of photographs in no_corrosion/.
        kinds: number of corroded photographs of each kind that was said, by its name.
        gone: paths of photographs that were judged, and are not there any more or can't be read.
    """

    corroded: int
    sound: int
    kinds: Mapping[str, int]
    gone: tuple[str, ...]


def write_labelled_folder(inspection: Inspection, out: Path) -> Labelled:
    """Copy what was judged to be corroded or not into a folder for each class, and each kind.

    Photographs whose verdict is "review", and those without one, are left out, and so are those
    that could not be read when they were predicted, or can't be now.

    Args:
        inspection: findings with verdicts.
        out: a new or empty folder.

    Raises:
        CorrosionError: nothing was judged, none of it can be read, or the folder can't be written.
    """
    judged = [
        (one, one.verdict)
        for one in inspection.findings
        if one.verdict is not None and one.verdict.verdict in _LABELS
    ]
    if not judged:
        raise CorrosionError(
            f"{inspection.folder}: no photograph has the verdict {CORRODED} or {NOT_CORRODED} yet: "
            f"give verdicts on {inspection.folder / 'inspection.html'} and merge them first."
        )
    by_path = defaultdict[str, list[tuple[Finding, Verdict]]](list)
    for one, verdict in judged:
        by_path[one.path].append((one, verdict))
    rows: list[dict[str, str]] = []
    gone = []
    with replacing_folder(out) as folder:
        for name in CLASSES:
            (folder / name).mkdir()
        for path, some in by_path.items():
            original = below(inspection.working_directory or ".", path)
            written = list(_read(original, some, folder, every=inspection.every))
            rows += written
            if len(written) < len(some):
                gone.append(path)
        if not rows:
            raise CorrosionError(
                f"{inspection.folder}: of {len(gone)} judged photographs none is there that can be "
                f"read, {gone[0]} the first: put them back below {inspection.working_directory}."
            )
        _write(folder / "verdicts.csv", _COLUMNS, rows)
        kinds = [(row["file"], kind) for row in rows if (kind := kind_names.kind_name(row["kind"]))]
        if kinds:
            named = [{"path": file, "kind": kind} for file, kind in kinds]
            _write(folder / kind_names.FILE, ("path", "kind"), named)
    corroded = sum(row["verdict"] == CORRODED for row in rows)
    counts = Counter(kind for _, kind in kinds)
    return Labelled(corroded, len(rows) - corroded, dict(sorted(counts.items())), tuple(gone))


def _write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _read(
    original: str, some: Sequence[tuple[Finding, Verdict]], folder: Path, *, every: float
) -> Iterator[dict[str, str]]:
    """As `_written`, of a photograph or video wherever it lies."""
    try:
        with local_file(original) as file:
            yield from _written(file, some, folder, every=every)
    except PlaceError:
        return  # what is missing is told


def _written(
    original: Path, some: Sequence[tuple[Finding, Verdict]], folder: Path, *, every: float
) -> Iterator[dict[str, str]]:
    """Copy a photograph, or the judged frames of a video; the rows of what could be read."""
    if not original.is_file():
        return
    judged = {one.frame: (one, verdict) for one, verdict in some}
    if None in judged:
        one, verdict = judged[None]
        if one.decision is None or not _can_be_read(original):
            return
        with replacing(folder / _file(one, verdict)) as temporary:
            shutil.copyfile(original, temporary)
        yield _row(one, verdict)
        return
    try:
        for frame in read_frames(original, every=every):
            if frame.number in judged:
                one, verdict = judged.pop(frame.number)
                write_image(folder / _file(one, verdict), frame.image)
                yield _row(one, verdict)
            if not judged:
                return
    except ImageError:
        return  # what is missing is told


def _can_be_read(photograph: Path) -> bool:
    try:
        read_image(photograph)
    except ImageError:
        return False
    return True


def _row(one: Finding, verdict: Verdict) -> dict[str, str]:
    return {
        "file": _file(one, verdict),
        "path": one.path,
        "verdict": verdict.verdict,
        "kind": verdict.kind,
        "note": verdict.note,
        "inspector": verdict.inspector,
        "when": verdict.when,
        "probability": "" if one.probability is None else f"{one.probability:.6f}",
    }


def _file(one: Finding, verdict: Verdict) -> str:
    """A name that no other photograph has, and that tells where it came from."""
    path = Path(one.path)
    suffix = path.suffix if one.time is None else f"_{one.time:.3f}s.png"
    name = f"{one.number:06d}_{path.stem[:_LONGEST_NAME]}{suffix}"
    kind = kind_names.kind_name(verdict.kind)
    below = f"{kind_names.kind_folder(kind)}/" if kind else ""
    return f"{CLASSES[_LABELS[verdict.verdict]]}/{below}{name}"
