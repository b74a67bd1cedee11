"""The address of a Ray cluster, looked at before a run is begun, and the token that it asks for."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from corrosion.errors import CorrosionError

WAY_OUT = (
    "Start a cluster by ray start --head, and give the address that it tells; a cluster with a "
    "token needs it here too (docs/prediction.md)."
)
"""What to do where no cluster can be joined."""

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


def has_token() -> bool:
    """Whether this user has a token of Ray, where Ray looks for it.

    Source: https://docs.ray.io/en/latest/ray-security/token-auth.html
    """
    given = "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ
    return given or (Path.home() / ".ray" / "auth_token").is_file()
