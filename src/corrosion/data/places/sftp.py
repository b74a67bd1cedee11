"""Files on a server that is reached by SSH, whose key must be known."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from threading import BoundedSemaphore
from urllib.parse import urlsplit

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

_CONNECTIONS = 4  # servers refuse more than some ten at once
_PATIENCE = 20  # seconds for a server to answer


class KnownHosts(SFTPFileSystem):
    """fsspec's files by SFTP, but only of a server whose key is in `~/.ssh/known_hosts`.

    fsspec trusts whatever server answers. The private key comes from an SSH agent or from
    `~/.ssh/id_*`; `~/.ssh/config` is not read.
    """

    protocol = "sftp"
    cachable = False  # one thread at a time may use a connection

    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        self.client.load_system_host_keys()
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.client.connect(self.host, timeout=_PATIENCE, **self.ssh_kwargs)
        self.ftp = self.client.open_sftp()

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: object
    ) -> bytes:
        """The bytes of a file, asked for all at once: each answer has 32 KiB of them.

        Args:
            path: path on the server.
            start: ignored: a file is read from its beginning.
            end: number of bytes that are wanted at most.
        """
        with self.ftp.open(path, "rb") as file:
            size = file.stat().st_size or 0
            file.prefetch(size if end is None else min(size, end))
            found: bytes = file.read(end)
        return found


class _Host:
    def __init__(self) -> None:
        self.idle: LifoQueue[KnownHosts] = LifoQueue()
        self.free = BoundedSemaphore(_CONNECTIONS)


_hosts: defaultdict[tuple[int, str], _Host] = defaultdict(_Host)


@contextmanager
def connection(address: str) -> Iterator[KnownHosts]:
    """A connection that no other thread uses meanwhile; one over which something failed is closed.

    Args:
        address: as `sftp://jane@host:22/photos`.
    """
    parts = urlsplit(address)
    host = _hosts[os.getpid(), parts.netloc]  # a forked process must not share connections
    given = {"username": parts.username, "port": parts.port}
    with host.free:
        try:
            used = host.idle.get_nowait()
        except Empty:
            options = {key: one for key, one in given.items() if one}
            used = KnownHosts(parts.hostname or "", **options)
        try:
            yield used
        except FileNotFoundError:
            host.idle.put(used)
            raise
        except BaseException:
            used.client.close()
            raise
        host.idle.put(used)
