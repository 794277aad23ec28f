"""Protocol v1 in JSON: what clients and server say beside the safetensors messages. The OpenAPI page shows it all."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fedteach.transport.http.protocol import PROTOCOL

SAFETENSORS = "application/vnd.safetensors"

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body cannot be read at all."},
    401: {"description": "No token, an unknown one, or one that is worth nothing any more."},
    408: {"description": "The body did not come in time."},
    413: {"description": "The body is larger than is taken here."},
    429: {"description": "Too many requests; `Retry-After` says when the next one may come."},
    503: {"description": "The server cannot do it just now; `Retry-After` says when to try again."},
}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Join(_Body):
    """What a newcomer says."""

    name: str = Field(min_length=1, max_length=80, description="What to call this client on the dashboard.")
    key: str = Field(
        min_length=16, max_length=128, description="Random text; joining again with it gives the same place."
    )
    codecs: list[Annotated[str, Field(max_length=40)]] = Field(
        default=["float32"], max_length=40, description="Families of codecs that the client knows."
    )
    protocol: int = Field(default=PROTOCOL, description="The version of this protocol that the client speaks.")


class Joined(_Body):
    """What a newcomer is told."""

    client: str = Field(description="The client's id in the federation, which also says which examples are its own.")
    token: str = Field(description="The client's own token, for everything that follows.")
    federation: str
    version: str
    rounds: int
    experiment: dict[str, Any] = Field(description="The settings from which data, split and model follow.")
    download: str = Field(description="Codec of the weights.")
    upload: str = Field(description="Codec of the updates.")
    heartbeat_s: float = Field(description="Say that you are alive this often while you train.")
    longest_poll_s: float
    servers: list[str] = Field(description="Other addresses of the same class.")
    say: str


class Ready(_Body):
    """What a client says once it has loaded its examples."""

    n_examples: int = Field(ge=0, le=2**31 - 1)
    idle: bool = True
    charging: bool = True
    unmetered: bool = True


class Alive(_Body):
    """What a client says while it works."""

    state: Literal["waiting", "training"]
    round: int | None = Field(default=None, description="The round it trains for.")


class TaskOut(_Body):
    """A task."""

    id: str = Field(description="The same for the same work: who has done it need not do it again.")
    round: int
    kind: str
    plan: dict[str, Any] | None
    seed: int
    codec: str
    upload: str = Field(description="Codec that the update is to come in.")
    ends_in_s: float | None = Field(description="Seconds left of the window; null: no limit.")
    has_extra: bool


class Answer(_Body):
    """What there is to do, and where things stand."""

    task: TaskOut | None
    say: str
    phase: str
    round: int
    rounds: int
    used: int = Field(description="The last round in which the client's own update was used; 0: none yet.")


class Received(_Body):
    """What became of an update."""

    accepted: bool
    again: bool = Field(description="It had come before; it counts once.")
    say: str


class Say(_Body):
    """A sentence."""

    say: str


class StillWanted(_Body):
    """Whether the client's update is still waited for."""

    say: str
    round: int | None = Field(description="The round whose update is, or will be, waited for; null: none.")


class Control(_Body):
    """What the instructor wants."""

    action: Literal["pause", "resume", "end"]


class Records(_Body):
    """Rounds that are complete."""

    records: list[dict[str, Any]]


class Board(BaseModel):
    """Where the federation stands; more fields may follow."""

    model_config = ConfigDict(extra="allow")

    protocol: int = PROTOCOL
    phase: str = "waiting"
    wish: str = Field(default="", description="What the instructor asked for last: pause, resume or end.")
    say: str = ""
    round: int = 0
    rounds: int = 0
    now: float = Field(description="The server's clock, unix seconds.")
    ends_at: float | None = Field(default=None, description="When the window that is open now ends, unix seconds.")
    accuracy: list[float | None] = Field(default=[], description="Accuracy of the global model after each round.")
    cards: dict[str, dict[str, Any]]
