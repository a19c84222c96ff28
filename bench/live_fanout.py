"""How long 1,000 open connections wait for one frame each, and how much is sent at once, by the bound of concurrency.

    python -m bench.live_fanout                 # starts a local cloud of its own
    python -m bench.live_fanout --connections 1000 --concurrency 1 8 32

The connections are real WebSockets; the posts go by the same `Poster` that the Lambdas use, from this process.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from websockets.asyncio.client import ClientConnection, connect

from bench.crowd import crowd
from bench.harness import Report
from chalicelib.clock import now
from chalicelib.live.posting import CONCURRENCY, Posted, Poster
from chalicelib.live.server_events import ServerEvent
from chalicelib.stage.app import Stage
from chalicelib.storage.connections import Connection
from chalicelib.storage.rows.live import ConnectionRow

_OPEN_AT_ONCE = 10
_GREETING_SECONDS = 120
_TEXT = "Всем: начинается премьера"
_COLUMNS = ("at once", "all posted in s", "posts a second", "p50 s", "p95 s", "last s", "delivered")


async def measure(report: Report, url: str, *, connections: int, concurrencies: Sequence[int]) -> None:
    """Opens the connections, then posts to all of them once for each bound."""
    async with AsyncExitStack() as stack:
        sockets = await _open(stack, url, connections)
        print(f"{len(sockets):,} connections are open", flush=True)
        rows = Stage.own().connections.some(row.connection_id for row in ConnectionRow.scan() if row.opened_at)
        for concurrency in concurrencies:
            await _post_to_all(report, sockets, rows, concurrency)
    delivered = [row["delivered"] for row in report.rows]
    report.expect(f"each of {connections:,} gets every frame", met=delivered == [connections] * len(concurrencies))


async def _post_to_all(
    report: Report, sockets: Sequence[ClientConnection], rows: Sequence[Connection], concurrency: int
) -> None:
    poster = Poster(
        Stage.own().management_client,
        connections=Stage.own().connections,
        clock=now,
        name_went=lambda: None,
        concurrency=concurrency,
    )
    start = time.monotonic()
    posting = asyncio.create_task(asyncio.to_thread(poster.post, rows, ServerEvent("bench", line=_TEXT)))
    arrivals = await asyncio.gather(*(_arrival(socket, start) for socket in sockets))
    results = list((await posting).values())
    took = time.monotonic() - start
    report.add(
        at_once=str(concurrency),
        all_posted_in_s=took,
        posts_a_second=len(rows) / took,
        p50_s=statistics.median(arrivals),
        p95_s=statistics.quantiles(arrivals, n=20)[-1],
        last_s=max(arrivals),
        delivered=results.count(Posted.DELIVERED),
    )


async def _open(stack: AsyncExitStack, url: str, count: int) -> list[ClientConnection]:
    gate = asyncio.Semaphore(_OPEN_AT_ONCE)

    async def one() -> ClientConnection:
        async with gate:
            socket = await stack.enter_async_context(connect(url, open_timeout=60, ping_interval=None))
            await asyncio.wait_for(socket.recv(), _GREETING_SECONDS)
            return socket

    return await asyncio.gather(*(one() for _ in range(count)))


async def _arrival(socket: ClientConnection, start: float) -> float:
    while await socket.recv() != _TEXT:
        pass
    return time.monotonic() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 4, 8, 16, CONCURRENCY])
    chosen = parser.parse_args()
    report = Report("live_fanout", f"One frame to {chosen.connections:,} open WebSockets", _COLUMNS)
    with crowd(0) as made:
        os.environ.update(made.cloud.environment())
        work = measure(report, made.cloud.ws_url, connections=chosen.connections, concurrencies=chosen.concurrency)
        asyncio.run(work)
    report.remark("from one process, beside the emulator and the clients")
    return report.publish()


if __name__ == "__main__":
    raise SystemExit(main())
