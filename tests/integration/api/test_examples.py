"""Every call's example in `/openapi.json`, which is also in docs/api.md, works as it stands: on a stage that has what
it names, it is answered by the status that the contract promises for success."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from chalicelib.api.openapi import document
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.links import LinkRow
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.campaigns.conftest import Desk, clock, desk, office  # noqa: F401 - fixtures
from tests.integration.control import mappings
from tests.integration.control.test_dead_letters import waiting
from tests.processes import compose
from tools.api_docs import example_body, example_path, example_query, needed_headers

CONTRACT = document("")
CALLS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in CONTRACT["paths"].items()
    for method, operation in methods.items()
}


class Site:
    """What an example may name: the user u-1042, and whatever a call makes and gives an id of its own to."""

    def __init__(self, api: Gateway, campaigns: Desk) -> None:
        self.api = api
        self.campaigns = campaigns
        self.run("put_user")

    def run(self, operation: str, given: Mapping[str, str] | None = None, **changes: Any) -> Any:
        """Calls an operation by its example, `given` in place of its values in path and query; the answer's body."""
        method, path, described = CALLS[operation]
        route, body = example_path(path, described, given), example_body(described)
        body = {**body, **changes} if changes else body
        seen = {name: self.api.get(route.rpartition("/")[0]).headers["etag"] for name in needed_headers(described)}
        query = {name: (given or {}).get(name, value) for name, value in example_query(described).items()}
        reply = self.api.call(method, route, body, query=query, headers=seen)
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


Prepare = Callable[[Site], Mapping[str, str]]


def notification(site: Site) -> dict[str, str]:
    return {"id": site.run("send_notifications")["notifications"][0]["id"]}


def link(site: Site) -> dict[str, str]:
    site.run("tell_event")
    site.campaigns.pump.run()
    [row] = LinkRow.scan()
    return {"code": row.code}


def endpoint(site: Site) -> dict[str, str]:
    return {"endpoint_id": site.run("add_endpoint")["id"]}


def suppressed(site: Site) -> dict[str, str]:
    site.run("add_suppression")
    return {}


def uncertain(site: Site) -> dict[str, str]:
    [key] = waiting(site.campaigns.pump, 1)
    return {"delivery_id": key.id}


def deployed(_: Site) -> dict[str, str]:
    mappings.deploy()
    return {}


def uploaded(site: Site) -> dict[str, str]:
    """A list whose file is there, with the columns that the example of its loading names."""
    made = {"id": str(site.run("create_list")["id"])}
    Stage.own().uploads.put(made["id"], b"Contact;City;Notes\nanna@example.com;Omsk;vip\n")
    return made


def segment(site: Site) -> dict[str, str]:
    return {"id": site.run("create_segment")["id"]}


def picture(site: Site) -> dict[str, str]:
    return {"id": site.run("add_media")["id"]}


def draft(site: Site) -> dict[str, str]:
    return site.campaign()


def two_campaigns(site: Site) -> dict[str, str]:
    return {"ids": ",".join(site.campaign()["id"] for _ in range(2))}


def canary(site: Site) -> dict[str, str]:
    site.run("put_user", {"id": "u-1043"}, locale="en", email="boris@example.com")
    made = site.campaign(canary_percent=50)
    site.run("start_campaign", made)
    site.campaigns.finish()
    return made


def with_experiment(site: Site) -> dict[str, str]:
    site.run("put_user", {"id": "u-1043"}, locale="en", email="boris@example.com")
    made = site.campaign(experiment={"variants": [{}, {"subject": "Popcorn or nachos?"}]})
    site.run("start_campaign", made)
    site.campaigns.finish()
    return made


def finished(site: Site) -> dict[str, str]:
    site.run("put_user", {"id": "u-1043"}, locale="en", email=None)
    made = site.campaign("start")
    site.campaigns.finish()
    return made


def a_run(site: Site) -> dict[str, str]:
    made = finished(site)
    return {**made, "run": site.run("get_campaign", made)["runs"][0]["id"]}


def an_export(site: Site) -> dict[str, str]:
    of = a_run(site)
    return {**of, "export": site.run("create_run_export", of)["id"]}


def awaiting_approval(site: Site) -> dict[str, str]:
    own = site.api
    site.api = gateway(service="approval")  # whoever wrote it, by whatever key of theirs, may not approve it
    made = site.campaign("start")
    site.api = own
    return made


PREPARED: dict[str, Prepare] = {
    "get_notification": notification,
    "cancel_notification": notification,
    "get_link": link,
    "revoke_link": link,
    "campaign_results": finished,
    "get_suppression": suppressed,
    "remove_suppression": suppressed,
    "decide_attention": uncertain,
    "change_consumer": deployed,
    "get_consumer": deployed,
    **dict.fromkeys(("get_endpoint", "switch_endpoint", "delete_endpoint", "list_deliveries"), endpoint),
    **dict.fromkeys(("get_segment", "edit_segment", "delete_segment"), segment),
    **dict.fromkeys(("get_list", "preview_list", "load_list", "rename_list", "delete_list"), uploaded),
    **dict.fromkeys(("list_recipients", "list_refused_lines"), uploaded),
    **dict.fromkeys(("get_media", "describe_media", "delete_media"), picture),
    "compare_campaigns": two_campaigns,
    "pause_campaign": lambda site: site.campaign("start"),
    "cancel_campaign": lambda site: site.campaign("start"),
    "resume_campaign": lambda site: site.campaign("start", "pause"),
    "release_campaign_canary": canary,
    "get_experiment": with_experiment,
    "choose_experiment_winner": with_experiment,
    "resend_campaign": finished,
    **dict.fromkeys(("list_run_recipients", "create_run_export", "list_run_exports"), a_run),
    **dict.fromkeys(("get_run_export", "delete_run_export"), an_export),
    "approve_campaign": awaiting_approval,
    "send_back_campaign": awaiting_approval,
    **dict.fromkeys(
        (
            "get_campaign",
            "edit_campaign",
            "list_campaign_versions",
            "preview_campaign",
            "check_campaign_letter",
            "test_campaign",
            "start_campaign",
            "tag_campaign",
            "archive_campaign",
            "unarchive_campaign",
            "copy_campaign",
            "delete_campaign",
        ),
        lambda site: site.campaign(),
    ),
}


@pytest.fixture
def approval(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Campaigns need another manager's word, for the calls that give it or do not."""
    if request.node.callspec.params["operation"] in ("approve_campaign", "send_back_campaign"):
        monkeypatch.setenv("VESTNIK_CAMPAIGN_APPROVAL", "true")
    compose()


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.usefixtures("approval")
def test_the_example_of_every_call_works(api: Gateway, desk: Desk, operation: str) -> None:  # noqa: F811
    site = Site(api, desk)
    prepare = PREPARED.get(operation)

    site.run(operation, prepare(site) if prepare else {})


def test_nothing_is_prepared_for_a_call_that_is_gone() -> None:
    assert set(PREPARED) <= set(CALLS)
