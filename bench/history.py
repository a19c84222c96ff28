"""How many requests the first page of a long history takes: a user with 10,000 notifications, on moto's tables.

python -m bench.history [--notifications 10000]
"""

import argparse
import os
from datetime import timedelta

from moto import mock_aws

from bench.harness import Report

MOST_REQUESTS = 3
_USER, _PAGE = "anna", 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notifications", type=int, default=10_000)
    chosen = parser.parse_args()
    from tests.integration.conftest import ENVIRONMENT, empty_stage

    os.environ.update(ENVIRONMENT)
    report = Report("history", "The first page of a history (moto, in process)", ("notifications", "requests"))
    for notifications in (_PAGE, chosen.notifications):
        with mock_aws():
            empty_stage()
            _fill(notifications)
            requests = _first_page()
        report.add(notifications=notifications, requests=requests)
        report.expect(f"requests ≤ {MOST_REQUESTS} with {notifications:,}: {requests}", met=requests <= MOST_REQUESTS)
    return report.publish()


def _fill(notifications: int) -> None:
    from chalicelib.clock import derived_id, now, rfc3339
    from chalicelib.pipeline.jobs import LetterSpec
    from chalicelib.pipeline.requests import record_notifications
    from chalicelib.storage.rows.ledger import DELIVERY_PREFIX, DeliveryRow

    with DeliveryRow.batch_write() as batch:
        for n in range(notifications):
            id_, at = derived_id("bench", str(n)), rfc3339(now() - timedelta(minutes=n))
            letter = LetterSpec(template="promo", template_version=0, category="marketing", lane="bulk", context={},
                                request_id="r", accepted_at=at)  # fmt: skip
            record_notifications(letter, [(id_, {"user_id": _USER})], channels=["email"], send_at=None,
                                 expires_at_epoch=4_000_000_000, owner=lambda *_: "#")  # fmt: skip
            batch.save(DeliveryRow(id_, DELIVERY_PREFIX + "email", status="sent", created_at=at))


def _first_page() -> int:
    from chalicelib.stage.app import Stage
    from tests.integration.control.requests_made import Requests

    requests = Requests()
    rows, _ = Stage.own().history.of_user(_USER, limit=_PAGE, cursor=None)
    if len(rows) != _PAGE:
        raise RuntimeError(f"{len(rows)} of {_PAGE} notifications on the first page")
    return requests.count()


if __name__ == "__main__":
    raise SystemExit(main())
