import io

import numpy as np
import pytest
from PIL import Image
from s3_server import BUCKET, s3_server

from corrosion.data.places import remote, retries


@pytest.fixture(scope="module")
def _server(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture
def server(_server, cache, monkeypatch):
    """An S3 server on loopback with an empty bucket; nothing fails."""
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.001)
    yield _server
    _server.faults.share, _server.faults.stubborn = 0.0, ()
    for key in _server.keys():
        _server.client.delete_object(Bucket=BUCKET, Key=key)
    remote.forget()


@pytest.fixture(scope="session")
def picture():
    """The bytes of a small photograph, unlike that of any other seed."""

    def made(seed, kind="JPEG", size=(48, 32)):
        grey = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(grey).resize(size).save(stream, kind)
        return stream.getvalue()

    return made
