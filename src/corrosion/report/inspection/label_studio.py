"""label-studio.json: what was found as pre-annotations, to be corrected in Label Studio.

The shapes are those of https://labelstud.io/guide/predictions.html and, for files that Label Studio
reads from a disk, https://labelstud.io/guide/storage.html#Local-storage.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.regions import Labelled, Region, labelled_photographs
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
  </Choices>
  <RectangleLabels name="box" toName="image">
    <Label value="corrosion" background="#00a5b5"/>
  </RectangleLabels>
  <PolygonLabels name="outline" toName="image" opacity="0.3">
    <Label value="corrosion" background="#00a5b5"/>
  </PolygonLabels>
</View>
"""


def write_label_studio(inspection: Inspection) -> Path:
    """Write a task for each photograph, with decision and regions as predictions.

    Images are named as files below the folder that holds all of them, which must be Label Studio's
    LOCAL_FILES_DOCUMENT_ROOT; the log says which it is. The labelling interface is written beside.

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
    write_text(inspection.folder / CONFIGURATION, _INTERFACE)
    log.info(
        "Start Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=%s, make a project with the labelling interface of "
        "%s, add a local storage below that folder, and import %s",
        root,
        CONFIGURATION,
        FILE,
    )
    return path


def _task(inspection: Inspection, one: Labelled, file: str) -> dict[str, Any]:
    found = one.finding
    choice = {"choices": ["corrosion" if found.detected else "no corrosion"]}
    results = [
        {
            "id": f"{found.number}-decision",
            "from_name": "decision",
            "to_name": "image",
            "type": "choices",
            "value": choice,
        }
    ]
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
