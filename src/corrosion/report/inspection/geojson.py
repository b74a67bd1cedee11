"""findings.geojson: where what was found, for maps (RFC 7946)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.system.files import write_json

log = logging.getLogger(__name__)

FILE = "findings.geojson"
"""Name of the file in its folder."""


def write_geojson(inspection: Inspection) -> Path:
    """Write a point for every photograph and frame whose place is known.

    Coordinates are longitude and latitude (WGS 84), as RFC 7946 asks. Altitudes are properties:
    they are above sea level, where those of coordinates would be above the ellipsoid. What has no
    position is named in the foreign member `without_position`.

    Args:
        inspection: what was found.

    Returns:
        The file.

    Raises:
        CorrosionError: it can't be written.
    """
    located = [one for one in inspection.findings if one.located]
    others = [one for one in inspection.findings if not one.located]
    if others:
        log.warning(
            "%d of %d photographs and frames have no position: they are named in %s, but on no map",
            len(others),
            len(inspection.findings),
            FILE,
        )
    kinds = bool(inspection.kinds)
    path = inspection.folder / FILE
    write_json(
        path,
        {
            "type": "FeatureCollection",
            "features": [_feature(one, kinds=kinds) for one in located],
            "without_position": [_properties(one, kinds=kinds) for one in others],
            "model": inspection.model,
            "finished": inspection.when,
            "cautions": list(inspection.cautions),
        },
    )
    return path


def _feature(one: Finding, *, kinds: bool) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": one.number,
        "geometry": {"type": "Point", "coordinates": [one.longitude, one.latitude]},
        "properties": _properties(one, kinds=kinds),
    }


def _properties(one: Finding, *, kinds: bool) -> dict[str, Any]:
    """What is known; the same names for all features, so that a map's table has all columns."""
    verdict = one.verdict
    return {
        "name": one.name,
        "path": one.path,
        "time": one.time,
        "asset": one.asset,
        "decision": one.decision,
        "probability": one.probability,
        **({"kind": one.kind, "kind_probability": one.kind_probability} if kinds else {}),
        "review": one.review,
        "rusted_share": one.share,
        "rusted_share_low": one.share_low,
        "rusted_share_high": one.share_high,
        "grades": "; ".join(f"{name} {grade}" for name, grade in one.grades.items()) or None,
        "verdict": None if verdict is None else verdict.verdict,
        **({"verdict_kind": None if verdict is None else verdict.kind or None} if kinds else {}),
        "note": None if verdict is None else verdict.note or None,
        "taken_at": one.taken_at,
        "altitude": one.altitude,
        "direction": one.direction,
        "gimbal_pitch": one.gimbal_pitch,
        "gimbal_yaw": one.gimbal_yaw,
        "camera": one.camera,
        "sha256": one.sha256,
        "thumbnail": one.thumbnail,
        "error": one.error,
    }
