"""The network over the tiles of a photograph: scores, and one map and one mask of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from corrosion.data.geometry import Map, Pixels, Window, to_photograph
from corrosion.data.resizing import Resize, build_resize
from corrosion.data.resizing import whole as whole_of
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import DETECTED, Rule
from corrosion.explanation.explaining import explain_inputs
from corrosion.explanation.explanation import Explanation
from corrosion.explanation.rust_mask import rust_evidence, rust_mask
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.journal import TileFacts
from corrosion.prediction.tile_threshold import TileThresholds
from corrosion.prediction.tiles import TileGrid, TileRule, Tiling

MAP_SIDE = 2048
"""Longest side of the stitched map in pixels: bounds memory. Of 10,000 pixels it has one in five;
the network's own cells are larger."""


@dataclass(frozen=True, eq=False)
class TiledView:
    """What the tiles of a photograph say.

    Attributes:
        probability: probability of corrosion of the tile that decides, in [0, 1]: with "max" the
            highest of all tiles, with "kth" the k-th highest.
        detected: whether corrosion is detected, in as many tiles as are needed or in the whole.
        facts: what the table says of them.
        least_share: share of the photograph below which a region of the map is a speck.
        explanation: explanation with the stitched map over the whole photograph; None if none was
            asked for.
        mask: (H, W) bool over the whole photograph, where there is rust; None if none was asked
            for, or no corrosion is detected.
    """

    probability: float
    detected: bool
    facts: TileFacts
    least_share: float
    explanation: Explanation | None = None
    mask: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class TileViewer:
    """Looks at photographs in tiles.

    Corrosion is detected if so many tiles are corroded as the rule asks for, or if the photograph
    as a whole is, by the rule of whole photographs: tiles are there to find what is too small for
    these, and their threshold is too high for rust that is weak but everywhere.

    Attributes:
        tiling: how photographs are cut into tiles.
        rule: how many tiles must be corroded.
        thresholds: from which probability a tile counts as corroded.
        whole: how photographs seen as a whole are decided.
        batch_size: tiles at once through the network, at least 1.
        masks: make masks of rust, where corrosion is detected.
    """

    tiling: Tiling
    rule: TileRule
    thresholds: TileThresholds
    whole: Rule
    batch_size: int = 32
    masks: bool = False

    def look(
        self,
        network: CorrosionClassifier,
        image: Pixels,
        *,
        whole_probability: float,
        explained: Explanation | None = None,
    ) -> TiledView | None:
        """Look at a photograph.

        Args:
            network: network in evaluation mode, on any device.
            image: (H, W, 3) uint8 RGB, upright, at full resolution.
            whole_probability: probability of corrosion of the photograph as a whole.
            explained: explanation of the photograph as a whole, if one of the tiles is wanted.

        Returns:
            None where one tile holds all of the photograph.

        Raises:
            CorrosionError: the network gives NaN.
        """
        grid = self.tiling.grid(*image.shape[:2])
        if grid is None:
            return None
        threshold = self.thresholds.at(len(grid))
        stitched = None
        if explained is None:
            logits = tile_logits(network, image, grid, self.batch_size)
        else:
            logits, stitched = _explained(network, image, grid, self.batch_size, explained)
        probabilities = calibrated(network, logits)
        corroded = probabilities >= threshold.value
        probability = self.rule.score(probabilities)
        worst = grid.windows[int(logits.argmax())]
        facts = TileFacts(
            tiles=len(grid),
            corroded_tiles=int(corroded.sum()),
            tile_threshold=threshold.value,
            tile_threshold_basis=threshold.basis,
            worst_tile=(worst.left, worst.top, worst.width, worst.height),
            whole_probability=whole_probability,
        )
        if stitched is not None:
            stitched = replace(
                stitched,
                logit=self.rule.score(logits),
                probability=probability,
                threshold=threshold.value,
            )
        in_tiles = probability >= threshold.value
        detected = in_tiles or self.whole.decide(whole_probability) == DETECTED
        mask = None
        if self.masks and detected:
            if not in_tiles:  # where it is, tiles tell at the threshold of the whole
                corroded = self._most_corroded(probabilities)
            mask = tile_mask(network, image, grid, corroded)
        cell = grid.side / 4  # pixels: a cell of a last feature map, or two
        least = cell**2 / (grid.height * grid.width)
        return TiledView(probability, detected, facts, least, stitched, mask)

    def mask(self, network: CorrosionClassifier, image: Pixels) -> NDArray[np.bool_]:
        """The mask (H, W) of a photograph (H, W, 3) that shows rust, as `look` makes it."""
        grid = self.tiling.grid(*image.shape[:2])
        if grid is None:
            return rust_mask(network, image)
        probabilities = calibrated(network, tile_logits(network, image, grid, self.batch_size))
        corroded = probabilities >= self.thresholds.at(len(grid)).value
        if self.rule.needed(len(grid)) > corroded.sum():
            corroded = self._most_corroded(probabilities)
        return tile_mask(network, image, grid, corroded)

    def _most_corroded(self, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The tiles that would be corroded as photographs of their own, or the nearest to it."""
        return probabilities >= min(self.whole.threshold, float(probabilities.max()))


def tile_logits(
    network: CorrosionClassifier, image: Pixels, grid: TileGrid, batch_size: int
) -> NDArray[np.float64]:
    """Logits (T,) of the tiles of a photograph, without temperature, row after row.

    Args:
        network: network in evaluation mode, on any device.
        image: (H, W, 3) uint8 RGB, upright, at full resolution.
        grid: its tiles.
        batch_size: tiles at once through the network.

    Raises:
        CorrosionError: the network gives NaN.
    """
    return window_logits(network, image, grid.windows, batch_size)


def window_logits(
    network: CorrosionClassifier, image: Pixels, windows: Sequence[Window], batch_size: int
) -> NDArray[np.float64]:
    """Logits (N,) of parts of a photograph, each made the network's input; as `tile_logits`."""
    resize = build_resize(network.image_size, network.resize)
    found = []
    for start in range(0, len(windows), batch_size):
        some = windows[start : start + batch_size]
        with torch.inference_mode():
            logits = network.predict_logits(_inputs(network, image, some, resize))
        found.append(logits.double().cpu().numpy())
    values = np.concatenate(found)
    if not np.isfinite(values).all():
        raise CorrosionError("The network gives NaN: its weights are damaged.")
    return values


def calibrated(network: CorrosionClassifier, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of logits in float64, for of 1,000 tiles float32 rounds the highest to 1."""
    return expit(logits / network.temperature)


def tile_mask(
    network: CorrosionClassifier, image: Pixels, grid: TileGrid, corroded: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The mask of rust of the corroded tiles, at the photograph's own resolution.

    The scores of `corrosion.explanation.rust_mask` of each tile are blended where tiles overlap,
    and cut as those of whole photographs; a tile that is not corroded says that there is none. One
    row of tiles is in memory at a time.

    Args:
        network: network in evaluation mode, on any device.
        image: (H, W, 3) uint8 RGB, upright, at full resolution.
        grid: its tiles.
        corroded: (T,) bool, of the tiles, row after row.

    Returns:
        (H, W) bool, True where there is rust.

    Raises:
        CorrosionError: as `corrosion.explanation.pyramid.fine_map`.
    """
    side, rows = grid.side, corroded.reshape(len(grid.tops), len(grid.lefts))
    down, across = grid.blending(grid.height, grid.width)
    mask = np.zeros((grid.height, grid.width), dtype=bool)
    cut = 1.0
    band: Map = np.zeros((side, grid.width), dtype=np.float32)  # its first row is at `top`
    for row, top in enumerate(grid.tops):
        for column in np.flatnonzero(rows[row]):
            left = grid.lefts[column]
            tile = Window(top, left, side, side).cut(image)
            evidence = rust_evidence(network, tile)
            cut, score = evidence.cut, evidence.score(tile)
            weights = np.outer(down[row][1], across[column][1])
            band[:, left : left + side] += score * weights
        following = grid.tops[row + 1] if row + 1 < len(grid.tops) else grid.height
        done = following - top
        mask[top:following] = band[:done] > cut
        band[: side - done] = band[done:]
        band[side - done :] = 0
    return mask


def _explained(
    network: CorrosionClassifier,
    image: Pixels,
    grid: TileGrid,
    batch_size: int,
    whole: Explanation,
) -> tuple[NDArray[np.float64], Explanation]:
    """Logits of the tiles, and the explanation of the whole with the map of all of them.

    Maps of tiles are put together in the unit of the method, in which they are comparable, and
    divided by the strongest evidence of the tiles in which anything speaks for corrosion.
    """
    resize = build_resize(network.image_size, network.resize)
    scale = min(1.0, MAP_SIDE / max(grid.height, grid.width))
    height, width = (max(1, round(side * scale)) for side in (grid.height, grid.width))
    down, across = grid.blending(height, width)
    total: Map = np.zeros((height, width), dtype=np.float32)
    logits, strongest, empty = [], 0.0, True
    for start in range(0, len(grid), batch_size):
        inputs = _inputs(network, image, grid.windows[start : start + batch_size], resize)
        for number, found in enumerate(explain_inputs(network, inputs), start):
            row, column = divmod(number, len(grid.lefts))
            (ys, of_row), (xs, of_column) = down[row], across[column]
            logits.append(found.logit)
            if not found.empty and len(of_row) and len(of_column):
                strongest, empty = max(strongest, found.raw_scale), False
                weights = np.outer(of_row, of_column) * found.raw_scale
                place = whole_of(resize).place(*weights.shape)
                total[ys, xs] += weights * to_photograph(found.map, place, *weights.shape)
    if strongest > 0:
        np.clip(total / strongest, 0, 1, out=total)
    explanation = replace(whole, map=total, raw_scale=strongest, empty=empty)
    return np.array(logits, dtype=np.float64), explanation


def _inputs(
    network: CorrosionClassifier, image: Pixels, windows: Sequence[Window], resize: Resize
) -> torch.Tensor:
    squares = np.stack([resize(window.cut(image)) for window in windows])
    return torch.from_numpy(squares).permute(0, 3, 1, 2).to(network.mean.device)
