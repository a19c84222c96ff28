"""How long 1,000 open connections wait for one frame each, and how much is sent at once, by the bound of concurrency.

    .venv/bin/python -m bench.live_fanout                 # starts a local cloud of its own
    .venv/bin/python -m bench.live_fanout --connections 1000 --concurrency 1 8 32

The connections are real WebSockets; the posts go by the same `Poster` that the Lambdas use, from this process.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from infra.local.cloud import LocalCloud, Ports
from infra.local.process import free_port

_OPEN_AT_ONCE = 10
_GREETING_SECONDS = 120
_TEXT = "Всем: начинается премьера"


async def measure(cloud: LocalCloud, *, connections: int, concurrencies: Sequence[int]) -> None:
    """Opens the connections, then posts to all of them once for each bound."""
    from chalicelib.clock import now
    from chalicelib.live.events import Event
    from chalicelib.live.post import Poster
    from chalicelib.storage.live import ConnectionRow
    from chalicelib.wiring import clients as wiring_clients
    from chalicelib.wiring import connections as wiring_connections

    async with AsyncExitStack() as stack:
        sockets = await _open(stack, cloud.ws_url, connections)
        rows = [row for row in ConnectionRow.scan() if row.opened_at]
        print(f"{len(sockets)} connections are open")
        print(f"{'at once':>8} {'posted in':>10} {'a second':>9} {'p50':>8} {'p95':>8} {'last':>8} {'delivered':>10}")
        for concurrency in concurrencies:
            poster = Poster(
                wiring_clients.management_client,
                connections=wiring_connections.live_connections(),
                clock=now,
                concurrency=concurrency,
            )
            start = time.monotonic()
            posting = asyncio.create_task(asyncio.to_thread(poster.post, rows, Event("bench", line=_TEXT)))
            arrivals = await asyncio.gather(*(_arrival(socket, start) for socket in sockets))
            results = await posting
            took = time.monotonic() - start
            p50, p95 = statistics.median(arrivals), statistics.quantiles(arrivals, n=20)[-1]
            delivered = sum(result == "delivered" for result in results.values())
            print(
                f"{concurrency:>8} {took:>8.2f} s {len(rows) / took:>9.0f} {p50:>6.2f} s {p95:>6.2f} s "
                f"{max(arrivals):>6.2f} s {delivered:>10}"
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


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the fan-out to many WebSockets.")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 4, 8, 16, 32])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ports = Ports(free_port(), free_port())
        with LocalCloud(ports, state_dir=Path(folder) / "state", logs_dir=Path(folder) / "logs", say=print) as cloud:
            os.environ.update(cloud.environment())
            cloud.warm()
            asyncio.run(measure(cloud, connections=chosen.connections, concurrencies=chosen.concurrency))


if __name__ == "__main__":
    main()
