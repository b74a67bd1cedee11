"""`corrosion next`: which unlabelled photographs to label, in a folder to sort them in."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import CHECKPOINT, PATHS, add_out, name_of, own_folder
from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory, checkpoint_of
from corrosion.settings.selection import SelectionSettings
from corrosion.system.processors import share_processors
from corrosion.system.shown_paths import shown_path

_NO_RUN = "imagenet"
_USE = f"corrosion next RUN PHOTOS, or before there is a run: corrosion next {_NO_RUN} PHOTOS"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run",
        metavar="RUN",
        help=f"{CHECKPOINT}; the word {_NO_RUN} where there is no run yet: photographs are then "
        f"chosen to differ",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help=PATHS)
    add_out(parser, "next-PATH")
    add_options(parser, SelectionSettings, metavar={"near_duplicates": "BITS"})


def _run(options: argparse.Namespace) -> None:
    settings = read_options(SelectionSettings, options)
    if not options.paths:
        raise CorrosionError(f"No photographs are named. Give {_USE}.")
    checkpoint = None if options.run == _NO_RUN else _checkpoint(options.run)
    out = own_folder(options, f"next-{name_of(options.paths[0])}")
    share_processors()  # before numpy and torch are imported
    from corrosion.data.file_search import find_inputs
    from corrosion.data.labels import UNSORTED

    files = find_inputs(options.paths, recursive=settings.recursive, videos=False)
    from corrosion.models.checkpoint import load_model
    from corrosion.selection.choose_next import choose_next, imagenet_network
    from corrosion.selection.sorting_folder import write_sorting_folder

    if checkpoint is None:
        network, run = imagenet_network(settings.device), None
    else:
        network = load_model(checkpoint, device=settings.device)
        run = RunDirectory.holding(checkpoint)
    selection = choose_next(
        network,
        files,
        settings,
        trained=checkpoint is not None,
        labelled=None if run is None else run.read_split(),
    )
    write_sorting_folder(out, selection, title=shown_path(options.run))
    found = selection.candidates
    sys.stdout.write(
        f"{len(selection.table)} of {len(files)} photographs chosen. Passed over: {found.labelled} "
        f"labelled already (or near-duplicates of such), {found.duplicates} near-duplicates of "
        f"others, {found.unreadable} unreadable.\n"
        f"Sort {out / UNSORTED} into the two folders beside it, then train on all:\n"
        f"{_training(run, out)}\n{out}\n"
    )


def _checkpoint(path: str) -> Path:
    try:
        return checkpoint_of(path)
    except CorrosionError as error:
        raise CorrosionError(
            f"{error} The first photographs, before there is a run, are chosen by "
            f"corrosion next {_NO_RUN} PHOTOS."
        ) from error


def _training(run: RunDirectory | None, out: Path) -> str:
    """The command that trains on what a run was trained on, and on the sorted photographs."""
    data = {} if run is None else run.read_config().get("data", {})
    roots = data.get("root") if data.get("source") == "folder" else None
    sources = [*([roots] if isinstance(roots, str) else roots or []), str(out)]
    given = ["experiment=probe"] if run is None else _kept(run.read_overrides())
    if run is not None and roots and run.split_file.is_file():  # tested on the same images again
        if data.get("folds") != "source":
            given = [one for one in given if not one.startswith(("data.folds=", "data.fold="))]
        given.append(f"data.split_file={_as_override(run.split_file)}")
    return shlex.join(
        ["corrosion", "train", *(word for one in sources for word in ("--data", one)), *given]
    )


def _kept(overrides: tuple[str, ...]) -> list[str]:
    """What a training was told, without where its images come from and where its results go."""
    elsewhere = ("data=", "data.root=", "data.split_file=", "hydra.")
    return [one for one in overrides if not one.startswith(elsewhere)]


def _as_override(path: Path) -> str:
    """A path as Hydra's command line takes it, quoted only where it must be."""
    text = str(path)
    if re.fullmatch(r"[\w./+-]+", text, re.ASCII):
        return text
    from corrosion.arguments import quoted  # imports Hydra

    return quoted(text)


COMMANDS = {
    "next": Command(
        _add_arguments,
        _run,
        "Choose the unlabelled photographs that a network would learn most from: those it is "
        "uncertain of, unlike each other. They are copied into a folder to sort them in.",
    )
}
