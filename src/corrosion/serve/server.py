"""The service as a process: an address, and an end that answers what has begun."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from contextlib import closing

import uvicorn
from fastapi import FastAPI

from corrosion.errors import CorrosionError
from corrosion.settings.serve import ServeSettings

log = logging.getLogger(__name__)

_BACKLOG = 256
_CONNECTIONS = 4  # times the places in the queue: more are told to come back
_KEEP_ALIVE = 10  # seconds


def open_socket(settings: ServeSettings) -> socket.socket:
    """Listen on the address of a service; first of all, so that a taken one is told at once.

    Raises:
        CorrosionError: it is taken, or is none of this machine.
    """
    host, port = settings.host, settings.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CorrosionError(
            f"host={host}, port={port}: {error.strerror or error}. Choose another port, or 0 for a "
            f"free one."
        ) from error


def address_of(listening: socket.socket) -> str:
    """The address of a service, as a browser takes it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: FastAPI, listening: socket.socket, settings: ServeSettings) -> None:
    """Answer until Ctrl-C or SIGTERM, and then what has begun.

    Args:
        app: the application.
        listening: where, as `open_socket` gives it; closed at the end.
        settings: the limits.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,  # nothing of who asked is kept
        server_header=False,
        ws="none",
        limit_concurrency=_CONNECTIONS * settings.max_queue + _BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=int(settings.timeout) + 1,
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal again once it has ended, which would kill the process
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with closing(listening):
        try:
            server.run(sockets=[listening])
        except (KeyboardInterrupt, SystemExit):
            log.info("What had begun is answered.")
        finally:
            signal.signal(signal.SIGTERM, before)
