"""Parts of AWS that are away from the workers beside the way of a letter: digests and uploaded lists."""

from typing import Any

import pytest
import requests

from tests.chaos.rig import LETTERS, TRIES, Rig
from tests.e2e.conftest import eventually
from tests.e2e.digests import make_due, not_yet

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("service", ["dynamodb", "sqs"])
def test_a_digest_whose_worker_loses_a_service_comes_once(rig: Rig, service: str) -> None:
    addresses = rig.addresses(1)
    user = addresses[0].partition("@")[0]
    ids = put_aside(rig, user, addresses[0])
    make_due(rig.cloud, user)
    with rig.queues.visibility("digest", 3):
        with rig.wires[f"digest.{service}"].cut() as wire:
            rig.tick()
            eventually(lambda: wire.lost >= TRIES[service])
            assert rig.statuses(ids) == {"waiting": 1}
        assert rig.settle(ids, {"skipped"}) == {"skipped": 1}  # its line is in the digest
    eventually(lambda: rig.copies(addresses) == {addresses[0]: 1})
    eventually(lambda: rig.queues.depth("digest") == 0)
    assert rig.copies(addresses) == {addresses[0]: 1}
    assert rig.queues.dead() == {}


@pytest.mark.parametrize("service", ["dynamodb", "s3"])
def test_a_list_whose_worker_loses_a_service_is_read_whole(rig: Rig, service: str) -> None:
    addresses = rig.addresses(3)
    path = f"/v1/lists/{upload(rig, addresses)}"
    with rig.queues.visibility("load", 3):
        with rig.wires[f"load.{service}"].cut() as wire:
            assert rig.vestnik.call("POST", f"{path}/load").status_code == 202
            eventually(lambda: wire.lost >= TRIES[service])
            assert state(rig, path)["state"] == "loading"
        eventually(lambda: state(rig, path)["state"] == "ready")
    assert (state(rig, path)["rows"], state(rig, path)["bad"]) == (3, 0)
    assert rig.queues.dead() == {}


def put_aside(rig: Rig, user: str, address: str) -> list[str]:
    """A letter that waits for the digest of a new user; its notification's id in a list."""
    assert rig.vestnik.call("PUT", f"/v1/users/{user}", {"email": address}).ok
    wish = {"digests": {"marketing": {"every": "day", "at": not_yet()}}}
    assert rig.vestnik.call("PUT", f"/v1/users/{user}/preferences", wish).ok
    template, context = LETTERS["marketing"]
    body = {"template": template, "context": context, "recipients": [{"user_id": user}], "channels": ["email"]}
    answer = rig.vestnik.call("POST", "/v1/notifications", body)
    assert answer.status_code == 202, answer.text
    ids = [one["id"] for one in answer.json()["notifications"]]
    rig.settle(ids, {"waiting"})
    return ids


def upload(rig: Rig, addresses: list[str]) -> str:
    """A list's file in its place, not yet read; the list's id."""
    made = rig.vestnik.call("POST", "/v1/lists", {"name": addresses[0]}).json()
    file, place = "\n".join(["email", *addresses, ""]), made["upload"]
    answer = requests.request(place["method"], place["url"], data=file.encode(), headers=place["headers"], timeout=30)
    assert answer.ok, answer.text
    return str(made["id"])


def state(rig: Rig, path: str) -> dict[str, Any]:
    """What the API says about a list."""
    seen: dict[str, Any] = rig.vestnik.call("GET", path).json()
    return seen
