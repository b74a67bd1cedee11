"""Photographs of a run's test set, with what the network looks at, as its page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from corrosion.data.labels import CLASSES
from corrosion.evaluation.run_facts import RunFacts
from corrosion.report.inspection.shown import chance_of
from corrosion.report.page import inline_file, inline_picture

_SIDE = 640  # pixels of a photograph
_PANEL = 1400  # of a panel, which holds photograph, map and both beside each other
_FOREMOST = 4


@dataclass(frozen=True)
class ShownPhotograph:
    """A photograph on a page.

    Attributes:
        kind: wrong, uncertain or right; what its frame is coloured by.
        words: what it is.
        name: name of its file.
        picture: data URI; empty where there is none.
        more: a further line; empty for none.
        evidence: data URI of a transparent layer of what the network looks at; empty for none.
        missing: why there is no picture.
        label: what it shows, 0 or 1.
    """

    kind: str
    words: str
    name: str
    picture: str
    more: str = ""
    evidence: str = ""
    missing: str = ""
    label: int = 0


def shown_photographs(run: RunFacts) -> list[ShownPhotograph]:
    """The examples of a run whose pictures are there, in the order of their table.

    Of a run of an earlier version they are panels, with the map beside the photograph.
    """
    if run.examples is None:
        return []
    shown = []
    for row in run.examples.to_dict("records"):
        label, probability = int(row["label"]), chance_of(row["probability"])
        about = f"shows {CLASSES[label].replace('_', ' ')}, probability of corrosion {probability}"
        folder = run.directory.examples
        photograph, evidence = (_file(folder, row.get(one)) for one in ("photograph", "evidence"))
        panel = _file(folder, row["picture"])
        if photograph is not None and evidence is not None:
            pictures = inline_picture(photograph, max_side=_SIDE), inline_file(evidence)
        elif panel is not None:
            pictures = inline_picture(panel, max_side=_PANEL), ""
        else:
            continue
        kind, name = str(row["kind"]), Path(row["path"]).stem
        shown.append(
            ShownPhotograph(
                kind, _words(kind, label), name, pictures[0], about, pictures[1], label=label
            )
        )
    return shown


def _words(kind: str, label: int) -> str:
    if kind == "wrong":
        return "wrong: corrosion missed" if label else "wrong: false alarm"
    # how near that is, the probability says: in an easy test set it may be far
    return "among the nearest to the threshold" if kind == "uncertain" else kind


def _file(folder: Path, name: object) -> Path | None:
    if not isinstance(name, str) or pd.isna(name):
        return None
    return file if (file := folder / name).is_file() else None


def foremost(shown: Sequence[ShownPhotograph]) -> list[ShownPhotograph]:
    """Those of the first screen: two wrong and two right, of both classes where there are such."""
    chosen: list[ShownPhotograph] = []
    for kind in ("wrong", "right"):
        of_kind = [one for one in shown if one.kind == kind]
        if of_kind:
            other = [one for one in of_kind[1:] if one.label != of_kind[0].label]
            chosen += [of_kind[0], *(other or of_kind[1:])[:1]]
    rest = [one for one in shown if one not in chosen]
    return [*chosen, *rest][:_FOREMOST]
