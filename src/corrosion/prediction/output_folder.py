"""The output folder of a run: what it was asked for, and how far it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corrosion.data.image_reader import Item
from corrosion.errors import CorrosionError
from corrosion.prediction.journal import Row, read_journals
from corrosion.settings.stored import PredictionCounts, PredictionRun
from corrosion.system.files import is_taken, read_json, write_json

_PROGRESS = "progress"
NEW = "Restore it from a copy, or predict into a new folder."
"""What to do about a damaged file of a run."""


@dataclass(frozen=True)
class Counts:
    """What a finished run has predicted.

    Attributes:
        images: number of photographs and frames, those that can't be read too.
        detected: number of those with corrosion.
        review: number of those that an inspector shall look at.
        unlike: number of those among them that are unlike all that the network was trained on;
            None where it can't tell.
        failed: number of those that could not be read, or not be drawn.
    """

    images: int
    detected: int
    review: int
    failed: int
    unlike: int | None = None


@dataclass(frozen=True)
class OutputFolder:
    """The folder of a run.

    It holds `run.json` (what was asked for, attempts so far, counts once it is finished) and, until
    then, `progress/`: the list of files and the journals.

    Attributes:
        path: path of the folder.
    """

    path: Path

    @property
    def progress(self) -> Path:
        """Where the journals are."""
        return self.path / _PROGRESS

    def begin(
        self, asked: Mapping[str, Any], find: Callable[[], Iterable[str]], *, resume: bool
    ) -> Counts | None:
        """Start a run, or a further attempt at it; for one process alone.

        Args:
            asked: plain values that decide what the results are.
            find: lists the files; called by a new run only.
            resume: go on with a run, if one was begun here.

        Returns:
            None, or the counts of a run that is finished already.

        Raises:
            CorrosionError: the folder holds something else, or a run that was asked for something
                else; or as `find`.
        """
        if not is_taken(self.path):
            files = find()
            run: dict[str, Any] = {"asked": dict(asked), "attempts": 0, "counts": None}
            self._write(run)
            self._list(files)
        else:
            run = self._run_to_resume(asked, resume=resume)
            if run["counts"] is not None:
                return Counts(**dict(PredictionCounts.read(run["counts"])))
            if not self._listing.is_file():  # killed before it was written
                self._list(find())
            for half_written in self.path.glob("*/*/.*"):  # pictures
                half_written.unlink()
        self._write(run | {"attempts": run["attempts"] + 1})
        return None

    @property
    def _listing(self) -> Path:
        """The list of the files of a run."""
        return self.progress / "files.json"

    def _list(self, files: Iterable[str]) -> None:
        """Keep the list of files."""
        write_json(self._listing, list(files))

    def _run_to_resume(self, asked: Mapping[str, Any], *, resume: bool) -> dict[str, Any]:
        run = self._read() if (self.path / "run.json").is_file() else {}
        if "asked" not in run:
            raise CorrosionError(
                f"out={self.path}: there is something already: give a new or empty folder."
            )
        if not resume:
            raise CorrosionError(
                f"out={self.path}: a run was begun there: resume it, or give a new folder."
            )
        different = [key for key, value in asked.items() if run["asked"].get(key) != value]
        if different:
            was = ", ".join(f"{key} {_brief(run['asked'].get(key))}" for key in different)
            now = ", ".join(f"{key} {_brief(asked[key])}" for key in different)
            raise CorrosionError(
                f"{self.path} was begun with other settings ({was}; now {now}): give those again, "
                f"or another folder."
            )
        return run

    @property
    def attempt(self) -> int:
        """Number of the attempt that was begun last, from 0."""
        return self._read()["attempts"] - 1

    def files(self) -> list[str]:
        """All files of a run that goes on, in order."""
        files: list[str] = read_json(self._listing, kind=list, way_out=NEW)
        if not all(isinstance(one, str) for one in files):
            raise CorrosionError(f"{self._listing} holds something else than paths of files. {NEW}")
        return files

    def rows(self) -> Iterator[Row]:
        """The rows of all attempts, sorted by item and order, of every file of the run.

        Raises:
            CorrosionError: as `read_journals`; at the end, where a file has no result yet.
        """
        finished: set[int] = set()
        for row in read_journals(self.progress):
            if row.last:
                finished.add(row.item)
            yield row
        files = self.files()
        if missing := [path for number, path in enumerate(files) if number not in finished]:
            raise CorrosionError(
                f"{self.path}: {len(missing)} of {len(files)} files have no result yet, "
                f"{missing[0]} the first. What there is has been kept: resume the run."
            )

    def remaining(self) -> list[Item]:
        """The files that attempts before this one have not finished, in order."""
        finished: set[int] = set()
        done: dict[int, int] = {}
        for row in read_journals(self.progress, before=self.attempt):
            done[row.item] = done.get(row.item, 0) + 1
            if row.last:
                finished.add(row.item)
        return [
            Item(number, path, done.get(number, 0))
            for number, path in enumerate(self.files())
            if number not in finished
        ]

    def finish(
        self,
        counts: Counts,
        *,
        model: str,
        trained_on: str = "",
        band: tuple[float, float] | None = None,
        kinds: Sequence[str] = (),
        cautions: Sequence[str] = (),
        notes: Sequence[str] = (),
        tiles: Mapping[str, Any] | None = None,
        share_interval: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the counts and what is to be said beside them; remove what was only to go on.

        Args:
            counts: what was counted.
            model: name of what predicted.
            trained_on: the photographs that it was trained on; empty if unknown.
            band: probabilities strictly between these go to an inspector; None for no such band.
            kinds: names of the kinds of corrosion that it tells apart.
            cautions: sentences without which no decision should be read.
            notes: sentences that belong beside the figures.
            tiles: what is known of the thresholds of tiles, where there are some.
            share_interval: what gives rusted shares their intervals, where there are masks.
        """
        told = {
            "counts": vars(counts),
            "model": model,
            "trained_on": trained_on,
            "band": None if band is None else list(band),
            "kinds": list(kinds),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "cautions": list(cautions),
            "notes": list(notes),
        }
        for name, known in (("tiles", tiles), ("share_interval", share_interval)):
            if known is not None:
                told[name] = dict(known)
        self._write(self._read() | told)
        shutil.rmtree(self.progress)

    def _read(self) -> dict[str, Any]:
        path = self.path / "run.json"
        run: dict[str, Any] = read_json(path, kind=dict, way_out=NEW)
        if "asked" in run:  # else it is another program's
            PredictionRun.of(run, path, way_out=NEW)
        return run

    def _write(self, run: Mapping[str, Any]) -> None:
        write_json(self.path / "run.json", run)


def _brief(value: object) -> str:
    if value is None:
        return "not asked for"
    if isinstance(value, Mapping):
        value = {name: one for name, one in value.items() if one is not None}
        if not value:
            return "asked for"
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
