"""An S3 server on loopback (moto), whose answers fail as often as one likes."""

from __future__ import annotations

import logging
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote

BUCKET = "photos"


@dataclass
class Faults:
    """Stands before the server: some answers are errors, or end in the middle.

    Attributes:
        share: share of the requests that fail, in [0, 1]: half of them by 500 or 503, half by
            bytes that are missing.
        stubborn: words in the paths of objects that can never be read.
        expires: number of objects that are read until credentials have expired; None for never.
        seen: how many requests of each method there were, and of "failed" those that failed.
    """

    application: Callable[..., Iterable[bytes]]
    share: float = 0.0
    stubborn: tuple[str, ...] = ()
    expires: int | None = None
    seen: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    turn: Lock = field(default_factory=Lock)

    def __call__(self, request: dict[str, Any], answer: Callable[..., Any]) -> Iterable[bytes]:
        method, path = request["REQUEST_METHOD"], unquote(request.get("PATH_INFO", ""))
        stubborn = method == "GET" and any(word in path for word in self.stubborn)
        with self.turn:
            self.seen[method] += 1
            fails = stubborn or self.chance.random() < self.share
            self.seen["failed"] += fails
            if self.expires is not None and method == "GET" and path.count("/") > 1:
                self.expires -= 1
            expired = self.expires is not None and self.expires < 0
            cut = fails and not stubborn and method == "GET" and self.chance.random() < 0.5
        if expired or (fails and not cut):
            # what was sent must be read, or the connection breaks
            request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
            status, code = "503 Slow Down", "SlowDown"
            if expired:
                status, code = "400 Bad Request", "ExpiredToken"
            answer(status, [("Content-Type", "text/xml")])
            return [f"<Error><Code>{code}</Code><Message>{code}.</Message></Error>".encode()]
        body = self.application(request, answer)
        return _half(body) if cut else body


def _half(body: Iterable[bytes]) -> Iterator[bytes]:
    whole = b"".join(body)
    yield whole[: len(whole) // 2]


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        faults: what fails.
        client: boto3's client, whose requests fail too.
        environment: variables that lead programs to the server.
    """

    faults: Faults
    client: Any
    environment: Mapping[str, str]

    def fill(self, files: Mapping[str, bytes]) -> None:
        """Put objects into the bucket, by their keys."""
        for key, content in files.items():
            self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def keys(self, prefix: str = "") -> list[str]:
        """What lies in the bucket, sorted."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return sorted(one["Key"] for page in pages for one in page.get("Contents", ()))

    def empty(self) -> None:
        """Delete all objects."""
        for key in self.keys():
            self.client.delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def s3_server(folder: Path) -> Iterator[Server]:
    """A server with an empty bucket.

    Args:
        folder: an empty folder, so that no settings of the user are read.
    """
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ACCESS_KEY_ID": "loopback",
        "AWS_SECRET_ACCESS_KEY": "loopback-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    try:
        assert server._server is not None
        faults = Faults(server._server.app)
        server._server.app = faults
        with patch.dict(os.environ, environment):
            client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield Server(faults, client, environment)
    finally:
        server.stop()
