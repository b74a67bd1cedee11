"""`corrosion predict`: files in; a table, an inspection page and overlays out."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from corrosion.cli.command import NEEDED_WITHOUT, Command, Gone, begin_again
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import (
    CHECKPOINT,
    LIVE_NAMES,
    PATHS,
    add_out,
    name_of,
    new_folder,
    output_of,
)
from corrosion.data.cache.directory import own_cache_dir
from corrosion.errors import CorrosionError
from corrosion.runs import checkpoint_of
from corrosion.settings.live import LiveSettings
from corrosion.settings.prediction import PredictionSettings
from corrosion.system.extras import require_package
from corrosion.system.files import is_taken
from corrosion.system.processors import check_processes, share_processors

if TYPE_CHECKING:
    from corrosion.prediction.output_folder import Counts

_SOME_FAILED = 3
_EXPORTED = (".onnx", ".xml", ".pt2", ".html")  # of `runtime.sessions`, which imports numpy
_RANKS = ("LOCAL_RANK", "SLURM_PROCID")  # of the processes that --devices has


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="CHECKPOINT",
        help=f"{CHECKPOINT}, or a file that corrosion export has written",
    )
    paths = parser.add_argument(
        "paths", nargs="+", default=[], metavar="PATH", help=f"{PATHS}, videos"
    )
    # not "*", of which argparse takes none where options stand before them
    setattr(paths, NEEDED_WITHOUT, "--camera")
    add_out(parser, "predictions-PATH")
    parser.add_argument(
        "--resume", action="store_true", help="go on with a run that was killed, in its --out"
    )
    add_options(parser, PredictionSettings, metavar={"every": "SECONDS"})
    add_options(parser, LiveSettings, metavar=LIVE_NAMES)
    parser.add_argument(
        "--num-nodes",
        action=Gone,
        const="several machines are a cluster of Ray: run ray start on each, and give --engine "
        "ray --address auto.",
    )


def _run(options: argparse.Namespace) -> int:
    settings = read_options(PredictionSettings, options)
    live = read_options(LiveSettings, options)
    if live.camera is not None:
        from corrosion.cli.live import watch_live  # a command of its own

        return watch_live(options, settings, live)
    if settings.engine == "local":
        check_processes(settings.devices, name="devices")
    else:
        require_package("ray", "--engine=ray", instead="local")
    checkpoint = checkpoint_of(options.checkpoint)
    output = output_of(options.out or f"predictions-{name_of(options.paths[0])}")
    options._own = out = output.folder
    if settings.address is not None and output.address is not None and not own_cache_dir():
        raise CorrosionError(
            f"--out={output} with --address: the machines of the cluster write to a folder that "
            f"they share before the results are copied there. Set CORROSION_CACHE to one on every "
            f"machine, or give one as --out."
        )
    first = all(os.environ.get(rank, "0") == "0" for rank in _RANKS)
    if first:  # others join the run that the first one has begun
        output.check()
        _check_out(out, resume=options.resume)
    else:  # the first waits for them, deaf to Ctrl-C, and ends them: see `RowCallback`
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if settings.format == "parquet":
        require_package("pyarrow", "--format=parquet", instead="csv")
    share_processors()  # before numpy and torch are imported
    if first and not is_taken(out):
        from corrosion.prediction.inputs import find_files

        find_files(options.paths, settings, tell=False)
    try:
        counts = _predict(checkpoint, options.paths, out, settings, resume=options.resume)
    except KeyboardInterrupt:
        if first:
            raise
        return 0  # Lightning would kill the first of the processes, which says it, at another code
    if counts is None:  # not the first of several processes
        return 0
    output.deliver()
    unlike = "" if counts.unlike is None else f" ({counts.unlike} unlike the training photographs)"
    sys.stdout.write(
        f"{counts.images} images: corrosion detected in {counts.detected}, "
        f"{counts.review} to be looked at by an inspector{unlike}, {counts.failed} failed\n"
        f"{output}\n"
    )
    return _SOME_FAILED if counts.failed else 0


def _predict(
    network: Path,
    paths: Sequence[str],
    out: Path,
    settings: PredictionSettings,
    *,
    resume: bool,
) -> Counts | None:
    from corrosion.runtime.predict_files import check_exported
    from corrosion.runtime.predict_files import predict_files as predict_exported

    if network.suffix in _EXPORTED:
        from corrosion.runtime import load

        check_exported(settings, instead=f"give the checkpoint instead of {network}")
        exported = load(network, backend=settings.backend or "auto")
        return predict_exported(exported, paths, out, settings, resume=resume)
    if settings.backend is not None:
        from corrosion.export.for_prediction import network_for

        check = partial(check_exported, settings, instead="choose backend=torch")
        kept = network_for(network, settings.backend, settings.device, check)
        if kept is not None:
            return predict_exported(kept, paths, out, settings, resume=resume)
    from corrosion.prediction.predict_files import predict_files

    return predict_files(network, paths, out, settings, resume=resume)


def _interrupted(options: argparse.Namespace) -> str:
    """What an interrupted prediction has left, and how to go on."""
    folder = getattr(options, "_own", None)
    if folder is None or not _is_begun(folder):
        return begin_again(options)
    return "What is finished is kept: the same command with --resume goes on."


def _is_begun(out: Path) -> bool:
    return (out / "run.json").is_file()


def _check_out(out: Path, *, resume: bool) -> None:
    begun = _is_begun(out)
    if begun and not resume:
        raise CorrosionError(
            f"{out} is there already: go on with what was begun there by --resume, or choose "
            f"another --out."
        )
    if not begun:
        new_folder(out)


COMMANDS = {
    "predict": Command(
        _add_arguments,
        _run,
        "Probability and decision for photographs and videos. Exit code 3 says that some files "
        "could not be read; their rows say why.",
        _interrupted,
    )
}
