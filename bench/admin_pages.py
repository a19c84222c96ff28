"""What each of the managers' pages costs with 200 campaigns and 100,000 notifications in the tables: the handler's time
and its requests to DynamoDB. The tables are moto's, in this process: the requests are exact, the time is our code's and
moto's together, so that it tells pages apart and says little of AWS.

    python -m bench.admin_pages [--notifications 100000] [--campaigns 200] [--calls 10]
"""

import argparse
import os
import statistics
import time
from datetime import timedelta

from moto import mock_aws

from bench.harness import Report

MOST_REQUESTS = 8


def fill(campaigns: int, notifications: int) -> None:
    """The rows as the service would have written them, over the last thirty days."""
    from chalicelib.clock import derived_id, now, rfc3339
    from chalicelib.pipeline.jobs import LetterSpec
    from chalicelib.pipeline.notification import record_notifications
    from chalicelib.storage.ledger import DeliveryRow, delivery_part
    from tests.integration.admin.stocked import make_campaign

    for n in range(campaigns):
        make_campaign(n)
    with DeliveryRow.batch_write() as batch:
        for n in range(notifications):
            id_ = derived_id("bench", str(n))
            at = rfc3339(now() - timedelta(seconds=n * 2_592_000 / notifications))
            letter = LetterSpec(template="promo", template_version=0, category="marketing", lane="instant", context={},
                                request_id="r", accepted_at=at)  # fmt: skip
            record_notifications(letter, [(id_, {"user_id": f"u-{n % 5000}"})], channels=["email"], send_at=None,
                                 expires_at_epoch=2_000_000_000)  # fmt: skip
            batch.save(DeliveryRow(id_, delivery_part("email"), status="sent", created_at=at))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notifications", type=int, default=100_000)
    parser.add_argument("--campaigns", type=int, default=200)
    parser.add_argument("--calls", type=int, default=10)
    chosen = parser.parse_args()
    from tests.integration.conftest import ENVIRONMENT, empty_stage

    os.environ.update(ENVIRONMENT)
    with mock_aws():
        empty_stage()
        return _measure(chosen.campaigns, chosen.notifications, chosen.calls).publish()


def _measure(campaigns: int, notifications: int, calls: int) -> Report:
    from chalicelib.control.managers import Role
    from tests.integration.admin.conftest import signed_in
    from tests.integration.admin.stocked import stocked
    from tests.integration.control.requests_made import Requests

    stock = stocked()
    fill(campaigns, notifications)
    boss = signed_in("boss", *Role)
    title = f"The managers' pages with {notifications:,} notifications and {campaigns} campaigns (moto, in process)"
    report = Report("admin_pages", title, ("page", "p50 ms", "p95 ms", "requests"))
    worst = 0
    for path in stock.pages():
        boss.get(path)
        times = []
        for _ in range(calls):
            requests, before = Requests(), time.process_time()
            status = boss.get(path).status
            times.append((time.process_time() - before) * 1000)
        if status != 200:
            raise RuntimeError(f"{path} answers {status}")
        p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
        report.add(page=path, p50_ms=statistics.median(times), p95_ms=p95, requests=requests.count())
        worst = max(worst, requests.count())
    report.expect(f"requests ≤ {MOST_REQUESTS} a page: {worst}", met=worst <= MOST_REQUESTS)
    return report


if __name__ == "__main__":
    raise SystemExit(main())
