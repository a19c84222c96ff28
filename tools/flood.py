"""The flood client of the lesson: asks who is here, then says something cheeky to everybody, ten times a second.
Against Vestnik it is warned, muted and disconnected, as its figures at the end, or at Ctrl-C, show.

    python -m tools.flood --rate 10 --seconds 30 --text "Купи слона!"
"""

import argparse
import asyncio
import contextlib
import secrets
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tools.chat import HANDSHAKE_SECONDS
from tools.local_cloud import add_arguments, address

_ASK_EVERY_SECONDS = 5


@dataclass(frozen=True)
class Plan:
    """What to do: so many messages a second to everybody present, for so long."""

    url: str
    name: str
    rate: float = 10
    seconds: float = 30
    text: str = "Купи слона!"


@dataclass
class Tally:
    """What happened."""

    counts: Counter[str] = field(default_factory=Counter)
    present: list[str] = field(default_factory=list)
    closed_by_server: bool = False

    def hear(self, frame: str) -> None:
        """Counts one frame from the server."""
        if frame.startswith("Здесь: "):
            self.present = frame.removeprefix("Здесь: ").partition(" и ещё ")[0].split(", ")
        kind = next((kind for start, kind in _KINDS if frame.startswith(start)), "other")
        self.counts[kind] += 1

    def __str__(self) -> str:
        words = ("sent", "warned", "muted", "received")
        end = "disconnected by the server" if self.closed_by_server else "left by itself"
        return ", ".join(f"{word} {self.counts[word]}" for word in words) + f", {end}"


_KINDS = (
    ("Здесь", "listed"),
    ("Слишком часто", "warned"),
    ("Одно и то же", "warned"),
    ("Вы молчите", "muted"),
    ("Сообщение от ", "received"),
    ("Соединение закрыто", "closed"),
)


@contextlib.asynccontextmanager
async def flooding(plan: Plan) -> AsyncIterator[tuple[ClientConnection, Tally]]:
    """A named connection whose frames are counted; always closed, together with its listener."""
    tally = Tally()
    async with connect(plan.url, open_timeout=HANDSHAKE_SECONDS, close_timeout=2) as socket:
        listener = asyncio.create_task(_listen(socket, tally))
        try:
            await socket.send(plan.name)
            await socket.send("?")
            yield socket, tally
        finally:
            await socket.close()
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)


async def flood(plan: Plan, *, stop: asyncio.Event | None = None) -> Tally:
    """Carries out the plan, or as much of it as fits before `stop` is set. Raises: InvalidHandshake, OSError if the
    server does not let it in at all."""
    stop = stop or asyncio.Event()
    async with flooding(plan) as (socket, tally):
        with contextlib.suppress(ConnectionClosed):
            await _talk(plan, socket, tally, stop)
        tally.closed_by_server = socket.close_code is not None
    return tally


async def _talk(plan: Plan, socket: ClientConnection, tally: Tally, stop: asyncio.Event) -> None:
    clock = asyncio.get_running_loop().time
    start = asked = due = clock()
    while clock() - start < plan.seconds and not stop.is_set() and socket.close_code is None:
        if due - asked > _ASK_EVERY_SECONDS:
            asked = due
            await socket.send("?")
        for name in [one for one in tally.present if one != plan.name]:
            await socket.send(f"{name}: {plan.text}")
            tally.counts["sent"] += 1
        due += 1 / plan.rate  # by the plan, not by the clock: time spent sending adds no extra pause
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.001, due - clock()))


async def _listen(socket: ClientConnection, tally: Tally) -> None:
    async for frame in socket:
        tally.hear(frame if isinstance(frame, str) else frame.decode(errors="replace"))


async def _until_stopped(plan: Plan) -> Tally:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await flood(plan, stop=stop)


def main() -> int:
    parser = argparse.ArgumentParser(description="Flood the chat; Vestnik defends itself.")
    add_arguments(parser)
    parser.add_argument("--rate", type=float, default=10, help="messages a second to each of those present")
    parser.add_argument("--seconds", type=float, default=30, help="how long")
    parser.add_argument("--text", default="Купи слона!")
    parser.add_argument("--name", default=f"Хам-{secrets.randbelow(10_000)}")
    chosen = parser.parse_args()
    plan = Plan(address(chosen), chosen.name, chosen.rate, chosen.seconds, chosen.text)
    try:
        print(asyncio.run(_until_stopped(plan)))
    except (InvalidHandshake, OSError) as error:
        print(f"not let in: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
