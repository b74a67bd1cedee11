"""label-studio.json: what was found as pre-annotations, to be corrected in Label Studio.

The shapes are those of https://labelstud.io/guide/predictions.html and, for files that Label Studio
reads from a disk, https://labelstud.io/guide/storage.html#Local-storage.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from corrosion.data.kind_names import OTHER
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.regions import Labelled, Region, labelled_photographs
from corrosion.report.inspection.verdict_history import CORRODED, NOT_CORRODED
from corrosion.system.files import write_json, write_text

log = logging.getLogger(__name__)

FILE = "label-studio.json"
"""Name of the file in its folder."""

CONFIGURATION = "label-studio.xml"
"""Name of the file beside it with the labelling interface that its predictions need."""

_INTERFACE = """<View>
  <Image name="image" value="$image" zoom="true"/>
  <Choices name="decision" toName="image" choice="single" showInLine="true">
    <Choice value="corrosion"/>
    <Choice value="no corrosion"/>
  </Choices>{kinds}
  <RectangleLabels name="box" toName="image">
    <Label value="corrosion" background="#00a5b5"/>
  </RectangleLabels>
  <PolygonLabels name="outline" toName="image" opacity="0.3">
    <Label value="corrosion" background="#00a5b5"/>
  </PolygonLabels>
</View>
"""
_DECISIONS = {CORRODED: "corrosion", NOT_CORRODED: "no corrosion"}
_KINDS = """
  <Choices name="kind" toName="image" choice="single" showInLine="true">{choices}
  </Choices>"""
_KIND = """
    <Choice value={name}/>"""


def write_label_studio(inspection: Inspection) -> Path:
    """Write a task for each photograph, with decision, kind and regions as predictions.

    Where an inspector has judged, decision and kind are the inspector's.

    Images are named as files below the folder that holds all of them, which must be Label Studio's
    LOCAL_FILES_DOCUMENT_ROOT; the log says which it is. The labelling interface is written beside;
    kinds to choose from are those of the inspection.

    Args:
        inspection: what was found.

    Returns:
        The file of the tasks.

    Raises:
        CorrosionError: it can't be written.
    """
    found = list(labelled_photographs(inspection, what=FILE))
    here = inspection.working_directory or os.curdir
    paths = [os.path.abspath(Path(here, one.finding.path)) for one in found]  # noqa: PTH100
    root = os.path.commonpath([os.path.dirname(one) for one in paths]) if paths else here  # noqa: PTH120
    tasks = [
        _task(inspection, one, os.path.relpath(path, root))
        for one, path in zip(found, paths, strict=True)
    ]
    path = inspection.folder / FILE
    write_json(path, tasks)
    write_text(inspection.folder / CONFIGURATION, _interface(inspection.kinds))
    log.info(
        "Start Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=%s, make a project with the labelling interface of "
        "%s, add a local storage below that folder, and import %s",
        root,
        CONFIGURATION,
        FILE,
    )
    return path


def _interface(names: Sequence[str]) -> str:
    """The labelling interface, which asks for the kind where there are kinds."""
    choices = "".join(_KIND.format(name=quoteattr(name)) for name in names)
    return _INTERFACE.format(kinds=_KINDS.format(choices=choices) if names else "")


def _task(inspection: Inspection, one: Labelled, file: str) -> dict[str, Any]:
    found = one.finding
    results = list(_choices(found))
    results += [_result(one, region, number) for number, region in enumerate(one.regions)]
    data = {"image": f"/data/local-files/?d={quote(Path(file).as_posix())}", "path": found.path}
    if found.asset is not None:
        data["asset"] = found.asset
    prediction = {
        "model_version": inspection.model,
        "score": found.probability,
        "result": results,
    }
    return {"data": data, "predictions": [prediction]}


def _choices(found: Finding) -> Iterator[dict[str, Any]]:
    """Decision and kind, of an inspector who has judged, else of the network."""
    said = found.verdict
    if said is None or said.verdict not in (CORRODED, NOT_CORRODED):
        yield _choice(found, "decision", "corrosion" if found.detected else "no corrosion")
    else:
        yield _choice(found, "decision", _DECISIONS[said.verdict])
        if said.verdict == NOT_CORRODED:
            return
    if said is not None and said.kind:
        if said.kind != OTHER:
            yield _choice(found, "kind", said.kind)
    elif found.kind is not None:
        yield _choice(found, "kind", found.kind, found.kind_probability)


def _choice(found: Finding, name: str, chosen: str, score: float | None = None) -> dict[str, Any]:
    return {
        "id": f"{found.number}-{name}",
        "from_name": name,
        "to_name": "image",
        "type": "choices",
        **({} if score is None else {"score": score}),
        "value": {"choices": [chosen]},
    }


def _result(one: Labelled, region: Region, number: int) -> dict[str, Any]:
    """A region; its places are percentages of the photograph's sides."""
    if region.polygon:
        kind, name = "polygonlabels", "outline"
        value: dict[str, Any] = {"points": [_percent(one, corner) for corner in region.polygon]}
    else:
        kind, name = "rectanglelabels", "box"
        left, top, width, height = region.box
        x, y = _percent(one, (left, top))
        wide, high = _percent(one, (width, height))
        value = {"x": x, "y": y, "width": wide, "height": high, "rotation": 0}
    return {
        "id": f"{one.finding.number}-{number}",
        "from_name": name,
        "to_name": "image",
        "type": kind,
        "original_width": one.width,
        "original_height": one.height,
        "image_rotation": 0,
        "score": one.finding.probability,
        "value": value | {kind: ["corrosion"]},
    }


def _percent(one: Labelled, corner: Sequence[float]) -> list[float]:
    return [round(100 * corner[0] / one.width, 4), round(100 * corner[1] / one.height, 4)]
