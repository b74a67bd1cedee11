"""`corrosion explain`: what one or several networks see in photographs, as pictures and tables."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from corrosion.data.file_search import files_below
from corrosion.data.images import SUFFIXES, ImageError, check_image
from corrosion.errors import CorrosionError
from corrosion.explanation.cam import check_method
from corrosion.explanation.explanation import Photograph, explain_photographs
from corrosion.explanation.names import distinct, network_names
from corrosion.explanation.overlay import (
    DEFAULT_COLORMAP,
    GRID_CELL,
    check_colormap,
    grid,
    panel,
    shrink,
    write_image,
)
from corrosion.explanation.regions import OTSU, CocoDetections, find_regions, parse_rule
from corrosion.explanation.targets import check_target
from corrosion.models.checkpoint import load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.system.files import replacing
from corrosion.system.progress import progress

log = logging.getLogger(__name__)

_GRID_ROWS = 10


@dataclass(frozen=True)
class Settings:
    """How to explain; checked when made.

    Attributes:
        method: a name of `corrosion.explanation.cam.METHODS`.
        target: a name of `corrosion.explanation.targets.TARGETS`.
        colormap: a name of `corrosion.explanation.overlay.COLORMAPS`.
        regions: how to cut the maps into regions, see `find_regions`; None for no regions.
        coco: write the regions as COCO files; with `regions` None they are cut by Otsu.
        device: where the networks run.
        batch_size: images at once through a network.

    Raises:
        CorrosionError: a name or rule is unknown.
    """

    method: str = "gradcam"
    target: str = "corrosion"
    colormap: str = DEFAULT_COLORMAP
    regions: str | float | None = None
    coco: bool = False
    device: str = "cpu"
    batch_size: int = 16

    def __post_init__(self) -> None:
        check_method(self.method)
        check_target(self.target)
        check_colormap(self.colormap)
        if self.rule is not None:
            parse_rule(self.rule)

    @property
    def rule(self) -> str | float | None:
        """How maps are cut, if they are."""
        return OTSU if self.regions is None and self.coco else self.regions


def explain_files(
    checkpoints: Sequence[Path],
    images: Iterable[Path],
    out: Path,
    settings: Settings | None = None,
) -> pd.DataFrame:
    """Explain photographs by each of several networks.

    Everything is read once before the work starts: a bad checkpoint or file is found at once.

    Args:
        checkpoints: of the networks, at least one.
        images: image files, or folders of them (without their subfolders).
        out: a new or empty folder. It gets `NAME/IMAGE.png` for each network and photograph, the
            table as explanations.csv, of several networks grid-01.png ..., and with `coco`
            `NAME/regions.json`.
        settings: the defaults if None.

    Returns:
        One row an image and network: path, network, logit, probability, decision (0 or 1), target,
        raw_scale, empty, picture; with regions their count and area_share.

    Raises:
        CorrosionError: there is something in `out`; a checkpoint, or an image that was named, can't
            be read. Those inside folders are left out with a warning.
    """
    settings = settings or Settings()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CorrosionError(f"{out} is there already: choose another --out, or remove it.")
    networks = [
        _Network(name, load_model(checkpoint, device=settings.device))
        for name, checkpoint in zip(network_names(checkpoints), checkpoints, strict=True)
    ]
    paths = _image_files(images)
    rows: list[dict[str, Any]] = []
    page: list[list[Photograph]] = []
    pages = 0
    for picture, photographs in zip(
        distinct(path.stem for path in paths), _explained(networks, paths, settings), strict=True
    ):
        rows += [
            network.write(photograph, out, picture, settings)
            for network, photograph in zip(networks, photographs, strict=True)
        ]
        if len(networks) > 1:
            page.append([shrink(photograph, GRID_CELL) for photograph in photographs])
        if len(page) == _GRID_ROWS or (page and len(rows) == len(paths) * len(networks)):
            pages += 1
            _write_grid(out / f"grid-{pages:02d}.png", page, networks, settings)
            page = []
    if settings.coco:
        for network in networks:
            network.regions.write(out / network.name / "regions.json")
    table = pd.DataFrame(rows)
    with replacing(out / "explanations.csv") as temporary:
        table.to_csv(temporary, index=False)
    return table


@dataclass(frozen=True, eq=False)
class _Network:
    """A network and what it finds."""

    name: str
    model: CorrosionClassifier
    regions: CocoDetections = field(default_factory=CocoDetections)

    def write(
        self, photograph: Photograph, out: Path, picture: str, settings: Settings
    ) -> dict[str, Any]:
        """Write the picture of a photograph; returns its row of the table."""
        explanation, file = photograph.explanation, f"{self.name}/{picture}.png"
        row = {
            "path": photograph.path,
            "network": self.name,
            "logit": explanation.logit,
            "probability": explanation.probability,
            "decision": int(explanation.probability >= self.model.threshold),
            "target": explanation.target,
            "raw_scale": explanation.raw_scale,
            "empty": explanation.empty,
            "picture": file,
        }
        regions = None
        if settings.rule is not None:
            regions = find_regions(explanation, settings.rule)
            self.regions.add(photograph.path, explanation, regions)
            row |= {"regions": len(regions.boxes), "area_share": regions.share}
        drawn = panel(
            photograph,
            threshold=self.model.threshold,
            regions=regions,
            colormap=settings.colormap,
        )
        write_image(out / file, drawn)
        return row


def _explained(
    networks: Sequence[_Network], paths: Sequence[Path], settings: Settings
) -> Iterator[tuple[Photograph, ...]]:
    """Each photograph as every network sees it; one photograph at a time in memory."""
    found = [
        explain_photographs(
            network.model,
            paths,
            method=settings.method,
            target=settings.target,
            batch_size=settings.batch_size,
        )
        for network in networks
    ]
    yield from progress(zip(*found, strict=True), "explaining", total=len(paths))


def _write_grid(
    path: Path,
    rows: Sequence[Sequence[Photograph]],
    networks: Sequence[_Network],
    settings: Settings,
) -> None:
    drawn = grid(
        rows,
        [network.name for network in networks],
        thresholds=[network.model.threshold for network in networks],
        colormap=settings.colormap,
    )
    write_image(path, drawn)


def _image_files(images: Iterable[Path]) -> list[Path]:
    """The files named, and those in the folders named; each has been read once."""
    paths: list[Path] = []
    for path in images:
        if not path.is_dir():
            check_image(path)
            paths.append(path)
            continue
        inside = sorted(map(Path, files_below(path, recursive=False)))
        if not inside:
            raise CorrosionError(f"{path} holds no image files ({', '.join(sorted(SUFFIXES))}).")
        paths += filter(_readable, inside)
    if not paths:
        raise CorrosionError("There is nothing to explain: give --images that can be read.")
    return paths


def _readable(path: Path) -> bool:
    """Whether a file of a folder can be explained; what can't be read is no reason to stop."""
    try:
        check_image(path)
    except ImageError as error:
        log.warning("%s is left out: %s", path, error.reason)
        return False
    return True
