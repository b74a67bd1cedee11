"""Pages in a real browser: headless Chromium, spoken to by the DevTools protocol over two pipes."""

from __future__ import annotations

import atexit
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
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_SECONDS = 180  # a busy machine takes its time

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
    with _profile(_browser(), downloads) as tab:
        for domain in ("Page", "Network", "Runtime", "Log"):
            tab.call(f"{domain}.enable")
        tab.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        tab.call("Emulation.setFocusEmulationEnabled", enabled=True)  # though others are open
        tab.call("Performance.enable", timeDomain="threadTicks")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        tab.call("Emulation.setEmulatedMedia", features=[scheme])
        tab.events.clear()  # of the blank page
        page = Page(tab, path)
        page.load()
        yield page


class Page:
    """A page that is open.

    Args:
        tab: what shows it.
        path: path of the file, or the address of a page.
    """

    def __init__(self, tab: _Tab, path: Path | str) -> None:
        self._tab = tab
        self._path = path

    def load(self) -> None:
        """Open the file, or open it again."""
        self._tab.events = [
            event for event in self._tab.events if event[0] != "Page.loadEventFired"
        ]
        url = self._path if isinstance(self._path, str) else self._path.resolve().as_uri()
        self._tab.call("Page.navigate", url=url)
        self._tab.wait_for("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, awaited where it is a promise."""
        return self._tab.evaluate(expression)

    def metrics(self) -> dict[str, float]:
        """What the page has cost so far, in seconds of a processor where they are durations."""
        found = self._tab.call("Performance.getMetrics")["metrics"]
        return {one["name"]: one["value"] for one in found}

    def press(self, *keys: str) -> None:
        """Press keys, one after the other: characters, or names as Enter."""
        for key in keys:
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            code = {"Escape": 27}.get(key, 0)  # a dialog closes by the code, not by the name
            for kind, typed in (("keyDown", text), ("keyUp", "")):
                self._tab.call(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=key,
                    text=typed,
                    windowsVirtualKeyCode=code,
                )

    def choose_files(self, selector: str, *paths: Path) -> None:
        """Give files to an input, as its dialog does."""
        root = self._tab.call("DOM.getDocument")["root"]["nodeId"]
        node = self._tab.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        files = [str(path.resolve()) for path in paths]
        self._tab.call("DOM.setFileInputFiles", nodeId=node, files=files)

    def wait_until(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true."""
        deadline = time.monotonic() + _SECONDS
        while not self.evaluate(condition):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{condition} is not true after {_SECONDS} s")
            time.sleep(0.05)

    def screenshot(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(self._tab.call("Page.captureScreenshot")["data"])

    def printed(self) -> bytes:
        """The page on paper, as PDF."""
        return base64.b64decode(self._tab.call("Page.printToPDF")["data"])

    def look(self) -> Opened:
        """What the page has done so far, and shows."""
        text = self.evaluate("document.body.innerText")
        overflow = self.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        screenshot = self.screenshot()
        events = self._tab.events
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


class _Tab:
    """A tab of the browser, and what has happened in it."""

    def __init__(self, browser: _Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.events: list[tuple[str, dict[str, Any]]] = []
        browser.tabs[session] = self

    def call(self, method: str, **params: object) -> dict[str, Any]:
        return self._browser.call(method, session=self._session, **params)

    def evaluate(self, expression: str) -> Any:
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, event: str) -> None:
        while not any(name == event for name, _ in self.events):
            self._browser.next()


class _Browser:
    """One for all tests of a process: it takes longer to start than most pages to be looked at."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._buffer = b""
        self._number = 0
        self.tabs: dict[str, _Tab] = {}

    def call(self, method: str, *, session: str | None = None, **params: object) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self.next()).get("id") != self._number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self._from, 1 << 20) if ready else b""
            if not chunk:
                _browser.cache_clear()  # the next test starts another
                raise RuntimeError("Chromium said nothing more")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(line)
        if "method" in message and (tab := self.tabs.get(message.get("sessionId"))):
            tab.events.append((message["method"], message["params"]))
        return message


@contextlib.contextmanager
def _profile(browser: _Browser, downloads: Path | None) -> Iterator[_Tab]:
    """A tab in a profile of its own, which knows nothing of what others have kept."""
    context = browser.call("Target.createBrowserContext")["browserContextId"]
    own = {"browserContextId": context}
    if downloads is not None:
        folder = {"behavior": "allow", "downloadPath": str(downloads)}
        browser.call("Browser.setDownloadBehavior", **folder, **own)
    target = browser.call("Target.createTarget", url="about:blank", **own)["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    try:
        yield _Tab(browser, session)
    finally:
        del browser.tabs[session]
        browser.call("Target.disposeBrowserContext", **own)


@cache
def _browser() -> _Browser:
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

    def end() -> None:
        process.terminate()
        process.wait(_SECONDS)

    atexit.register(end)
    return _Browser(ours_out, ours_in)
