"""The address of a Ray cluster, looked at before a run is begun."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from corrosion.errors import CorrosionError

WAY_OUT = "Start a cluster by ray start --head, and give the address that it tells."
"""What to do where there is no cluster."""

_PATIENCE = 20  # seconds for somebody to answer


def check_address(address: str) -> None:
    """Make sure that somebody answers: Ray itself would wait for ten minutes without a word.

    Args:
        address: "host:port", with or without "ray://"; "auto" is not looked at, as Ray says at once
            where it finds no cluster on this machine.

    Raises:
        CorrosionError: nobody answers.
    """
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        if parts.hostname is not None and parts.port is not None:
            socket.create_connection((parts.hostname, parts.port), _PATIENCE).close()
    except (OSError, ValueError) as error:
        raise CorrosionError(f"address={address}: nobody answers ({error}). {WAY_OUT}") from error
