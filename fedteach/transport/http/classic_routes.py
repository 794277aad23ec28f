"""The ten routes of the original course, for clients that students wrote for it: plain requests, JSON, no tokens."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.exceptions import HTTPException

from fedteach.messages import Weights
from fedteach.transport.http import pages
from fedteach.transport.http.app import add_words
from fedteach.transport.http.classic_numbers import JsonWeights, NotWeights
from fedteach.transport.http.limits import SmallBodies, limited
from fedteach.transport.http.noticeboard import changed
from fedteach.transport.http.watching_routes import event

_BYTES_A_NUMBER = 40
_MOST_DIGITS = 10
_LOOK_EVERY_S = 0.5
_UPLOADS_AT_ONCE = 4


class Server(Protocol):
    """What the routes need of `fedteach.classic.FederatedServer`."""

    experiment: int

    def initialize(self, client_num: int, experiment: int, max_round: int) -> str:
        """Begin a federation; return a sentence."""

    def reset(self) -> None:
        """Begin the same one anew."""

    def get_server_round(self) -> int:
        """Return the round, from 0."""

    def get_server_weight(self) -> Weights | None:
        """Return the global weights; None before the first aggregation."""

    def update_num_data(self, client_id: int, num_data: int) -> str:
        """Take a client's number of examples."""

    def update(self, client_id: int, weight: Weights) -> str:
        """Take a client's weights."""

    def set_experiment(self, experiment: int) -> str:
        """Set the number of the data split."""

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of the model's weights."""

    def board(self) -> dict[str, Any]:
        """Return what a dashboard shows."""

    def records(self) -> list[dict[str, Any]]:
        """Return the complete rounds."""


def _numbers(request: Request) -> dict[str, int]:
    """Return the whole numbers in a request's address, by name.

    Raises:
        HTTPException: 422, if one of them is something else, or so long that nobody could mean it.
    """
    for name, text in request.path_params.items():
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            raise HTTPException(
                422, f"{name} must be a whole number of at most {_MOST_DIGITS} digits, got {text[:20]!r}"
            )
    return {name: int(text) for name, text in request.path_params.items()}


class ClassicApp:
    """Answers the ten routes, and shows the dashboard.

    Args:
        server: the federation behind them.
    """

    def __init__(self, server: Server):
        self._server = server
        self._numbers = JsonWeights()
        self._text: tuple[Weights | None, bytes] = (None, b"null")
        self._writing = asyncio.Lock()
        # Threads of their own: a whole class that uploads at once would take all those that answer the others.
        self._uploads = CapacityLimiter(_UPLOADS_AT_ONCE)
        self._closing = False

    def app(self) -> FastAPI:
        """Return the web app."""
        app = FastAPI(title="fedteach classic", lifespan=self._life, docs_url=None, redoc_url=None, openapi_url=None)
        routes: Mapping[tuple[str, str], Callable[..., Any]] = {
            ("GET", "/index"): self.index,
            ("GET", "/initialize/{client_num}/{experiment}/{max_round}"): self.initialize,
            ("GET", "/reset"): self.reset,
            ("GET", "/get_server_round"): self.get_server_round,
            ("GET", "/get_server_weight"): self.get_server_weight,
            ("PUT", "/put_weight/{client_id}"): self.put_weight,
            ("GET", "/update_num_data/{client_id}/{num_data}"): self.update_num_data,
            ("GET", "/get_experiment"): self.get_experiment,
            ("PUT", "/set_experiment/{experiment}"): self.set_experiment,
            ("GET", "/admin"): self.admin,
            ("GET", "/v1/status"): self.status,
            ("GET", "/v1/history"): self.history,
            ("GET", "/v1/events"): self.events,
        }
        for (method, path), answer in routes.items():
            for ending in ("", "/"):  # Django takes both
                app.add_route(path + ending, answer, methods=[method])
        app.include_router(pages.router)
        add_words(app)
        app.add_middleware(SmallBodies, uploads=("/put_weight/",))
        return app

    @asynccontextmanager
    async def _life(self, app: FastAPI) -> AsyncIterator[None]:
        yield
        self._closing = True
        self._numbers.close()

    # ---- the ten --------------------------------------------------------------------------------------

    async def index(self, request: Request) -> Response:
        """Say that the server is there."""
        return PlainTextResponse("index ok")

    async def initialize(self, request: Request) -> Response:
        """Begin a federation; resets everything."""
        return await self._told(partial(self._server.initialize, **_numbers(request)))

    async def reset(self, request: Request) -> Response:
        """Begin the same federation anew."""
        await to_thread.run_sync(self._server.reset)
        return PlainTextResponse("Request OK")

    async def get_server_round(self, request: Request) -> Response:
        """Return the round, from 0."""
        return PlainTextResponse(str(self._server.get_server_round()))

    async def get_server_weight(self, request: Request) -> Response:
        """Return the global weights as nested lists; null before the first aggregation."""
        async with self._writing:  # thirty clients that ask at the same moment wait for one text
            weights = self._server.get_server_weight()
            if weights is None:
                self._text = (None, b"null")
            elif self._text[0] is not weights:
                self._text = (weights, await to_thread.run_sync(self._numbers.write, weights))
            return Response(self._text[1], media_type="application/json")

    async def put_weight(self, request: Request) -> Response:
        """Take a client's weights; the last client's upload is answered when the round is complete."""
        numbers = _numbers(request)
        shapes = await to_thread.run_sync(self._server.shapes, limiter=self._uploads)
        n_numbers = sum(math.prod(shape) for shape in shapes)
        path = self._numbers.new_path()
        try:
            with path.open("wb") as file:
                async for piece in limited(request.stream(), _BYTES_A_NUMBER * n_numbers + 65536):
                    file.write(piece)
            weights = await to_thread.run_sync(self._numbers.read, path, shapes, limiter=self._uploads)
        except NotWeights as error:
            return PlainTextResponse(f"weights refused: {error}", 400)
        finally:
            path.unlink(missing_ok=True)
        return await self._told(partial(self._server.update, weight=weights, **numbers), self._uploads)

    async def update_num_data(self, request: Request) -> Response:
        """Take a client's number of examples."""
        return await self._told(partial(self._server.update_num_data, **_numbers(request)))

    async def get_experiment(self, request: Request) -> Response:
        """Return the number of the data split."""
        return PlainTextResponse(str(self._server.experiment))

    async def set_experiment(self, request: Request) -> Response:
        """Set the number of the data split."""
        return await self._told(partial(self._server.set_experiment, **_numbers(request)))

    async def admin(self, request: Request) -> Response:
        """Say where the dashboard is; the original had Django's pages here."""
        return PlainTextResponse("There is nothing to administer here. The dashboard is at /#view=classic")

    async def _told(self, work: Callable[[], str], limiter: CapacityLimiter | None = None) -> Response:
        try:
            return PlainTextResponse(await to_thread.run_sync(work, limiter=limiter))
        except ValueError as error:
            return PlainTextResponse(str(error), 400)

    # ---- for the dashboard ----------------------------------------------------------------------------

    async def status(self, request: Request) -> Response:
        """Return where the federation stands."""
        return JSONResponse(await to_thread.run_sync(self._server.board))

    async def history(self, request: Request) -> Response:
        """Return the rounds that are complete."""
        return JSONResponse({"records": await to_thread.run_sync(self._server.records)})

    async def events(self, request: Request) -> Response:
        """Tell what changes."""
        return StreamingResponse(self._news(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _news(self) -> AsyncIterator[str]:
        board: dict[str, Any] = {}
        cards: dict[str, Any] = {}
        quiet_s = 0.0
        while not self._closing:
            now = await to_thread.run_sync(self._server.board)
            new_cards, stands = now.pop("cards"), {name: value for name, value in now.items() if name != "now"}
            news = changed(cards, new_cards)
            quiet_s += _LOOK_EVERY_S
            if stands != board:
                yield event("board", now)
            if news or not board:
                yield event("cards", news)
            if news or stands != board:
                quiet_s = 0.0
            elif quiet_s > 15:
                quiet_s = 0.0
                yield ": beat\n\n"
            board, cards = stands, new_cards
            await asyncio.sleep(_LOOK_EVERY_S)
