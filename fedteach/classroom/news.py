"""Where a client of a class stands, as plain data for a shell or a panel to show."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class MyRound:
    """What this client did in a round.

    Attributes:
        round: round number.
        became: "sent", "late", "refused" or "failed".
        seconds: of training.
        bytes_up: of the reply as it travelled.
        train_loss: mean loss while training, or None.
        say: a sentence about it.
    """

    round: int
    became: str
    seconds: float = 0.0
    bytes_up: int = 0
    train_loss: float | None = None
    say: str = ""


@dataclass(frozen=True)
class News:
    """Where this client stands.

    Attributes:
        state: "joining", "loading", "waiting", "training", "sending", "over", "left" or "failed".
        say: a sentence about it.
        client: its id in the federation; "" before it has joined.
        n_examples: training examples it holds.
        round: the class' round.
        rounds: how many there will be.
        mine: the rounds this client took part in.
    """

    state: str = "joining"
    say: str = "joining the class"
    client: str = ""
    n_examples: int = 0
    round: int = 0
    rounds: int = 0
    mine: tuple[MyRound, ...] = field(default=())
