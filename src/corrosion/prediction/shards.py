"""A run over files in shards, which many machines work on: each is finished once, or not at all.

A shard is `SHARD` files that follow each other in the list of the run. Its rows are one Parquet
file, which is there when all of them are. What is killed loses the shards in hand, nothing else,
and nothing is counted twice: whoever makes a shard again replaces its file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from corrosion.data.image_reader import Item
from corrosion.errors import CorrosionError
from corrosion.prediction.journal import ROWS, Row
from corrosion.prediction.output_folder import NEW, OutputFolder
from corrosion.system.files import replacing, unreadable, unwritable

if TYPE_CHECKING:
    import pyarrow

SHARD = 256
"""Files in a shard: a few seconds of work, and 400,000 shards of a hundred million files."""

ATTEMPTS = 20
"""How often work is begun that never ends: machines may die, but a file may be the reason."""

_WAY_OUT = "Delete it to predict its files anew when the run is resumed, or restore it from a copy."


@dataclass(frozen=True)
class Shard:
    """Files that follow each other in the list of a run.

    Attributes:
        number: its place among the shards, from 0; its first file is number `SHARD` times this.
        offset: byte of the list at which its first file stands.
        files: number of its files, at least 1.
    """

    number: int
    offset: int
    files: int

    def items(self, listing: Path) -> list[Item]:
        """Its files.

        Args:
            listing: the list of the run.

        Raises:
            CorrosionError: the list is damaged.
        """
        try:
            with listing.open("rb") as lines:
                lines.seek(self.offset)
                paths = [json.loads(line) for line in islice(lines, self.files)]
        except (OSError, ValueError) as error:
            raise unreadable(listing, error, NEW) from error
        if len(paths) < self.files or not all(isinstance(path, str) for path in paths):
            raise CorrosionError(f"{listing} holds something else than paths of files. {NEW}")
        first = self.number * SHARD
        return [Item(first + place, path) for place, path in enumerate(paths)]


class ShardedFolder(OutputFolder):
    """The folder of a run in shards.

    Until the run is finished `progress/` holds `files.jsonl`, a path a line, and
    `shards/00000000.parquet` and so on. Neither is ever in memory whole.
    """

    @property
    def listing(self) -> Path:
        """The list of the files."""
        return self.progress / "files.jsonl"

    @property
    def attempts(self) -> Path:
        """Where `attempted` counts."""
        return self.progress / "attempts"

    @property
    def _listing(self) -> Path:
        return self.listing

    def _list(self, files: Iterable[str]) -> None:
        with replacing(self.listing) as temporary, temporary.open("w", encoding="utf-8") as lines:
            lines.writelines(f"{json.dumps(path)}\n" for path in files)

    def files(self) -> list[str]:
        """All files of a run that goes on, in order."""
        return [item.path for shard in self.shards() for item in shard.items(self.listing)]

    def shards(self) -> Iterator[Shard]:
        """All shards, in order.

        Raises:
            CorrosionError: the list can't be read.
        """
        number = offset = 0
        try:
            with self.listing.open("rb") as lines:
                while some := list(islice(lines, SHARD)):
                    yield Shard(number, offset, len(some))
                    number, offset = number + 1, offset + sum(map(len, some))
        except OSError as error:
            raise unreadable(self.listing, error, NEW) from error

    def unfinished(self) -> list[Shard]:
        """The shards that have no rows yet, in order."""
        folder = self.progress / "shards"
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        return [shard for shard in self.shards() if self._file(shard).name not in there]

    def rows(self) -> Iterator[Row]:
        """The rows of all shards, sorted by item and order; those of one shard in memory.

        Raises:
            CorrosionError: a shard has no rows yet, or can't be read.
        """
        from pyarrow import parquet

        if missing := self.unfinished():
            path = missing[0].items(self.listing)[0].path
            raise CorrosionError(
                f"{self.path}: {sum(shard.files for shard in missing)} files have no result yet, "
                f"{path} the first. What there is has been kept: resume the run."
            )
        for shard in self.shards():
            file = self._file(shard)
            try:
                values = parquet.read_table(file).to_pylist()
                yield from [ROWS.validate_python(one) for one in values]
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
                raise unreadable(file, ValueError(reason), _WAY_OUT) from error
            except (OSError, ValueError) as error:
                raise unreadable(file, error, _WAY_OUT) from error

    def write(self, shard: Shard, rows: pyarrow.Table) -> None:
        """Keep the rows of a shard, whole or not at all.

        Raises:
            CorrosionError: the file can't be written.
        """
        from pyarrow import parquet

        with replacing(self._file(shard)) as temporary:
            parquet.write_table(rows, temporary)

    def _file(self, shard: Shard) -> Path:
        return self.progress / "shards" / f"{shard.number:08d}.parquet"


@contextmanager
def attempted(folder: Path, name: str, what: str) -> Iterator[None]:
    """Count how often something has been begun, on the disk, for it may kill its process.

    Ray does again whatever dies, for ever. A file that kills every process ends the run by this.

    Args:
        folder: where it is counted; what has gone well is counted no more.
        name: name of what is done, another for each.
        what: the same in words, for the message.

    Raises:
        CorrosionError: it was begun `ATTEMPTS` times and never ended; or as `unwritable`.
    """
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as count:
            count.write(b".")
        begun = path.stat().st_size
    except OSError as error:
        raise unwritable(path, error) from error
    if begun > ATTEMPTS:
        raise CorrosionError(
            f"{what}: its processes were killed {ATTEMPTS} times, perhaps as memory ran out, or "
            f"by a file that is damaged in a new way. Give more memory, or move it elsewhere."
        )
    yield
    path.unlink(missing_ok=True)


class ShardWriter:
    """Gathers rows that come in any order, and writes a shard when it has all of its own.

    Args:
        folder: the folder of the run.
        shards: the shards that are to come; rows of others are left out.
    """

    def __init__(self, folder: ShardedFolder, shards: Sequence[Shard]) -> None:
        self._folder = folder
        self._shards = {shard.number: shard for shard in shards}
        self._parts: dict[int, list[pyarrow.Table]] = {}
        self._ends: dict[int, int] = {}

    def add(self, rows: pyarrow.Table) -> int:
        """Take rows, and write the shards that are whole now.

        Args:
            rows: as `corrosion.prediction.row_tables.rows_table` gives them, of any shards.

        Returns:
            The number of rows that were written.

        Raises:
            CorrosionError: a file can't be written.
        """
        numbers = rows["item"].to_numpy() // SHARD
        written = 0
        for number in np.unique(numbers).tolist():
            shard = self._shards.get(number)
            if shard is None:  # finished: a task was run twice
                continue
            part = rows.filter(numbers == number)
            self._parts.setdefault(number, []).append(part)
            ends = self._ends.get(number, 0) + int(part["last"].to_numpy().sum())
            self._ends[number] = ends
            if ends >= shard.files and (whole := _whole(self._parts[number], shard)) is not None:
                self._folder.write(shard, whole)
                del self._shards[number], self._parts[number], self._ends[number]
                written += len(whole)
        return written


def _whole(parts: Sequence[pyarrow.Table], shard: Shard) -> pyarrow.Table | None:
    """The rows of a shard, each once and in order; None while one is missing."""
    import pyarrow

    table = pyarrow.concat_tables(parts).sort_by([("item", "ascending"), ("order", "ascending")])
    items, orders = table["item"].to_numpy(), table["order"].to_numpy()
    new = np.ones(len(table), dtype=bool)
    new[1:] = (items[1:] != items[:-1]) | (orders[1:] != orders[:-1])
    table = table.filter(new)
    last = table["last"].to_numpy()
    expected = int((orders[new][last] + 1).sum())  # the last row of a file says how many there are
    return table if int(last.sum()) == shard.files and len(table) == expected else None
