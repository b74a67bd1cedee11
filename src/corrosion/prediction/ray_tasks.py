"""What processes of Ray do for a run over files: read a shard, and run the network over a piece.

They are handed all that they need, and keep nothing: what a killed one had in hand is done again by
another. Pictures are called after the number of their file, so that those of a second time replace
those of the first.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrosion.data.image_reader import ImageInput, ImageReader, batched
from corrosion.prediction.journal import Row
from corrosion.prediction.outputs import Look
from corrosion.prediction.rendering import Renderer
from corrosion.prediction.row_tables import rows_table
from corrosion.prediction.shards import SHARD, Shard, attempted

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Reading:
    """Decodes the files of a shard: a task.

    Attributes:
        directory: working directory, from which paths of files lead on.
        listing: the list of the run's files.
        attempts: where it is counted how often a shard was begun.
        reader: makes inputs of files.
        at_once: inputs in a piece, which go through the network together.
    """

    directory: Path
    listing: Path
    attempts: Path
    reader: ImageReader
    at_once: int

    def pieces(self, shards: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, list[bytes]]]:
        """The inputs of a shard, with the places of their masks, in pieces of one row each.

        Args:
            shards: one shard: its `number`, `offset`, `files`, and `masks`, a place each or none.
        """
        os.chdir(self.directory)
        [number], [offset], [files], [masks] = (
            shards[name] for name in ("number", "offset", "files", "masks")
        )
        items = Shard(int(number), int(offset), int(files)).items(self.listing)
        first = int(number) * SHARD
        with attempted(self.attempts, f"read-{number}", f"{items[0].path} to {items[-1].path}"):
            for piece in batched(self.reader.inputs(items), self.at_once):
                places = [str(masks[one.item - first]) if len(masks) else "" for one in piece]
                yield {"piece": [pickle.dumps((piece, places), protocol=pickle.HIGHEST_PROTOCOL)]}


class Predicting:
    """Runs a network over pieces and draws what it says: an actor, which loads the network once.

    Args:
        load: gives the network.
        renderer: draws images and makes their rows.
        attempts: where it is counted how often a piece was begun.
        directory: working directory.
    """

    def __init__(
        self, load: Callable[[], Look], renderer: Renderer, attempts: Path, directory: Path
    ) -> None:
        os.chdir(directory)
        self._look = load()
        self._renderer = renderer
        self._attempts = attempts

    def __call__(self, pieces: Mapping[str, Sequence[bytes]]) -> pyarrow.Table:
        """The rows of pieces, as `rows_table` gives them."""
        rows: list[Row] = []
        for content in pieces["piece"]:
            images: Sequence[ImageInput]
            images, masks = pickle.loads(content)
            first, last = images[0], images[-1]
            with attempted(
                self._attempts, f"look-{first.item}-{first.order}", f"{first.path} to {last.path}"
            ):
                rows += map(self._renderer.render, self._look(images), masks)
        return rows_table(rows)
