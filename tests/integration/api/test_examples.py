"""Every call's example in `/openapi.json`, which is also in docs/api.md, works as it stands: on a stage that has what
it names, it is answered by the status that the contract promises for success."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from chalicelib.api.openapi import document
from chalicelib.settings import settings
from chalicelib.storage.rows.links import LinkRow
from chalicelib.wiring import campaign_desk as wiring_campaign_desk
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.campaigns.conftest import Desk, clock, desk, office  # noqa: F401 - fixtures
from tests.integration.control import mappings
from tests.integration.control.test_dead_letters import waiting
from tools.api_docs import example_body, example_path, example_query, needed_headers

CONTRACT = document("")
CALLS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in CONTRACT["paths"].items()
    for method, operation in methods.items()
}


class Stage:
    """What an example may name: the user u-1042, and whatever a call makes and gives an id of its own to."""

    def __init__(self, api: Gateway, campaigns: Desk) -> None:
        self.api = api
        self.campaigns = campaigns
        self.run("put_user")

    def run(self, operation: str, given: Mapping[str, str] | None = None, **changes: Any) -> Any:
        """Calls an operation by its example, `given` in place of the path's values; the answer's body."""
        method, path, described = CALLS[operation]
        route, body = example_path(path, described, given), example_body(described)
        body = {**body, **changes} if changes else body
        seen = {name: self.api.get(route.rpartition("/")[0]).headers["etag"] for name in needed_headers(described)}
        reply = self.api.call(method, route, body, query=example_query(described), headers=seen)
        [promised] = [status for status in described["responses"] if status.startswith("2")]
        assert reply.status == int(promised), f"{operation}: {reply.text}"
        return reply.body if reply.text else None

    def campaign(self, *verbs: str, **changes: Any) -> dict[str, str]:
        """A campaign to whom the user belongs, after some verbs."""
        self.run("patch_user")  # into the audience: it asks for the locale `en`
        made = {"id": str(self.run("create_campaign", **changes)["id"])}
        for verb in verbs:
            self.run(f"{verb}_campaign", made)
        return made


Prepare = Callable[[Stage], Mapping[str, str]]


def notification(stage: Stage) -> dict[str, str]:
    return {"id": stage.run("send_notifications")["notifications"][0]["id"]}


def link(stage: Stage) -> dict[str, str]:
    stage.run("tell_event")
    stage.campaigns.pump.run()
    [row] = LinkRow.scan()
    return {"code": row.code}


def endpoint(stage: Stage) -> dict[str, str]:
    return {"endpoint_id": stage.run("add_endpoint")["id"]}


def suppressed(stage: Stage) -> dict[str, str]:
    stage.run("add_suppression")
    return {}


def uncertain(stage: Stage) -> dict[str, str]:
    [key] = waiting(stage.campaigns.pump, 1)
    return {"delivery_id": key.id}


def deployed(_: Stage) -> dict[str, str]:
    mappings.deploy()
    return {}


def uploaded(stage: Stage) -> dict[str, str]:
    return {"id": stage.run("create_list")["id"]}


def draft(stage: Stage) -> dict[str, str]:
    return stage.campaign()


def canary(stage: Stage) -> dict[str, str]:
    stage.run("put_user", {"id": "u-1043"}, locale="en", email="boris@example.com")
    made = stage.campaign(canary_percent=50)
    stage.run("start_campaign", made)
    stage.campaigns.finish()
    return made


def finished(stage: Stage) -> dict[str, str]:
    stage.run("put_user", {"id": "u-1043"}, locale="en", email=None)
    made = stage.campaign("start")
    stage.campaigns.finish()
    return made


def awaiting_approval(stage: Stage) -> dict[str, str]:
    own = stage.api
    stage.api = gateway(service="approval")  # whoever wrote it, by whatever key of theirs, may not approve it
    made = stage.campaign("start")
    stage.api = own
    return made


PREPARED: dict[str, Prepare] = {
    "get_notification": notification,
    "cancel_notification": notification,
    "get_link": link,
    "revoke_link": link,
    "campaign_links": draft,
    "get_suppression": suppressed,
    "remove_suppression": suppressed,
    "decide_attention": uncertain,
    "change_consumer": deployed,
    "get_consumer": deployed,
    **dict.fromkeys(("get_endpoint", "switch_endpoint", "delete_endpoint", "list_deliveries"), endpoint),
    "get_list": uploaded,
    "load_list": uploaded,
    "delete_list": uploaded,
    "pause_campaign": lambda stage: stage.campaign("start"),
    "cancel_campaign": lambda stage: stage.campaign("start"),
    "resume_campaign": lambda stage: stage.campaign("start", "pause"),
    "release_campaign_canary": canary,
    "resend_campaign": finished,
    "approve_campaign": awaiting_approval,
    "send_back_campaign": awaiting_approval,
    **dict.fromkeys(
        (
            "get_campaign",
            "edit_campaign",
            "list_campaign_versions",
            "preview_campaign",
            "test_campaign",
            "start_campaign",
        ),
        lambda stage: stage.campaign(),
    ),
}


@pytest.fixture
def approval(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Campaigns need another manager's word, for the calls that give it or do not."""
    if request.node.callspec.params["operation"] in ("approve_campaign", "send_back_campaign"):
        monkeypatch.setenv("VESTNIK_CAMPAIGN_APPROVAL", "true")
    settings.cache_clear()
    wiring_campaign_desk.campaign_control.cache_clear()
    yield
    settings.cache_clear()
    wiring_campaign_desk.campaign_control.cache_clear()


@pytest.mark.parametrize("operation", CALLS)
def test_the_example_of_every_call_works(api: Gateway, desk: Desk, approval: None, operation: str) -> None:  # noqa: F811
    stage = Stage(api, desk)
    prepare = PREPARED.get(operation)

    stage.run(operation, prepare(stage) if prepare else {})


def test_nothing_is_prepared_for_a_call_that_is_gone() -> None:
    assert set(PREPARED) <= set(CALLS)
