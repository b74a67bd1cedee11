"""Services that tests look at by a real browser."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from browser import Page

from corrosion.serve.app import build_app
from corrosion.serve.network import ServedNetwork
from corrosion.serve.server import address_of, open_socket
from corrosion.settings.live import LiveSettings
from corrosion.settings.serve import ServeSettings


@contextmanager
def served(
    network: ServedNetwork, token: str | None = None, live: LiveSettings | None = None
) -> Iterator[str]:
    """The address of a service that answers in this process."""
    settings = ServeSettings(port=0)
    listening = open_socket(settings)
    config = uvicorn.Config(build_app(network, settings, token=token, live=live), log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield address_of(listening)
    finally:
        server.should_exit = True
        thread.join(60)
        listening.close()


def wait_for(page: Page, condition: str) -> None:
    """Wait until an expression of JavaScript is true."""
    deadline = time.monotonic() + 60
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, page.evaluate("document.body.innerText")
        time.sleep(0.05)
