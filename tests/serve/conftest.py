"""Services of a tiny network."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi.testclient import TestClient

from corrosion.runtime import load
from corrosion.serve.app import build_app
from corrosion.serve.network import ServedNetwork, open_network
from corrosion.settings.serve import ServeSettings


@pytest.fixture(scope="session")
def network(exported: Any) -> ServedNetwork:
    """A tiny exported network."""
    return open_network(exported.onnx, ServeSettings())


@pytest.fixture(scope="session")
def reference(exported: Any) -> Any:
    """The same network, as Python programs have it."""
    return load(exported.onnx)


@pytest.fixture
def start(network: ServedNetwork) -> Iterator[Callable[..., TestClient]]:
    """Starts a service with settings, and gives a client of it."""
    with ExitStack() as held:

        def start(
            token: str | None = None, answering: ServedNetwork = network, **settings: Any
        ) -> TestClient:
            app = build_app(answering, ServeSettings(**settings), token=token)
            return held.enter_context(TestClient(app, base_url="http://127.0.0.1:8000"))

        yield start
