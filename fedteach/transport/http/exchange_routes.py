"""Protocol v1, the heavy part: weights go down, updates come up, as safetensors messages that are streamed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request, Response

from fedteach.messages import LARGEST_CHANGE, MessageError, Update, why_unusable
from fedteach.steps import broadcast
from fedteach.transport.envelope import Limits, reply_from_bytes
from fedteach.transport.http.calls import Call, WrongRound
from fedteach.transport.http.entrance import AMember
from fedteach.transport.http.face import HEARD_OF_WITHIN_S, Face, face_of
from fedteach.transport.http.limits import TooLarge, content_length, limited
from fedteach.transport.http.members import Member
from fedteach.transport.http.schemas import REFUSALS, SAFETENSORS, Received

router = APIRouter(prefix="/v1", tags=["exchange"], responses=REFUSALS)

# An update that comes too late is read all the same, up to so many bytes, so that its sender sees why it is refused.
_READ_IN_VAIN = 64 * 1024 * 1024


@router.get(
    "/weights/{round}",
    response_class=Response,
    responses={
        200: {"content": {SAFETENSORS: {}}, "description": "The weights, as the codec encodes them."},
        409: {"description": "That round is not running; `round` says which one is."},
    },
)
async def weights(
    round: int, me: AMember, request: Request, codec: Annotated[str | None, Query(max_length=40)] = None
) -> Response:
    """Fetch the weights of the running round. `codec=float32` serves clients that know no other: the same numbers."""
    face = face_of(request)
    call = await face.call()
    message = await face.ask(face.mailbox.calls.weights, round) if call and call.round == round else None
    if call is None or message is None:
        raise RoundError(round, call)
    await face.ask(face.mailbox.members.seen, me.client, "training", HEARD_OF_WITHIN_S)
    if codec is not None and codec != call.codec:
        if codec != "float32":
            raise HTTPException(422, f"codec must be {call.codec} or float32, got {codec!r}")
        message = await face.open_up(_as_float32, message, call.codec)
    return Response(message, media_type=SAFETENSORS, headers={"Cache-Control": "no-store"})


@router.get(
    "/extra/{round}",
    response_class=Response,
    responses={
        200: {"content": {SAFETENSORS: {}}, "description": "Further tensors of the client's task."},
        404: {"description": "The task has none."},
    },
)
async def extra(round: int, me: AMember, request: Request) -> Response:
    """Fetch the further tensors of the client's own task, if its `has_extra` says that there are any."""
    face = face_of(request)
    call = await face.call()
    if call is None or call.round != round or me.client not in call.extras:
        raise HTTPException(404, f"your task of round {round} has no further tensors")
    tensors = await face.ask(face.mailbox.calls.extra, call, me.client)
    if tensors is None:
        raise HTTPException(404, f"round {round} is over")
    return Response(tensors, media_type=SAFETENSORS)


@router.put(
    "/updates/{round}",
    responses={
        409: {"description": "Not asked, too late, or another round; `round` says which one is running."},
        413: {"description": "More bytes than an update of this model can have."},
        422: {"description": "Not an update of this model; says what is wrong with it."},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {SAFETENSORS: {"schema": {"type": "string", "format": "binary"}}},
            "description": "A reply, as `fedteach.transport.envelope` describes it.",
        }
    },
)
async def put_update(round: int, me: AMember, request: Request) -> Received:
    """Put back an update. Idempotent: the first one of a client counts, a second one changes nothing."""
    face = face_of(request)
    call = await face.ask(face.mailbox.calls.current)
    refused = await _refused(face, call, round, me)
    most = _READ_IN_VAIN if refused or call is None else call.most_bytes
    if content_length(request.scope) > most:
        raise TooLarge(most)
    if refused or call is None:
        await _drain(limited(request.stream(), most))
        raise refused or RoundError(round, call)
    if await face.ask(face.mailbox.calls.has_replied, call, me.client):
        await _drain(limited(request.stream(), most))
        return Received(accepted=True, again=True, say="had it already")
    if me.client in face.uploading:  # else one client could fill the disk with updates that are all under way
        raise HTTPException(429, "an update of yours is on its way already; wait for it", {"Retry-After": "1"})
    path = face.upload_path()
    face.uploading.add(me.client)
    try:
        with path.open("wb") as file:
            async for piece in limited(request.stream(), most):
                file.write(piece)
        usable = await face.open_up(_checked, path, call, round, me)
        await face.ask(face.mailbox.members.seen, me.client, "waiting", HEARD_OF_WITHIN_S)
        is_first = await face.ask(face.mailbox.calls.put_reply, call, me.client, path, usable)
    except WrongRound:
        raise await _late(face, me, round, await face.ask(face.mailbox.calls.current)) from None
    except (MessageError, ValueError) as error:
        raise HTTPException(422, f"update refused: {error}") from None
    finally:
        face.uploading.discard(me.client)
        path.unlink(missing_ok=True)
    return Received(accepted=True, again=not is_first, say="thank you")


# ---- the parts ----------------------------------------------------------------------------------------------


class RoundError(HTTPException):
    """409: not what is asked, with the round that is running now."""

    def __init__(self, round: int, call: Call | None, detail: str = ""):
        now = f"round {call.round} is running" if call else "no round is running just now"
        super().__init__(409, detail or f"round {round} is not what is asked: {now}")
        self.round = call.round if call else None


async def _refused(face: Face, call: Call | None, round: int, me: Member) -> HTTPException | None:
    """Return why a client's update of this round is not wanted, if it is not."""
    if call is None or call.round != round:
        return await _late(face, me, round, call)
    if me.client not in call.clients:
        return RoundError(round, call, f"you were not asked in round {round}; wait for the next task")
    reason = (await face.ask(face.mailbox.calls.missed, call)).get(me.client)
    if reason is not None:
        await face.ask(face.mailbox.members.seen, me.client, "late", HEARD_OF_WITHIN_S)
        return RoundError(round, call, f"too late for round {round} ({reason}); wait for the next task")
    return None


async def _late(face: Face, me: Member, round: int, call: Call | None) -> HTTPException:
    await face.ask(face.mailbox.members.seen, me.client, "late", HEARD_OF_WITHIN_S)
    return RoundError(round, call)


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read to the end what nobody wants: hanging up in the middle would hide the answer from the sender."""
    async for _ in pieces:
        pass


def _checked(path: Path, call: Call, round: int, me: Member) -> bool:
    """Open an upload and hold it against the call; say whether it brings an update.

    Raises:
        MessageError: if it does not fit; says why.
    """
    reply, kind = reply_from_bytes(path.read_bytes(), me.client, Limits(call.most_examples, call.reply_codecs))
    if reply.round != round or kind != call.kind:
        raise MessageError(f"expected a reply to '{call.kind}' of round {round}, got '{kind}' of round {reply.round}")
    if not isinstance(reply, Update):
        return False
    if call.kind == "evaluate" and "loss" not in reply.metrics:
        raise MessageError("a reply to 'evaluate' needs the metric 'loss'")
    if call.kind == "fit":
        # Stands in for the model: shapes without memory.
        like = [np.broadcast_to(np.float32(0), shape) for shape in call.shapes]
        reason = why_unusable(reply.delta, like, LARGEST_CHANGE)
        if reason:
            raise MessageError(reason)
    return True


def _as_float32(message: bytes, codec: str) -> bytes:
    return broadcast.float32().encode(broadcast.codec(codec).decode(message))
