"""What `corrosion predict` can be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from corrosion.settings.explanation import SCREEN, MapKind, OverlaySize
from corrosion.settings.inference import Backend, InferenceSettings, Threshold
from corrosion.settings.inspection import Reports, report_names
from corrosion.settings.types import AnyPath, Count, Devices, NotNegative, Probability

TableFormat = Literal["csv", "parquet"]

Engine = Literal["local", "ray"]
"""What runs a prediction: this machine, or a cluster of Ray."""

TileRuleName = Literal["max", "kth", "share"]
"""How many tiles must be corroded: one, a number of them, or a share of them."""


class PredictionSettings(InferenceSettings):
    """How files are predicted."""

    explain: bool = False
    """Draw overlays and boxes."""
    map: MapKind = "plain"
    """How finely these tell where: plain costs about nothing; fine averages maps of several
    resolutions, and costs about 30 predictions an image."""
    overlay_size: OverlaySize = SCREEN
    """Longest side of overlays and outlines in pixels, or full for that of the photograph, which
    takes several times the time, memory and disk."""
    masks: bool = False
    """Outline the rust: a mask of each photograph, its rusted share with an interval, and grades,
    at about 15 predictions for each photograph in which corrosion is detected."""
    surface: AnyPath | None = None
    """With masks, the surface that shares refer to: a folder of masks of it (white), called as
    those of the rust, or a file of regions that the inspection page has saved; by default the whole
    photograph."""
    share_truth: AnyPath | None = None
    """With masks, a folder of photographs of yours whose rust is marked (images/ and masks/), from
    which intervals of the share are taken; by default they come from photographs of others."""
    tiles: bool = False
    """Look at photographs in overlapping tiles, at their own resolution: finds small rust in large
    photographs, at a prediction a tile."""
    tile_size: Annotated[int, Ge(32), Le(65_536)] | None = None
    """With tiles, their side in pixels of the photograph; by default the side of the network's
    input, so that no pixel is shrunk. Photographs that fit into one are predicted whole."""
    tile_overlap: Annotated[float, Ge(0), Le(0.75)] = 0.25
    """With tiles, the share of its side that a tile has in common with the next."""
    tile_rule: TileRuleName = "max"
    """With tiles, how many must be corroded for the photograph to be: max is one, kth the number of
    tile_k, share that of tile_share."""
    tile_k: Count = 3
    """Number of corroded tiles of tile_rule=kth."""
    tile_share: Annotated[float, Gt(0), Le(1)] = 0.01
    """Share of corroded tiles of tile_rule=share."""
    tile_validation: AnyPath | None = None
    """With tiles, a folder of photographs like yours, corroded and sound in a folder each, on which
    the threshold is chosen; by default the validation photographs of the checkpoint's run."""
    tile_false_alarms: Probability = 0.05
    """With tiles, share of sound photographs that may be called corroded: the threshold is chosen
    so."""
    threshold: Threshold = None
    """Probability from which corrosion counts as detected, in (0, 1), or words of the name of a
    threshold of the checkpoint, as recall or F1; by default the checkpoint's own."""
    recursive: bool = False
    """Look into subfolders of folders."""
    every: NotNegative = 1.0
    """Seconds between frames of videos; 0 takes all of them."""
    relative_to: AnyPath | None = None
    """Write paths in the table and the inspection page relative to this folder, in which all files
    must lie; by default as they were given."""
    format: TableFormat = "csv"
    """Format of the table."""
    report: Reports = "html"
    """What is made of the table, with commas between several: html (the page on which an inspector
    looks, sorts and judges), xlsx, pdf, geojson, coco, labelstudio."""
    title: str | None = None
    """What the reports are called, by default Corrosion inspection; kept with the results."""
    inspector: str | None = None
    """Who signs them; kept with the results."""
    asset: str | None = None
    """How the asset of a photograph is told: a pattern of its folders as "{asset}/{date}/*", a
    regular expression with (?P<asset>...), or a CSV file with the columns path and asset."""
    consequence: AnyPath | None = None
    """With asset, a CSV file with the columns asset and consequence (a number from 0 on), by which
    the list for maintenance ranks assets: risk = worst share x consequence; kept with the
    results."""
    no_location: bool = False
    """Leave out where photographs were taken, in everything that is written."""
    backend: Backend | None = None
    """What runs the network on processors: torch, onnxruntime, openvino or, slower, opencv; auto is
    the fastest that is installed and can do what is asked for. The file that the last three need of
    a checkpoint is exported once, compared with it, and kept. By default torch for a checkpoint,
    and what is installed for an exported file."""
    devices: Literal[-1] | Devices = 1
    """Number of devices, -1 for all; with the engine ray, number of copies of the network."""
    engine: Engine = "local"
    """What runs it: local is this machine; ray a cluster of machines with a shared disk."""
    address: str | None = None
    """With the engine ray, the address of a running cluster, or auto for the one that this machine
    belongs to; by default Ray is started on this machine alone."""

    renamed = {  # noqa: RUF012 -- a ClassVar of the base
        "num_nodes": "several machines are a cluster of Ray: run ray start on each, and give "
        "engine=ray and address=auto."
    }

    def conflicts(self) -> Iterable[str]:
        """What nothing would be drawn or written of; how to do what nobody wants done."""
        if self.map == "fine" and not self.explain:
            yield "{map}=fine draws nothing without {explain}: give that too."
        if self.no_location and "geojson" in report_names(self.report):
            yield (
                "{report} with geojson is a map, and {no_location} leaves out all that it would "
                "show: leave out one of them."
            )
        if self.address is not None and self.engine != "ray":
            yield "{address} is that of a cluster of Ray: give {engine}=ray too."
        if self.engine == "ray" and self.device not in ("auto", "cpu", "cuda"):
            yield (
                f"{{device}}={self.device} with {{engine}}=ray: Ray chooses the GPUs itself. Give "
                f"auto, cpu or cuda."
            )
        if self.backend is not None and self.engine == "ray":
            yield "{backend} is of this machine: leave it out with {engine}=ray."
        if self.consequence is not None and self.asset is None:
            yield f"{{consequence}}={self.consequence}: tell by {{asset}} how assets are named."
        for name in ("surface", "share_truth"):
            if getattr(self, name) is not None and not self.masks:
                yield f"{{{name}}} says how masks are measured: give {{masks}} too."
        yield from self._conflicts_of_tiles() if self.tiles else self._tiles_missing()

    def _tiles_missing(self) -> Iterable[str]:
        for name, field in type(self).model_fields.items():
            if name.startswith("tile_") and getattr(self, name) != field.default:
                yield f"{{{name}}} says how tiles are judged: give {{tiles}} too."

    def _conflicts_of_tiles(self) -> Iterable[str]:
        if self.map == "fine":
            yield "{map}=fine looks at whole photographs: leave it out, {tiles} are finer still."
        if isinstance(self.threshold, str):
            yield (
                f"{{threshold}}={self.threshold} was chosen for whole photographs, and {{tiles}} "
                f"need one of their own: leave it out, or give a number."
            )
        elif self.threshold is not None and self.tile_validation is not None:
            yield "{threshold} is given: leave out {tile_validation}, which one is chosen on."
        for name, rule in (("tile_k", "kth"), ("tile_share", "share")):
            default = type(self).model_fields[name].default
            if getattr(self, name) != default and self.tile_rule != rule:
                yield f"{{{name}}} is of {{tile_rule}}={rule}: give that too."
