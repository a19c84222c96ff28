"""How many requests the first page of a long history takes: a user with 10,000 notifications, in the tests' database.

python -m bench.history [--notifications 10000]
"""

import argparse
from datetime import timedelta

import pytest

from bench.harness import Report
from bench.made_up import CHUNK, store_sent

MOST_REQUESTS = 3
_USER, _PAGE = "anna", 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notifications", type=int, default=10_000)
    chosen = parser.parse_args()
    from tests.integration.conftest import a_stage
    from tests.twin.process import install

    report = Report("history", "The first page of a history (in memory)", ("notifications", "requests"))
    for notifications in (_PAGE, chosen.notifications):
        with pytest.MonkeyPatch.context() as patch:
            install(patch)
            with a_stage(patch):
                _fill(notifications)
                requests = _first_page()
        report.add(notifications=notifications, requests=requests)
        report.expect(f"requests ≤ {MOST_REQUESTS} with {notifications:,}: {requests}", met=requests <= MOST_REQUESTS)
    return report.publish()


def _fill(notifications: int) -> None:
    from chalicelib.clock import derived_id, now, rfc3339

    for start in range(0, notifications, CHUNK):
        ids = [derived_id("bench", str(n)) for n in range(start, min(start + CHUNK, notifications))]
        store_sent({one: {"user_id": _USER} for one in ids}, at=rfc3339(now() - timedelta(minutes=start)))


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
