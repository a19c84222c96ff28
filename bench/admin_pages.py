"""What each of the managers' pages costs with 200 campaigns and 100,000 notifications in the tables of the embedded
cloud: the handler's time from the request to its answer, the part of it that is our own processor time, and its
requests to DynamoDB. The emulator is a process of its own, which answers a query by its index as DynamoDB does.

    python -m bench.admin_pages [--notifications 100000] [--campaigns 200] [--calls 20]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from io import StringIO
from pathlib import Path

from bench.harness import Report
from bench.made_up import CHUNK, store_sent
from infra.local.children import Ports
from infra.local.cloud import LocalCloud
from infra.local.process import free_port

MOST_REQUESTS = 9
MOST_MS = 100.0
_DAYS = 30
_USERS = 5_000
_BLOCK = 2_500  # notifications that one thread writes in a row
_CAMPAIGN_SHARE = 5  # all but one of so many were a campaign's: where there are 200 campaigns, they sent most letters
_WRITERS = 2


def fill(campaigns: int, notifications: int) -> None:
    """The rows as the service would have written them, over the last thirty days. Letters of campaigns stand in no
    index by day."""
    from tests.integration.admin.stocked import make_campaign

    with ThreadPoolExecutor(_WRITERS) as pool:
        starts = range(0, notifications, _BLOCK)
        written = [pool.submit(_block, start, min(start + _BLOCK, notifications), notifications) for start in starts]
        for n in range(campaigns):
            make_campaign(n)
        for block in written:
            block.result()


def _block(first: int, end: int, whole: int) -> None:
    from chalicelib.clock import derived_id, now, rfc3339

    for start in range(first, end, CHUNK):
        ids = {derived_id("bench", str(n)): {"user_id": f"u-{n % _USERS}"} for n in range(start, start + CHUNK)}
        campaign = f"campaign-{start // _BLOCK}" if start // CHUNK % _CAMPAIGN_SHARE else None
        store_sent(ids, at=rfc3339(now() - timedelta(days=_DAYS) * start / whole), campaign_id=campaign)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notifications", type=int, default=100_000)
    parser.add_argument("--campaigns", type=int, default=200)
    parser.add_argument("--calls", type=int, default=20)
    chosen = parser.parse_args()
    with _cloud():
        return _measure(chosen.campaigns, chosen.notifications, chosen.calls).publish()


@contextmanager
def _cloud() -> Iterator[None]:
    """A cloud of its own; this process acts as its app."""
    with tempfile.TemporaryDirectory() as folder:
        ports = Ports(free_port(), free_port())
        with LocalCloud(ports, state_dir=Path(folder) / "state", logs_dir=Path(folder) / "logs") as cloud:
            os.environ.update(cloud.environment())
            yield


def _measure(campaigns: int, notifications: int, calls: int) -> Report:
    from chalicelib.accounts.managers import Role
    from tests.integration.admin.conftest import Visitor, signed_in
    from tests.integration.admin.stocked import stocked

    with redirect_stdout(StringIO()):  # the lines that a handler logs
        stock = stocked()
        fill(campaigns, notifications)
        boss: Visitor = signed_in("boss", *Role)
        rows = {route: _cost(boss, address, calls) for route, address in stock.addresses().items()}
    title = f"The managers' pages with {notifications:,} notifications and {campaigns} campaigns (embedded cloud)"
    report = Report("admin_pages", title, ("page", "p50 ms", "p95 ms", "own CPU ms", "requests"))
    for route, (p50, p95, own, requests) in rows.items():
        report.add(page=route, p50_ms=p50, p95_ms=p95, own_CPU_ms=own, requests=requests)
    slowest = max(p95 for _, p95, _, _ in rows.values())
    most = max(requests for *_, requests in rows.values())
    report.expect(f"requests ≤ {MOST_REQUESTS} a page: {most}", met=most <= MOST_REQUESTS)
    report.expect(f"the handler's p95 ≤ {MOST_MS:.0f} ms: {slowest:.0f}", met=slowest <= MOST_MS)
    return report


def _cost(boss: object, address: str, calls: int) -> tuple[float, float, float, int]:
    """The median and the 95th percentile of the handler's time, its own CPU (ms), its requests to DynamoDB."""
    from tests.integration.admin.conftest import Visitor
    from tests.integration.control.requests_made import Requests

    assert isinstance(boss, Visitor)
    boss.get(address)  # what a process reads once, it has read
    requests = Requests()
    boss.get(address)
    made, whole, own = requests.count(), list[float](), list[float]()
    for _ in range(calls):
        cpu, clock = time.process_time(), time.perf_counter()
        seen = boss.get(address)
        whole.append((time.perf_counter() - clock) * 1000)
        own.append((time.process_time() - cpu) * 1000)
        if seen.status != 200:
            raise RuntimeError(f"{address} answers {seen.status}")
    p95 = statistics.quantiles(whole, n=20, method="inclusive")[-1]
    return statistics.median(whole), p95, statistics.median(own), made


if __name__ == "__main__":
    raise SystemExit(main())
