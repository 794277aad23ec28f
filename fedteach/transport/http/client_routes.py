"""Protocol v1, for clients: join, be ready, wait for a task, leave."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.exceptions import HTTPException

from fedteach.transport.http.calls import Call
from fedteach.transport.http.entrance import ALeaver, AMember, JoinersDoor
from fedteach.transport.http.face import HEARD_OF_WITHIN_S, HEARTBEAT_S, LONGEST_POLL_S, Face, face_of
from fedteach.transport.http.members import Member, NoPlace
from fedteach.transport.http.protocol import OVER, PROTOCOL
from fedteach.transport.http.schemas import (
    REFUSALS,
    Alive,
    Answer,
    Join,
    Joined,
    Ready,
    Say,
    StillWanted,
    TaskOut,
)

router = APIRouter(prefix="/v1", tags=["clients"], responses=REFUSALS)

_FULL: dict[int | str, dict[str, Any]] = {409: {"description": "All places are taken, or the versions do not fit."}}


@router.post("/join", status_code=201, dependencies=[Depends(JoinersDoor())], responses=_FULL)
async def join(body: Join, request: Request, response: Response) -> Joined:
    """Take a place in the class. Idempotent: the same key gets the same place."""
    face = face_of(request)
    if body.protocol != PROTOCOL:
        raise HTTPException(
            409, f"this server speaks protocol {PROTOCOL}, the client {body.protocol}: install the same fedteach"
        )
    await face.ask(face.mailbox.check_filled)
    try:
        member = await face.ask(face.mailbox.members.join, body.name, body.key, tuple(body.codecs))
    except NoPlace as full:
        raise HTTPException(409, str(full), {"Retry-After": str(round(full.retry_after_s))}) from None
    board, options = await face.board(), face.options
    down, up = (codec_for(member, codec) for codec in options.codecs)
    response.headers["Cache-Control"] = "no-store"
    return Joined(
        client=member.client,
        token=face.keys.client_token(member.client, member.holder),
        federation=board.get("federation", ""),
        version=options.version,
        rounds=options.rounds,
        experiment=options.experiment,
        download=down,
        upload=up,
        heartbeat_s=HEARTBEAT_S,
        longest_poll_s=LONGEST_POLL_S,
        servers=list(options.servers),
        say=board.get("say", "welcome"),
    )


@router.post("/ready")
async def ready(body: Ready, me: AMember, request: Request) -> Say:
    """Tell how many examples there are; from now on the client may be chosen."""
    face = face_of(request)
    conditions = {"idle": body.idle, "charging": body.charging, "unmetered": body.unmetered}
    await face.ask(face.mailbox.members.seen, me.client, "waiting", HEARD_OF_WITHIN_S)
    await face.ask(face.mailbox.members.ready, me, body.n_examples, conditions)
    return await _say(face)


@router.post("/alive")
async def alive(body: Alive, me: AMember, request: Request) -> StillWanted:
    """Say that the client is still there, and hear whether its update is still waited for."""
    face = face_of(request)
    await face.ask(face.mailbox.members.seen, me.client, body.state, HEARD_OF_WITHIN_S)
    call = await face.call()
    board = await face.board()
    if call is None:
        round = body.round if body.round is not None and _will_be_asked(board, body.round) else None
    else:
        round = call.round if await face.ask(face.mailbox.calls.is_waited_for, call, me.client) else None
    return StillWanted(say=board.get("say", ""), round=round)


@router.post("/leave")
async def leave(me: ALeaver, request: Request) -> Say:
    """Give the place back; the token is worth nothing from now on."""
    face = face_of(request)
    await face.ask(face.mailbox.members.leave, me)
    await face.ask(face.mailbox.store.ring, "call")  # its own wait for a task ends
    return Say(say="you have left; the others go on")


@router.get(
    "/task",
    response_model=Answer,
    responses={409: {"description": "The server does not know that the client is ready: say so first."}},
)
async def task(me: AMember, request: Request, wait: Annotated[float, Query(ge=0, le=LONGEST_POLL_S)] = 0.0) -> Response:
    """Ask for a task; with `wait`, the answer comes when there is one, or after so many seconds.

    A client that was not chosen, or has answered already, waits for the next round.
    """
    face = face_of(request)
    members = face.mailbox.members
    if me.n_examples is None:  # also after a crash that came before it was written down; it would wait for ever
        raise HTTPException(409, "the server does not know how many examples you have: say that you are ready first")
    await face.ask(members.seen, me.client, None, wait + HEARD_OF_WITHIN_S)
    ends_at = face.mailbox.now() + wait
    other_side = _OtherSide(request)
    try:
        while True:
            rings = face.rings("call")
            call = await face.call()
            if call is not None and await face.ask(face.mailbox.calls.is_waited_for, call, me.client):
                return await _answer(face, me, call)
            board = await face.board()
            left_s = ends_at - face.mailbox.now()
            if left_s <= 0 or face.closing or board.get("phase") in OVER:
                return await _answer(face, me, None)
            await face.wait("call", rings, left_s, other_side.hangs_up())
            if other_side.has_hung_up:
                await face.ask(members.hung_up, me.client)
                return Response()  # nobody reads it
            if not await face.ask(members.holds, me):
                raise HTTPException(401, f"the place {me.client} is not yours any more", {"WWW-Authenticate": "Bearer"})
    finally:
        other_side.close()


# ---- the parts ----------------------------------------------------------------------------------------------


class _OtherSide:
    """Knows when the client of a request that waits has hung up."""

    def __init__(self, request: Request):
        self._hung_up = asyncio.Event()
        self._watch = asyncio.create_task(self._until_disconnect(request))

    async def _until_disconnect(self, request: Request) -> None:
        with suppress(HTTPException):  # a body where none belongs
            while (await request.receive())["type"] != "http.disconnect":
                pass
        self._hung_up.set()

    @property
    def has_hung_up(self) -> bool:
        return self._hung_up.is_set()

    async def hangs_up(self) -> None:
        await self._hung_up.wait()

    def close(self) -> None:
        self._watch.cancel()


def codec_for(member: Member, codec: str) -> str:
    """Return the codec that the server would like, if the client knows its family, else the one that all know."""
    return codec if codec.partition(":")[0] in member.codecs else "float32"


def _will_be_asked(board: dict[str, Any], round: int) -> bool:
    """Say whether a round is still to come: a server that was killed in the middle of it will ask the same again."""
    return board.get("phase", "waiting") == "waiting" and round > len(board.get("accuracy", ()))


async def _say(face: Face) -> Say:
    return Say(say=(await face.board()).get("say", ""))


async def _answer(face: Face, me: Member, call: Call | None) -> Response:
    board = await face.board()
    figures = await face.ask(face.mailbox.noticeboard.figures_of, me.client)
    # From here on the client is busy, or asks again: it is expected sooner than at the end of a long wait.
    state = "over" if board.get("phase") in OVER else None
    await face.ask(face.mailbox.members.seen, me.client, state, HEARD_OF_WITHIN_S)
    answer = Answer(
        task=None if call is None else _task_of(call, me, face.mailbox.now()),
        say=_asked(call) if call else board.get("say", ""),
        phase=board.get("phase", "waiting"),
        round=board.get("round", 0),
        rounds=face.options.rounds,
        used=figures.get("used", 0),
    )
    # Written here: FastAPI would check the model a second time, and this is the request that everybody makes.
    return Response(answer.model_dump_json(), media_type="application/json")


def _asked(call: Call) -> str:
    return f"round {call.round}: you are asked to {'train' if call.kind == 'fit' else 'measure the model'}"


def _task_of(call: Call, me: Member, now: float) -> TaskOut:
    return TaskOut(
        id=call.task,
        round=call.round,
        kind=call.kind,
        plan=None if call.plan is None else dict(call.plan),
        seed=call.seed,
        codec=codec_for(me, call.codec),
        upload=next(name for name in call.reply_codecs if codec_for(me, name) == name),
        ends_in_s=None if call.ends_at is None else max(0.0, call.ends_at - now),
        has_extra=me.client in call.extras,
    )
