"""coco.json: what was found in COCO's format, for tools that train and judge detectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.regions import Labelled, Region, labelled_photographs
from corrosion.system.files import write_json

FILE = "coco.json"
"""Name of the file in its folder."""

_CATEGORY = 1


def write_coco(inspection: Inspection) -> Path:
    """Write photographs and the regions in which corrosion was detected, with scores.

    Regions are polygons of masks (`--masks`), or boxes (`--explain`), in pixels of the upright
    photograph; all regions of a photograph have its probability as their score. `file_name` is the
    path as in predictions.csv. A photograph without corrosion is an image without annotations.

    Args:
        inspection: what was found.

    Returns:
        The file.

    Raises:
        CorrosionError: it can't be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for one in labelled_photographs(inspection, what=FILE):
        number = len(images) + 1
        images.append(_image(one, number))
        for region in one.regions:
            annotations.append(_annotation(one, region, number, len(annotations) + 1))
    path = inspection.folder / FILE
    write_json(
        path,
        {
            "info": {
                "description": f"{inspection.title}: regions that {inspection.model} predicts, not "
                f"labels",
                "date_created": inspection.when,
            },
            "licenses": [],
            "images": images,
            "annotations": annotations,
            "categories": [{"id": _CATEGORY, "name": "corrosion", "supercategory": "defect"}],
        },
    )
    return path


def _image(one: Labelled, number: int) -> dict[str, Any]:
    found = one.finding
    image: dict[str, Any] = {
        "id": number,
        "file_name": found.path,
        "width": one.width,
        "height": one.height,
        "score": found.probability,
    }
    if found.kind is not None:
        image |= {"kind": found.kind, "kind_score": found.kind_probability}
    if found.taken_at is not None:
        image["date_captured"] = found.taken_at
    return image


def _annotation(one: Labelled, region: Region, image: int, number: int) -> dict[str, Any]:
    corners = [value for corner in region.polygon for value in corner]
    return {
        "id": number,
        "image_id": image,
        "category_id": _CATEGORY,
        "bbox": list(region.box),
        "area": region.area,
        "segmentation": [corners] if corners else [],
        "iscrowd": 0,
        "score": one.finding.probability,
    }
