"""Who is asking, and may they: the doors of the web app, one for each kind of token."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer

from fedteach.transport.http.face import Face, face_of
from fedteach.transport.http.keys import UnknownToken
from fedteach.transport.http.limits import RateLimit
from fedteach.transport.http.members import Member


@dataclass(frozen=True)
class Who:
    """Who is asking.

    Attributes:
        kind: "instructor", "class" or "client".
        member: the client that asks.
    """

    kind: str
    member: Member | None = None


class Door(HTTPBearer):
    """Lets in who knows one of the class' tokens, and finds out who that is.

    One dependency that does everything: each further one would cost every request a good part of its time.
    """

    def __init__(self) -> None:
        super().__init__(
            auto_error=False,
            scheme_name="token",
            description="The class token, the instructor's token, or a client's own, which joining returns.",
        )

    async def __call__(self, request: Request) -> Any:  # type: ignore[override]
        """Return who is asking.

        Raises:
            HTTPException: 401 for a token that nobody knows, 403 for one that does not open this door, 429 for whom
                asks too often.
        """
        face, address = face_of(request), request.client.host if request.client else ""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            found = await _who(face, token.strip() if kind.lower() == "bearer" else "")
        except UnknownToken as error:
            _not_too_often(face.failures, address)
            raise HTTPException(401, str(error), {"WWW-Authenticate": "Bearer"}) from None
        if found.member is not None:
            _not_too_often(face.requests, self.counted_as(found.member))
        else:
            _not_too_often(face.class_requests, f"{found.kind} {address}")
        return self.let_in(found)

    def counted_as(self, member: Member) -> str:
        """Return under which name a client's requests are counted."""
        return member.client

    def let_in(self, found: Who) -> Any:
        """Return what the route needs to know, or refuse."""
        return found


class JoinersDoor(Door):
    """Lets in who knows the class token."""

    def let_in(self, found: Who) -> Who:
        """Refuse clients and the instructor."""
        if found.kind != "class":
            raise HTTPException(401, "joining takes the class token", {"WWW-Authenticate": "Bearer"})
        return found


class ClientsDoor(Door):
    """Lets in clients."""

    def let_in(self, found: Who) -> Member:
        """Refuse whoever holds no place."""
        if found.member is None:
            raise HTTPException(
                401, "this takes a client's own token, which joining returns", {"WWW-Authenticate": "Bearer"}
            )
        return found.member


class LeaversDoor(ClientsDoor):
    """Lets out clients, also who has asked for something else too often: good-bye is said only once."""

    def counted_as(self, member: Member) -> str:
        """Return under which name a client's good-byes are counted, apart from its other requests."""
        return f"{member.client} leaves"


class InstructorsDoor(Door):
    """Lets in the instructor."""

    def let_in(self, found: Who) -> Who:
        """Refuse all others."""
        if found.kind != "instructor":
            raise HTTPException(403, "only the instructor may do this: it takes the instructor's token")
        return found


AMember = Annotated[Member, Depends(ClientsDoor())]
ALeaver = Annotated[Member, Depends(LeaversDoor())]


async def _who(face: Face, token: str) -> Who:
    if not token:
        raise UnknownToken("a token is needed: send the header `Authorization: Bearer TOKEN`")
    if face.keys.is_instructor(token):
        return Who("instructor")
    if face.keys.is_class(token):
        return Who("class")
    client, holder = face.keys.client_of(token)
    member = await face.ask(face.mailbox.members.get, client)
    if member is None:
        await face.ask(face.mailbox.check_filled)
    if member is None or member.holder != holder or member.left:
        raise UnknownToken(f"the place {client} is not yours any more; join again")
    return Who("client", member)


def _not_too_often(limit: RateLimit, whom: str) -> None:
    wait_s = limit.wait_s(whom)
    if wait_s > 0:
        seconds = max(1, round(wait_s + 0.5))
        raise HTTPException(429, f"too many requests; try again in {seconds} s", {"Retry-After": str(seconds)})
