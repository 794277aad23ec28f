"""Protocol v1, for those who watch: status, history, live events, the latest model; and the instructor's wishes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from fedteach.transport.http.entrance import Door, InstructorsDoor
from fedteach.transport.http.face import Face, face_of
from fedteach.transport.http.noticeboard import changed
from fedteach.transport.http.schemas import REFUSALS, SAFETENSORS, Board, Control, Records, Say

router = APIRouter(prefix="/v1", tags=["watching"], responses=REFUSALS)

_ANYBODY = [Depends(Door())]

BEAT_S = 15.0
"""A stream without news says at least this often that it is alive."""

_FRAME_S = 0.25
_MANY_CARDS = 200

_WISHES = {
    "pause": "the federation will pause after this round",
    "resume": "the federation goes on",
    "end": "the federation ends; what is done is kept",
}


@router.get("/status", dependencies=_ANYBODY)
async def status(request: Request) -> Board:
    """Where the federation stands, with a card for each client."""
    return Board(**await face_of(request).everything())


@router.get("/history", dependencies=_ANYBODY)
async def history(request: Request, after: Annotated[int, Query(ge=0)] = 0) -> Records:
    """The records of the complete rounds, or of those after one."""
    face = face_of(request)
    return Records(records=await face.ask(face.mailbox.noticeboard.records, after))


@router.get(
    "/model",
    dependencies=_ANYBODY,
    response_class=Response,
    responses={
        200: {"content": {SAFETENSORS: {}}, "description": "The weights in model order, tensors named 0, 1, ..."},
        404: {"description": "There is none yet."},
    },
)
async def model(request: Request) -> Response:
    """The global model after the last complete round."""
    face = face_of(request)
    message = await face.ask(face.mailbox.noticeboard.model)
    if message is None:
        raise HTTPException(404, "no round is complete yet, so there is no model to give")
    return Response(message, media_type=SAFETENSORS, headers={"Cache-Control": "no-store"})


@router.get(
    "/events",
    dependencies=_ANYBODY,
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def events(request: Request) -> StreamingResponse:
    """The same as `status`, live: events `board`, and `cards` with those that changed (null: gone)."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_news(face_of(request)), media_type="text/event-stream", headers=headers)


@router.post(
    "/control", dependencies=[Depends(InstructorsDoor())], responses={403: {"description": "Not the instructor."}}
)
async def control(body: Control, request: Request) -> Say:
    """Pause after this round, go on, or end."""
    face = face_of(request)
    await face.ask(face.mailbox.noticeboard.wish, body.action)
    return Say(say=_WISHES[body.action])


async def _news(face: Face) -> AsyncIterator[str]:
    cards: dict[str, Any] = {}
    board: dict[str, Any] = {}
    last = time.monotonic()
    while not face.closing:
        rings = face.rings("anything")
        now = await face.everything()
        new_board = {name: value for name, value in now.items() if name not in ("cards", "now")}
        new_cards = changed(cards, now["cards"])
        if new_board != board:
            yield event("board", {**new_board, "now": now["now"]})
        if new_cards or not board:
            yield event("cards", new_cards)
        if new_board == board and not new_cards and time.monotonic() - last > BEAT_S:
            yield ": beat\n\n"
        elif new_board != board or new_cards:
            last = time.monotonic()
        board, cards = new_board, now["cards"]
        await face.wait("anything", rings, BEAT_S, None)
        # What happens at about the same moment is told together.
        await asyncio.sleep(_FRAME_S if len(cards) < _MANY_CARDS else 4 * _FRAME_S)


def event(name: str, data: Any) -> str:
    """Return one event of a stream, as text."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
