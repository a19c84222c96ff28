"""What each of the managers' pages costs with 2,000 campaigns, 500 lists and 100,000 notifications in the tables of
the embedded cloud: the handler's time from the request to its answer, the part of it that is our own processor time,
and its requests to DynamoDB. The emulator is a process of its own, which answers a query by its index as DynamoDB does.

    python -m bench.admin_pages [--notifications 100000] [--campaigns 2000] [--lists 500] [--calls 20]
"""

import argparse
import json
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

MOST_REQUESTS = 8
MOST_MS = 100.0
_DAYS = 30
_USERS = 5_000
_BLOCK = 2_500  # notifications that one thread writes in a row
_CAMPAIGN_SHARE = 5  # all but one of so many were a campaign's: where there are many campaigns, they sent most letters
_STARTED = 60  # of the campaigns, as the service starts them; the others are rows like theirs, of runs that are over
_WRITERS = 2
_SEARCHES = {  # of the list of campaigns
    "… a search": "/admin/campaigns?q=premiere+17",
    "… by tag and opens": "/admin/campaigns?tag=tag+7&sort=-opens&tab=completed",
}


def fill(campaigns: int, notifications: int, lists: int) -> None:
    """The rows as the service would have written them, over the last thirty days. Letters of campaigns stand in no
    index by day."""
    from chalicelib.stage.app import Stage
    from tests.integration.admin.stocked import make_campaign

    with ThreadPoolExecutor(_WRITERS) as pool:
        starts = range(0, notifications, _BLOCK)
        written = [pool.submit(_block, start, min(start + _BLOCK, notifications), notifications) for start in starts]
        for n in range(min(campaigns, _STARTED)):
            model = make_campaign(n)
        _copies(model, campaigns - _STARTED)
        for n in range(lists):
            Stage.own().lists.add(f"Guests of evening {n}", by="bench")
        for block in written:
            block.result()


def _copies(model: str, copies: int) -> None:
    """More campaigns like one that was started, each with a finished run and its results."""
    from chalicelib.clock import derived_id, now, rfc3339
    from chalicelib.storage.dynamodb import batch_put, batch_read, reaching_dynamodb
    from chalicelib.storage.rows.campaigns import HEAD_PART, CampaignRow

    with reaching_dynamodb():
        [head] = [item for _, item in batch_read({CampaignRow: [(model, HEAD_PART)]})]
        gone = {name: value for name, value in head.items() if name not in ("open_runs", "due", "next_run_at")}
        rows = []
        for n in range(copies):
            at = {"S": rfc3339(now() - timedelta(days=1 + n / 4))}
            about = {"name": f"Premiere {n} of the season", "template": "promo"}
            total = {"targeted": 5000, "sent": 4900, "delivered": 4800, "bounced": 90, "opened": n, "clicked": n // 3}
            told = {"total": total, "newest_at": at["S"], "month": at["S"][:7]}
            more = {"about": about, "results": told, "tags": [f"tag {n % 40}"]}
            rows.append(
                {
                    **gone,
                    **{name: {"S": json.dumps(value)} for name, value in more.items()},
                    "id": {"S": derived_id("bench campaign", str(n))},
                    "state": {"S": "completed"},
                    "created_at": at,
                    "changed_at": at,
                }
            )
        batch_put(CampaignRow, rows)


def _block(first: int, end: int, whole: int) -> None:
    from chalicelib.clock import derived_id, now, rfc3339

    for start in range(first, end, CHUNK):
        ids = {derived_id("bench", str(n)): {"user_id": f"u-{n % _USERS}"} for n in range(start, start + CHUNK)}
        campaign = f"campaign-{start // _BLOCK}" if start // CHUNK % _CAMPAIGN_SHARE else None
        store_sent(ids, at=rfc3339(now() - timedelta(days=_DAYS) * start / whole), campaign_id=campaign)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notifications", type=int, default=100_000)
    parser.add_argument("--campaigns", type=int, default=2000)
    parser.add_argument("--lists", type=int, default=500)
    parser.add_argument("--calls", type=int, default=20)
    chosen = parser.parse_args()
    with _cloud():
        return _measure(chosen.campaigns, chosen.notifications, chosen.lists, chosen.calls).publish()


@contextmanager
def _cloud() -> Iterator[None]:
    """A cloud of its own; this process acts as its app."""
    with tempfile.TemporaryDirectory() as folder:
        ports = Ports(free_port(), free_port())
        with LocalCloud(ports, state_dir=Path(folder) / "state", logs_dir=Path(folder) / "logs") as cloud:
            os.environ.update(cloud.environment())
            yield


def _measure(campaigns: int, notifications: int, lists: int, calls: int) -> Report:
    from chalicelib.accounts.managers import Role
    from tests.integration.admin.conftest import Visitor, signed_in
    from tests.integration.admin.stocked import stocked

    with redirect_stdout(StringIO()):  # the lines that a handler logs
        stock = stocked()
        fill(campaigns, notifications, lists)
        boss: Visitor = signed_in("boss", *Role)
        pages = {**stock.addresses(), **_SEARCHES}
        rows = {route: _cost(boss, address, calls) for route, address in pages.items()}
    many = f"{notifications:,} notifications, {campaigns:,} campaigns and {lists} lists"
    title = f"The managers' pages with {many} (embedded cloud)"
    report = Report("admin_pages", title, ("page", "p50 ms", "p95 ms", "own CPU ms", "requests"))
    for route, (p50, p95, own, requests) in rows.items():
        report.add(page=route, p50_ms=p50, p95_ms=p95, own_CPU_ms=own, requests=requests)
    slowest = max(p95 for _, p95, _, _ in rows.values())
    most = max(requests for *_, requests in rows.values())
    report.expect(f"requests ≤ {MOST_REQUESTS} a page: {most}", met=most <= MOST_REQUESTS)
    report.expect(f"the handler's p95 ≤ {MOST_MS:.0f} ms: {slowest:.0f}", met=slowest <= MOST_MS)
    return report


def _cost(boss: object, address: str, calls: int) -> tuple[float, float, float, int]:
    """The median and the 95th percentile of the handler's time, its own CPU (ms), its requests to DynamoDB without the
    line of the audit, where persons are shown."""
    from tests.integration.admin.conftest import Visitor
    from tests.integration.control.requests_made import Requests

    assert isinstance(boss, Visitor)
    boss.get(address)  # what a process reads once, it has read
    requests = Requests()
    boss.get(address)
    made, whole, own = requests.count() - requests.count("PutItem"), list[float](), list[float]()
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
