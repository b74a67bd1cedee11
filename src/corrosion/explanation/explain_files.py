"""`corrosion explain`: what one or several networks see in photographs, as pictures and tables."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from corrosion.data.file_search import find_inputs
from corrosion.data.images import ImageError, check_image, reason_of
from corrosion.data.kind_names import kind_name
from corrosion.errors import CorrosionError, RunEndingError
from corrosion.evaluation.decisions import DETECTED, Rule
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.explanation.explanation import Explanation
from corrosion.explanation.names import distinct, network_names
from corrosion.explanation.overlay import write_image, write_map
from corrosion.explanation.panels import GRID_CELL, grid, panel, shrink
from corrosion.explanation.photographs import Photograph, attempt_photographs
from corrosion.explanation.regions import CocoDetections, find_regions
from corrosion.explanation.targets import TARGETS, check_target
from corrosion.models.checkpoint import load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runs import checkpoint_of
from corrosion.settings.explanation import ExplanationSettings, side_of
from corrosion.system.files import is_taken, write_csv
from corrosion.system.names import displayable, shortened, table_path
from corrosion.system.progress import progress

log = logging.getLogger(__name__)

_GRID_ROWS = 10
_LONGEST_NAME = 200  # bytes of a picture's name


def explain_files(
    checkpoints: Sequence[Path],
    images: Sequence[str | Path],
    out: Path,
    settings: ExplanationSettings | None = None,
) -> pd.DataFrame:
    """Explain photographs by each of several networks.

    Everything is read once before the work starts.

    Args:
        checkpoints: checkpoints of the networks, or directories of their runs, at least one.
        images: image files, folders and patterns: see `find_inputs`.
        out: a new or empty folder. It gets `NAME/IMAGE.png` for each network and photograph, the
            table as explanations.csv, of several networks grid-01.png ..., with `coco`
            `NAME/regions.json`, and with `map` "fine" `NAME/maps/IMAGE.png` of 16 bits, where 65535
            is 1, of the size of the upright photograph.
        settings: the defaults if None.

    Returns:
        One row an image and network: path, network, logit, probability, decision ("corrosion
        detected" or "no corrosion"), target, raw_scale, empty, picture; with fine maps their file
        as map; with regions their count and area_share; error: why a photograph has none of these.

    Raises:
        CorrosionError: there is something in `out`, or it can't be written; a checkpoint, or every
            image, can't be read.
    """
    settings = settings or ExplanationSettings()
    if is_taken(out):
        raise CorrosionError(f"out={out}: there is something already: give a new or empty folder.")
    if settings.target not in TARGETS:
        settings = settings.replace(target=kind_name(settings.target))
    checkpoints = [checkpoint_of(checkpoint) for checkpoint in checkpoints]
    networks = [
        _Network.of(name, load_model(checkpoint, device=settings.device), settings)
        for name, checkpoint in zip(network_names(checkpoints), checkpoints, strict=True)
    ]
    files = _image_files(images, recursive=settings.recursive)
    readable = [path for path, reason in files.items() if reason is None]
    names = iter(
        distinct(shortened(displayable(Path(path).stem), _LONGEST_NAME) for path in readable)
    )
    explained = _explained(networks, readable, settings)
    rows: list[dict[str, Any]] = []
    page: list[list[Photograph]] = []
    pages = 0
    for path, reason in files.items():
        if reason is not None:
            rows += [_failed(path, network.name, reason) for network in networks]
            continue
        picture, found = next(names), next(explained)
        rows += [
            network.write(one, path, out, picture, settings)
            for network, one in zip(networks, found, strict=True)
        ]
        whole = [shrink(one, GRID_CELL) for one in found if not isinstance(one, ImageError)]
        if len(whole) == len(networks) > 1:
            page.append(whole)
        if len(page) == _GRID_ROWS or (page and path == readable[-1]):
            pages += 1
            _write_grid(out / f"grid-{pages:02d}.png", page, networks, settings)
            page = []
    if settings.coco:
        for network in networks:
            network.regions.write(out / network.name / "regions.json")
    table = pd.DataFrame(rows)
    table["error"] = table.pop("error")  # the last column
    write_csv(out / "explanations.csv", table)
    return table


def _failed(path: str, network: str, reason: str) -> dict[str, Any]:
    """The row of a photograph that can't be explained."""
    log.warning("%s can't be explained: %s", displayable(path), reason)
    return {"path": table_path(path), "network": network, "error": reason}


@dataclass(frozen=True, eq=False)
class _Network:
    """A network, how it decides, and what it finds."""

    name: str
    model: CorrosionClassifier
    rule: Rule
    regions: CocoDetections = field(default_factory=CocoDetections)

    @classmethod
    def of(cls, name: str, model: CorrosionClassifier, settings: ExplanationSettings) -> _Network:
        check_target(settings.target, model.kinds)
        return cls(name, model, decision_rule(model, settings.threshold))

    def write(
        self,
        found: Photograph | ImageError,
        path: str,
        out: Path,
        picture: str,
        settings: ExplanationSettings,
    ) -> dict[str, Any]:
        """Write the picture of a photograph; returns its row of the table."""
        if isinstance(found, ImageError):
            return _failed(path, self.name, found.reason)
        try:
            return self._written(found, out, picture, settings)
        except RunEndingError:
            raise
        except Exception as error:  # whatever one file does must not stop the others
            return _failed(path, self.name, reason_of(error))

    def _kind(self, explanation: Explanation) -> dict[str, Any]:
        """Columns of the kind of corrosion, where the network tells kinds."""
        if not self.model.kinds:
            return {}
        told = explanation.kind if explanation.decision == DETECTED else None
        name, probability = told or (None, None)
        found = {"kind": name, "kind_probability": probability}
        if explanation.target_probability is not None:
            found["target_probability"] = explanation.target_probability
        return found

    def _written(
        self, photograph: Photograph, out: Path, picture: str, settings: ExplanationSettings
    ) -> dict[str, Any]:
        explanation, file = photograph.explanation, f"{self.name}/{picture}.png"
        row: dict[str, Any] = {
            "path": table_path(photograph.path),
            "network": self.name,
            "logit": explanation.logit,
            "probability": explanation.probability,
            "decision": explanation.decision,
            "target": explanation.target,
            **self._kind(explanation),
            "raw_scale": explanation.raw_scale,
            "empty": explanation.empty,
            "picture": file,
            "error": None,
        }
        if settings.map == "fine":
            row["map"] = f"{self.name}/maps/{picture}.png"
            write_map(out / row["map"], explanation.map)
        regions = None
        if settings.rule is not None:
            regions = find_regions(explanation, settings.rule)
            self.regions.add(photograph.path, explanation, regions)
            row |= {"regions": len(regions.boxes), "area_share": regions.share}
        side = side_of(settings.overlay_size)
        if side is not None and max(photograph.image.shape[:2]) > side:  # read whole for the files
            photograph = shrink(photograph, side)
            if settings.rule is not None:
                regions = find_regions(photograph.explanation, settings.rule)
        drawn = panel(
            photograph,
            threshold=self.rule.threshold,
            regions=regions,
            colormap=settings.colormap,
        )
        write_image(out / file, drawn)
        return row


def _explained(
    networks: Sequence[_Network], paths: Sequence[str], settings: ExplanationSettings
) -> Iterator[tuple[Photograph | ImageError, ...]]:
    """Each photograph as every network sees it; one photograph at a time in memory."""
    side = side_of(settings.overlay_size)
    found = [
        attempt_photographs(
            network.model,
            paths,
            method=settings.method,
            target=settings.target,
            threshold=network.rule.threshold,
            fine=settings.map == "fine",
            batch_size=settings.batch_size,
            num_workers=settings.num_workers,
            # maps and regions that are written as files have the photograph's own pixels
            max_side=None if settings.coco or settings.map == "fine" else side,
        )
        for network in networks
    ]
    yield from progress(zip(*found, strict=True), "explaining", total=len(paths))


def _write_grid(
    path: Path,
    rows: Sequence[Sequence[Photograph]],
    networks: Sequence[_Network],
    settings: ExplanationSettings,
) -> None:
    drawn = grid(
        rows,
        [network.name for network in networks],
        thresholds=[network.rule.threshold for network in networks],
        colormap=settings.colormap,
    )
    write_image(path, drawn)


def _image_files(images: Sequence[str | Path], *, recursive: bool) -> dict[str, str | None]:
    """The image files that paths stand for; each has been read once. Of each what is wrong."""
    files: dict[str, str | None] = {}
    for path in find_inputs(images, recursive=recursive, videos=False):
        try:
            check_image(path)
            files[path] = None
        except ImageError as error:
            files[path] = error.reason
    if None not in files.values():
        path, reason = next(iter(files.items()))
        raise CorrosionError(
            f"There is nothing to explain: none of the images can be read; {displayable(path)}: "
            f"{reason}."
        )
    return files
