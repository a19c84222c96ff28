"""How soon what is said live is on the screen, on the embedded cloud over real WebSockets: a notification from the
moment that the sender takes it, and an ordinary conversation, in quiet and while somebody floods the chat.

    python -m bench.live_talk [--notifications 40] [--messages 60]
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from bench.crowd import Crowd, crowd
from bench.harness import Report
from chalicelib.clock import parse_rfc3339
from tools.flood import Plan, Tally, flood

MOST_ON_SCREEN_MS = 500
MOST_SLOWER = 2.0  # p95 of the pair beside the flood
_SECONDS = 60
_PAUSE_SECONDS = 0.6  # an ordinary talk: less than its limit
_FLOOD_SECONDS = 120  # it is disconnected long before
_PROMO = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}


async def notifications(made: Crowd, count: int) -> list[float]:
    """Seconds from the claim of each delivery to its frame; the first one warms up."""
    made.call("PUT", "/v1/users/viewer", {"name": "Viewer", "locale": "en"})
    url = made.call("POST", "/v1/live/tickets", {"user_id": "viewer"})["url"]
    took = []
    async with connect(f"{url}&format=json", open_timeout=_SECONDS) as socket:
        await _until(socket, '"hello"')
        for _ in range(count + 1):
            sent = await asyncio.to_thread(_notify, made)
            await _until(socket, sent)
            arrived = time.time()
            took.append(arrived - await asyncio.to_thread(_claimed_at, made, sent))
    return took[1:]


def _notify(made: Crowd) -> str:
    body = {"template": "promo", "channels": ["live"], "recipients": [{"user_id": "viewer"}], "context": _PROMO}
    return str(made.call("POST", "/v1/notifications", body)["notifications"][0]["id"])


def _claimed_at(made: Crowd, notification_id: str) -> float:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        [delivery] = made.call("GET", f"/v1/notifications/{notification_id}")["deliveries"]
        steps: list[dict[str, Any]] = delivery["timeline"]
        if steps[-1]["status"] == "sent":
            return parse_rfc3339(next(step["at"] for step in steps if step["status"] == "calling")).timestamp()
        time.sleep(0.05)
    raise TimeoutError(notification_id)


async def talks(url: str, count: int) -> tuple[list[float], list[float], Tally]:
    """Seconds of each message of a pair, with and without the flood, and what became of the flood."""
    async with _guest(url, "Лада") as lada, _guest(url, "Миша") as misha:
        await misha.send("Лада: рассказывай")  # whom one has answered is no stranger, and may say more than those
        await _until(lada, "рассказывай")
        await _talk(lada, misha, count=10, tag="разминка")
        quiet = await _talk(lada, misha, count=count, tag="в тишине")
        flooding = asyncio.create_task(flood(Plan(url, "Хам", seconds=_FLOOD_SECONDS)))
        busy = await _talk(lada, misha, count=count, tag="под огнём")
        return quiet, busy, await flooding


@asynccontextmanager
async def _guest(url: str, name: str) -> AsyncIterator[ClientConnection]:
    async with connect(url, open_timeout=_SECONDS) as socket:
        await _until(socket, "Представьтесь!")
        await socket.send(name)
        await _until(socket, "Здравствуйте")
        yield socket


async def _talk(one: ClientConnection, other: ClientConnection, *, count: int, tag: str) -> list[float]:
    took = []
    for n in range(count):
        start = time.monotonic()
        await one.send(f"Миша: {tag} {n}")
        await _until(other, f"{tag} {n}")
        took.append(time.monotonic() - start)
        await asyncio.sleep(max(0.0, _PAUSE_SECONDS - took[-1]))
    return took


async def _until(socket: ClientConnection, part: str) -> None:
    async with asyncio.timeout(_SECONDS):
        while part not in str(await socket.recv()):
            pass


def percent(seconds: Sequence[float], percent: int) -> float:
    """In milliseconds."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notifications", type=int, default=40)
    parser.add_argument("--messages", type=int, default=60)
    chosen = parser.parse_args()
    report = Report("live_talk", "On the screen", ("what", "p50 ms", "p95 ms", "slowest ms"))
    with crowd(0) as made:
        on_screen = asyncio.run(notifications(made, chosen.notifications))
        quiet, busy, tally = asyncio.run(talks(made.cloud.ws_url, chosen.messages))
    rows = {"a notification, from its claim": on_screen, "a word of a pair": quiet, "a word beside the flood": busy}
    for what, seconds in rows.items():
        slowest = max(seconds) * 1000
        report.add(what=what, p50_ms=percent(seconds, 50), p95_ms=percent(seconds, 95), slowest_ms=slowest)
    report.remark(f"the flood, 10 a second to each of those present: {tally}")
    shown, slower = percent(on_screen, 95), percent(busy, 95) / percent(quiet, 95)
    report.expect(f"p95 of notifications ≤ {MOST_ON_SCREEN_MS} ms: {shown:.0f}", met=shown <= MOST_ON_SCREEN_MS)
    report.expect(f"p95 beside the flood ≤ {MOST_SLOWER} x: {slower:.2f}", met=slower <= MOST_SLOWER)
    report.expect("the flood is disconnected", met=tally.closed_by_server)
    return report.publish()


if __name__ == "__main__":
    raise SystemExit(main())
