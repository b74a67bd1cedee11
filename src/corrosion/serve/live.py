"""What a live source shows on a page: the newest frame with its overlay, and alarms."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from corrosion.data.image_reader import ImageInput
from corrosion.data.live import LiveSource
from corrosion.prediction.alarms import Alarms
from corrosion.prediction.live import LiveView, watch
from corrosion.prediction.outputs import Output
from corrosion.report.page import page_text
from corrosion.serve.answers import data_uri
from corrosion.serve.network import ServedNetwork
from corrosion.settings.live import LiveSettings

log = logging.getLogger(__name__)

_REMEMBERED = 50  # alarms
_PATIENCE, _STEP = 1.0, 0.02  # seconds that an asker waits for a new frame, and between looks


class LiveState(BaseModel):
    """What a live source shows."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)

    source: str
    """The source, without a user's name and password."""
    connected: bool
    """Whether it gives frames."""
    ended: bool
    """Whether none will come any more."""
    number: int = 0
    """Number of the newest frame that the network has seen; 0 for none."""
    rate: float = 0.0
    """Frames a second that the network looks at."""
    probability: float | None = None
    """Probability of corrosion, in [0, 1]."""
    decision: str | None = None
    """"corrosion detected" or "no corrosion"."""
    alarm: bool = False
    """Whether an alarm is on."""
    alarms: tuple[dict[str, Any], ...] = ()
    """The last alarms, the newest first."""
    cautions: tuple[str, ...] = ()
    """Sentences without which no decision should be read."""
    preview: str | None = None
    """The frame as a data URI (JPEG); null where the asker has it already."""
    overlay: str | None = None
    """The same with the map and the regions over it."""


class LiveDesk:
    """Looks at a live source in a thread, and remembers the newest view.

    Args:
        settings: the source, and its alarms.
        network: whose rule decides.
        look: the network, for one frame.

    Raises:
        CorrosionError: the source is a file that can't be read, or the folder of the alarms can't
            be written.
    """

    def __init__(
        self,
        settings: LiveSettings,
        network: ServedNetwork,
        look: Callable[[ImageInput], Output],
    ) -> None:
        assert settings.camera is not None
        self._settings = settings
        self._network = network
        self._look = look
        self._source = LiveSource(settings.camera, loop=settings.loop)
        self._alarms = Alarms(settings.alarms, settings.webhook)
        self._rows: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._view: LiveView | None = None
        self._drawn: tuple[int, dict[str, str]] = (0, {})
        self._drawing = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._source.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop looking; alarms that wait are sent."""
        self._source.__exit__()
        self._thread.join()
        self._alarms.__exit__()

    def _watch(self) -> None:
        views = watch(
            self._source,
            self._look,
            self._network.rule,
            self._network.resize,
            alarm_frames=self._settings.alarm_frames,
            max_fps=self._settings.max_fps,
        )
        try:
            for view in views:
                if view is None:
                    continue
                self._view = view
                if view.raised:
                    self._rows.appendleft(self._alarms.add(self._source.name, view))
        except Exception:
            log.exception("%s is looked at no more.", self._source.name)

    async def state(self, after: int) -> LiveState:
        """What there is, at once where it is newer than what the asker has seen.

        Args:
            after: number of the frame that the asker has; 0 for none.
        """
        waited = 0.0
        while waited < _PATIENCE and (self._view is None or self._view.frame.number <= after):
            await asyncio.sleep(_STEP)
            waited += _STEP
        view, source = self._view, self._source
        state = LiveState(
            source=source.name,
            connected=source.connected,
            ended=source.ended,
            alarms=tuple(self._rows),
            cautions=self._network.cautions,
        )
        if view is None:
            return state
        told: dict[str, Any] = {
            "number": view.frame.number,
            "rate": round(view.rate, 2) if source.connected else 0.0,
            "probability": round(view.probability, 6),
            "decision": view.marked.decision,
            "alarm": view.alarm,
        }
        if view.frame.number > after:
            told |= await run_in_threadpool(self._pictures, view)
        return state.model_copy(update=told)

    def _pictures(self, view: LiveView) -> dict[str, str]:
        """The pictures of a view, drawn once for all who ask."""
        with self._drawing:
            if self._drawn[0] != view.frame.number:
                found = {"preview": data_uri(view.preview)}
                if view.marked.overlay is not None:
                    found["overlay"] = data_uri(view.marked.overlay)
                self._drawn = (view.frame.number, found)
            return self._drawn[1]


def live_routes(desk: LiveDesk) -> APIRouter:
    """The paths of a live source: its page, and what the page asks."""
    router = APIRouter()
    page, script = page_text("live.html"), page_text("live.js")

    @router.get("/live", response_class=HTMLResponse, include_in_schema=False)
    async def live_page() -> HTMLResponse:
        return HTMLResponse(page)

    @router.get("/live.js", include_in_schema=False)
    async def live_script() -> Response:
        return Response(script, media_type="text/javascript")

    @router.get("/live/state", response_model=LiveState, summary="The newest frame of the camera")
    async def live_state(
        after: int = Query(0, ge=0, description="Number of the frame that the asker has."),
    ) -> Response:
        return Response((await desk.state(after)).model_dump_json(), media_type="application/json")

    return router
