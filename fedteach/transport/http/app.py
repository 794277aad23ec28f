"""The web app: protocol v1, its own documentation, and the dashboard. A stateless face of a mailbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from fedteach.transport.http import client_routes, exchange_routes, pages, watching_routes
from fedteach.transport.http.exchange_routes import RoundError
from fedteach.transport.http.face import Face
from fedteach.transport.http.limits import SmallBodies
from fedteach.transport.http.store import StoreDown

ABOUT = """
A classroom of federated learning: one federation, many machines.

A client joins with the class token, loads its examples, says that it is ready, and then asks for tasks (`GET /v1/task`
with `wait`). A task comes with a round; its weights are fetched, the client trains, and puts back an update. Who is too
late is told so and asked again in a later round. Nothing but numbers travels: no examples, no code.
"""


def create_app(face: Face) -> FastAPI:
    """Return the web app of a federation.

    Args:
        face: this process' view of the mailbox.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        face.open()
        try:
            yield
        finally:
            face.close()

    app = FastAPIOffline(
        title="fedteach classroom",
        version=face.options.version,
        description=ABOUT,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.face = face
    app.state.send_home = face.send_home
    for routes in (client_routes, exchange_routes, watching_routes, pages):
        app.include_router(routes.router)
    add_words(app)
    app.add_middleware(SmallBodies, uploads=("/v1/updates/",))
    return app


def add_words(app: FastAPI) -> None:
    """Make every refusal a sentence, in `detail`."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(StoreDown, _store_down)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    return JSONResponse({"detail": f"{where or 'the body'}: {first['msg']}"}, 422)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    more = {"round": error.round} if isinstance(error, RoundError) else {}
    return JSONResponse({"detail": error.detail, **more}, error.status_code, error.headers)


def _store_down(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": f"{error}; try again in a moment"}, 503, {"Retry-After": "1"})
