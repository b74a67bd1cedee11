"""Pages in a real browser: headless Chromium, spoken to by the DevTools protocol over two pipes."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_SECONDS = 60

needs_chromium = pytest.mark.skipif(
    _PROGRAM is None, reason="there is no Chromium: apt-get install chromium"
)


@dataclass(frozen=True)
class Opened:
    """What a page did, and shows.

    Attributes:
        requests: addresses it asked for beyond what it holds, the page's own first.
        failed: reasons of the requests that failed.
        errors: script errors, errors in the console (as of the content security policy).
        text: what can be read.
        overflow: pixels by which the page is wider than the window.
        screenshot: PNG.
    """

    requests: tuple[str, ...]
    failed: tuple[str, ...]
    errors: tuple[str, ...]
    text: str
    overflow: int
    screenshot: bytes


def open_page(path: Path, *, width: int = 1000, height: int = 1400) -> Opened:
    """Open an HTML file in a window of this size, and look at it once it has loaded."""
    with visit(path, width=width, height=height) as page:
        return page.look()


@contextlib.contextmanager
def visit(
    path: Path | str,
    *,
    width: int = 1000,
    height: int = 1400,
    dark: bool = False,
    downloads: Path | None = None,
) -> Iterator[Page]:
    """Open an HTML file in a window of this size, and use it as a person does.

    Args:
        path: path of the file, or the address of a page.
        width: width of the window in pixels.
        height: its height.
        dark: whether the person prefers a dark screen.
        downloads: folder that gets what the page saves; nothing is saved without one.
    """
    with _browser() as browser:
        if downloads is not None:
            browser.call(
                "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads)
            )
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
        browser.session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            browser.call(f"{domain}.enable")
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        browser.call("Performance.enable", timeDomain="threadTicks")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.call("Emulation.setEmulatedMedia", features=[scheme])
        browser.events.clear()  # of the blank page
        page = Page(browser, path)
        page.load()
        yield page


class Page:
    """A page that is open.

    Args:
        browser: what shows it.
        path: path of the file, or the address of a page.
    """

    def __init__(self, browser: _Browser, path: Path | str) -> None:
        self._browser = browser
        self._path = path

    def load(self) -> None:
        """Open the file, or open it again."""
        self._browser.events = [
            event for event in self._browser.events if event[0] != "Page.loadEventFired"
        ]
        url = self._path if isinstance(self._path, str) else self._path.resolve().as_uri()
        self._browser.call("Page.navigate", url=url)
        self._browser.wait_for("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, awaited where it is a promise."""
        return self._browser.evaluate(expression)

    def metrics(self) -> dict[str, float]:
        """What the page has cost so far, in seconds of a processor where they are durations."""
        found = self._browser.call("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in found}

    def press(self, *keys: str) -> None:
        """Press keys, one after the other: characters, or names as Enter."""
        for key in keys:
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            code = {"Escape": 27}.get(key, 0)  # a dialog closes by the code, not by the name
            for kind, typed in (("keyDown", text), ("keyUp", "")):
                self._browser.call(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=key,
                    text=typed,
                    windowsVirtualKeyCode=code,
                )

    def choose_files(self, selector: str, *paths: Path) -> None:
        """Give files to an input, as its dialog does."""
        root = self._browser.call("DOM.getDocument")["root"]["nodeId"]
        node = self._browser.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        files = [str(path.resolve()) for path in paths]
        self._browser.call("DOM.setFileInputFiles", nodeId=node, files=files)

    def wait_until(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true."""
        deadline = time.monotonic() + _SECONDS
        while not self.evaluate(condition):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{condition} is not true after {_SECONDS} s")
            time.sleep(0.05)

    def screenshot(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(self._browser.call("Page.captureScreenshot")["data"])

    def printed(self) -> bytes:
        """The page on paper, as PDF."""
        return base64.b64decode(self._browser.call("Page.printToPDF")["data"])

    def look(self) -> Opened:
        """What the page has done so far, and shows."""
        text = self.evaluate("document.body.innerText")
        overflow = self.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        screenshot = self.screenshot()
        events = self._browser.events
        return Opened(
            requests=tuple(
                params["request"]["url"]
                for name, params in events
                if name == "Network.requestWillBeSent"
                and not params["request"]["url"].startswith("data:")
            ),
            failed=tuple(
                params["errorText"] for name, params in events if name == "Network.loadingFailed"
            ),
            errors=tuple(
                json.dumps(params)
                for name, params in events
                if name == "Runtime.exceptionThrown"
                or (name == "Log.entryAdded" and params["entry"]["level"] == "error")
            ),
            text=text,
            overflow=overflow,
            screenshot=screenshot,
        )


class _Browser:
    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._buffer = b""
        self._number = 0
        self.session: str | None = None
        self.events: list[tuple[str, dict[str, Any]]] = []

    def call(self, method: str, **params: object) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def evaluate(self, expression: str) -> Any:
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, event: str) -> None:
        while not any(name == event for name, _ in self.events):
            self._next()

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self._from, 1 << 20) if ready else b""
            if not chunk:
                raise RuntimeError("Chromium said nothing more")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(line)
        if "method" in message:
            self.events.append((message["method"], message["params"]))
        return message


@contextlib.contextmanager
def _browser():
    assert _PROGRAM is not None
    # Chromium reads commands from descriptor 3 and answers on 4: above these nothing is in the way
    theirs_in, ours_out, ours_in, theirs_out = (
        fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (*os.pipe(), *os.pipe())
    )

    def arrange() -> None:
        os.dup2(theirs_in, 3)
        os.dup2(theirs_out, 4)

    # --no-sandbox: its sandbox needs rights that containers lack; the pages are our own
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    options += ["--hide-scrollbars", "--disable-dev-shm-usage"]
    process = subprocess.Popen(
        [_PROGRAM, *options, "about:blank"],
        preexec_fn=arrange,
        pass_fds=(3, 4),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield _Browser(ours_out, ours_in)
    finally:
        process.terminate()
        process.wait(_SECONDS)
        os.close(ours_out)
        os.close(ours_in)
