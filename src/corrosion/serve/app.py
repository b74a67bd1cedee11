"""The service's paths."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

import corrosion
from corrosion.report.page import page_text
from corrosion.serve.access import Gate
from corrosion.serve.answers import Answers, Refusal
from corrosion.serve.intake import Intake, RefusedError
from corrosion.serve.live import LiveDesk, live_routes
from corrosion.serve.measured import CONTENT_TYPE, Measured
from corrosion.serve.network import ServedNetwork
from corrosion.serve.service import Service
from corrosion.settings.live import LiveSettings
from corrosion.settings.serve import ServeSettings

_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The form can't be read."},
    401: {"description": "The token is missing or wrong."},
    403: {"description": "A page of another site asks."},
    408: {"description": "The request did not arrive in time."},
    413: {"description": "Too many bytes, files or pixels."},
    415: {"description": "A kind of file that is not read."},
    422: {"description": "No photograph: empty, truncated, damaged."},
    429: {"description": "Too many photographs wait: try again after Retry-After seconds."},
    503: {"description": "The network fails, whatever the photograph."},
    504: {"description": "There was no answer in time."},
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            },
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def build_app(
    network: ServedNetwork,
    settings: ServeSettings | None = None,
    *,
    token: str | None = None,
    live: LiveSettings | None = None,
) -> FastAPI:
    """Make the service of a network; its threads stop when the application does.

    Args:
        network: what answers, as `corrosion.serve.network.open_network` gives it.
        settings: the limits; the defaults if None.
        token: what requests must give; None for none, and then only by a name of this machine.
        live: what is looked at live; None, or without a camera, nothing.

    Raises:
        CorrosionError: the folder of what is kept, or of alarms, can't be written; the live source
            is a file that can't be read.
    """
    settings = settings or ServeSettings()
    intake = Intake(settings)
    measured = Measured(lambda: intake.waiting)
    service = Service(network, settings, measured)
    desk = None if live is None or live.camera is None else LiveDesk(live, network, service.look)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        with service, nullcontext() if desk is None else desk:
            yield

    app = FastAPI(
        title="corrosion",
        summary="Is this metal corroded, and where?",
        version=corrosion.__version__,
        lifespan=running,
        docs_url=None,  # these two load scripts of other hosts
        redoc_url=None,
    )

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> JSONResponse:
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        return JSONResponse({"error": error.reason}, error.status, headers)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def misread(_: Request, error: RequestValidationError) -> JSONResponse:
        said = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
        return JSONResponse({"error": said}, 422)

    @app.exception_handler(Exception)
    async def failed(*_: object) -> JSONResponse:
        return JSONResponse({"error": "The service has failed; its log says why."}, 500)

    @app.post(
        "/predict",
        response_model=Answers,
        responses={status: {"model": Refusal, **one} for status, one in _REFUSALS.items()},
        openapi_extra=_BODY,
        summary="Probability, decision and regions of photographs",
    )
    async def predict(
        request: Request,
        explain: Annotated[bool, Query(description="Return overlays too.")] = settings.explain,
    ) -> Response:
        """Send photographs as the files of a form, or one as the body (image/jpeg).

        A file alone has its own status. Of several, those without an answer say why, and the status
        is 200 if any has one.
        """
        async with intake.admitted(request) as uploads:
            drawn = explain and not settings.no_regions
            found = await service.answers(uploads, drawn=drawn)
        statuses = [one.status for one in found.results]
        if 200 not in statuses and len(statuses) == 1:
            return JSONResponse({"error": found.results[0].error}, statuses[0])
        status = 200 if 200 in statuses else statuses[0]
        return Response(found.model_dump_json(), status, media_type="application/json")

    @app.get("/model", response_model=Answers, summary="What answers, without results")
    async def model() -> Answers:
        return service.told()

    @app.get("/healthz", summary="Whether the service is up")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics", response_class=Response, summary="Counters for Prometheus")
    async def metrics() -> Response:
        return Response(measured.text(), media_type=CONTENT_TYPE)

    if desk is not None:
        app.include_router(live_routes(desk))
    page = page_text("serve.html", live=desk is not None)
    script = page_text("serve.js")

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def upload_page() -> HTMLResponse:
        return HTMLResponse(page)

    @app.get("/page.js", include_in_schema=False)
    async def page_script() -> Response:
        return Response(script, media_type="text/javascript")

    paths = [route.path for route in app.routes if hasattr(route, "path")]
    app.add_middleware(Gate, token=token, measured=measured, paths=paths)
    return app
