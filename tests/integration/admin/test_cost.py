"""What a page costs: requests to DynamoDB, with as much in the tables as a page can show."""

from typing import Any

import pytest

from chalicelib.admin.frame import REGISTERED
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.wiring.campaigns import campaign_control
from chalicelib.wiring.intake import accept
from tests.integration.admin.conftest import Visitor
from tests.integration.admin.test_pages import viewers, written  # noqa: F401 - a fixture
from tests.integration.control.requests_made import Requests

MOST = 8


@pytest.fixture
def full(boss: Visitor, viewers: None) -> dict[str, str]:  # noqa: F811
    """A stage in which everything has more than a page: the values of the routes' parameters."""
    ids = [written(boss, name=f"Campaign {n}") for n in range(14)]
    for one in ids:
        campaign_control().start(one, by="test")
    recipients = [{"user_id": "anna"}]
    made: list[Any] = [
        accept().accept(
            NotificationRequest.model_validate(
                {
                    "template": "password-reset",
                    "recipients": recipients,
                    "context": {"reset_url": "https://cinema.example/r", "valid_minutes": 30},
                }
            ),
            caller="test",
            key=None,
        )
        for _ in range(25)
    ]
    return {"campaigns": ids[0], "users": "anna", "notifications": made[0][0].id}


def address(path: str, values: dict[str, str]) -> str:
    section = path.split("/")[2] if path.count("/") > 1 else ""
    path = path.replace("{id}", values.get(section, "none"))
    return path.replace("{queue}", "retry").replace("{key}", "promo")


def test_no_page_takes_more_than_eight_requests_to_the_tables(boss: Visitor, full: dict[str, str]) -> None:
    pages = [address(route.path, full) for route in REGISTERED if route.method == "GET"]
    for path in pages:
        assert boss.get(path).status == 200, path  # what a process reads once, it has read
    taken = {}
    for path in pages:
        requests = Requests()
        boss.get(path)
        taken[path] = requests.count()
    assert {path: n for path, n in taken.items() if n > MOST} == {}
