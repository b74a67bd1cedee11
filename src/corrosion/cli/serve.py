"""`corrosion serve`: a network that answers over HTTP, with a page to drop photographs on."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import CHECKPOINT, LIVE_NAMES
from corrosion.errors import CorrosionError
from corrosion.runs import checkpoint_of
from corrosion.settings.live import LiveSettings
from corrosion.settings.serve import ServeSettings
from corrosion.system.extras import install_command
from corrosion.system.processors import keep_freed_memory, share_processors

_PACKAGES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help=f"{CHECKPOINT}, or a file that corrosion export has written",
    )
    add_options(parser, ServeSettings, metavar={"keep": "FOLDER", "timeout": "SECONDS"})
    add_options(parser, LiveSettings, metavar=LIVE_NAMES)


def _run(options: argparse.Namespace) -> None:
    settings = read_options(ServeSettings, options)
    live = read_options(LiveSettings, options)
    if missing := [package for package in _PACKAGES if find_spec(package) is None]:
        raise CorrosionError(f"serve needs {', '.join(missing)}: {install_command(*missing)}.")
    path = checkpoint_of(options.model)
    share_processors()  # before numpy and torch are imported
    from corrosion.serve.access import read_token
    from corrosion.serve.app import build_app
    from corrosion.serve.network import open_network
    from corrosion.serve.server import address_of, open_socket, serve

    token = None if settings.token_file is None else read_token(settings.token_file)
    listening = open_socket(settings)
    keep_freed_memory(one_heap=True)  # the network will run in a thread
    app = build_app(open_network(path, settings), settings, token=token, live=live)
    page = "" if live.camera is None else "/live"
    sys.stdout.write(f"{address_of(listening)}{page}\n")
    sys.stdout.flush()
    serve(app, listening, settings)


COMMANDS = {
    "serve": Command(
        _add_arguments,
        _run,
        "Answer over HTTP: a page to drop photographs on at /, and POST /predict for programs "
        "(/openapi.json describes it). Ctrl-C ends it.",
    )
}
