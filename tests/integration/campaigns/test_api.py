"""Campaigns over the API: what is answered, what is refused and how."""

from typing import Any

import pytest

from chalicelib.stage.app import Stage
from chalicelib.storage.rows.campaigns import ListRow
from chalicelib.storage.rows.people import PreferencesRow
from tests.integration.api.gateway import Gateway, Reply, gateway
from tests.integration.campaigns.conftest import Desk, PostOffice, StandingClock, Viewers
from tests.processes import compose

PROMO: dict[str, Any] = {
    "name": "November",
    "template": "promo",
    "audience": {"everyone": True},
    "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
    "rate_per_second": 1000,
    "publish_per_second": 1000,
}


@pytest.fixture
def api(clock: StandingClock) -> Gateway:
    """The API, called by a manager who may do everything."""
    return gateway()


def refused_fields(answer: Reply) -> set[str]:
    assert answer.status == 422, answer.text
    return set(answer.bad_fields)


def test_a_campaign_is_written_started_and_watched(
    api: Gateway, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(5)
    made = api.call("POST", "/v1/campaigns", PROMO)
    assert (made.status, made.body["state"]) == (201, "draft")
    path = f"/v1/campaigns/{made.body['id']}"

    assert api.call("POST", f"{path}/start").body["state"] == "running"
    desk.finish()

    seen = api.call("GET", path).body
    assert seen["state"] == "completed"
    assert seen["progress"]["targeted"] == seen["progress"]["sent"] == 5
    assert [run["outcome"] for run in seen["runs"]] == ["completed"]
    assert [event["event"] for event in seen["timeline"]] == ["draft", "scheduled"]
    assert [one["id"] for one in api.call("GET", "/v1/campaigns").body["campaigns"]] == [made.body["id"]]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"template": "no-such"}, "template"),
        ({"context": {}}, "context.headline"),
        ({"start_at": "2020-01-01T00:00:00Z"}, "start_at"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"rate_per_second": 0}, "rate_per_second"),
        ({"publish_per_second": 0}, "publish_per_second"),
        ({"audience": {"list_id": "no-such"}}, "audience.list_id"),
        ({"audience": {"everyone": True, "exclude_campaigns": ["no-such"]}}, "audience.exclude_campaigns[0]"),
        ({"category": "no-such"}, "category"),
        ({"channels": ["pigeon"]}, "channels[0]"),
        ({"content": {"url": "https://films.example", "name": "films"}}, "content.name"),
        ({"timezone": "recipient"}, "timezone"),
        ({"schedule": {"cron": "61 * * * *"}}, "schedule.cron"),
        ({"schedule": {"every": "week", "on": "someday", "at": "18:00"}}, "schedule.on"),
        ({"schedule": {"every": "week", "at": "18:00"}}, "schedule.on"),
        ({"schedule": {"every": "month", "on": [1, "friday"], "at": "18:00"}}, "schedule.on"),
        ({"schedule": {"every": "day", "at": "24:00"}}, "schedule.at"),
        ({"schedule": {"every": "day"}}, "schedule.at"),
    ],
)
def test_a_mistake_is_named_by_its_field_and_nothing_is_kept(
    api: Gateway, desk: Desk, change: dict[str, Any], field: str
) -> None:
    assert field in refused_fields(api.call("POST", "/v1/campaigns", {**PROMO, **change}))

    assert api.call("GET", "/v1/campaigns").body["campaigns"] == []


def test_a_campaign_to_nobody_is_not_started(api: Gateway, desk: Desk, viewers: Viewers) -> None:
    viewers(2)
    nobody = {"rule": {"attribute": "locale", "op": "equals", "value": "fr"}}
    made = api.call("POST", "/v1/campaigns", {**PROMO, "audience": nobody}).body

    assert refused_fields(api.call("POST", f"/v1/campaigns/{made['id']}/start")) == {"audience"}

    assert desk.head(made["id"]).state == "draft"


def test_a_start_that_has_passed_while_the_draft_waited_is_refused(
    api: Gateway, desk: Desk, viewers: Viewers, clock: StandingClock
) -> None:
    viewers(1)
    made = api.call("POST", "/v1/campaigns", {**PROMO, "start_at": "2026-03-02T11:00:00Z"}).body
    clock.pass_(hours=2)

    assert refused_fields(api.call("POST", f"/v1/campaigns/{made['id']}/start")) == {"start_at"}


def test_a_preview_counts_who_is_left_out_and_why(api: Gateway, desk: Desk, viewers: Viewers) -> None:
    viewers(10, lambda n: {"email": None} if n == 0 else {})
    Stage.own().suppressions.add("email", "u-00001@example.com", reason="bounce")
    PreferencesRow("u-00002", preferences={"everything": False}, updated_at="2026-01-01T00:00:00.000000Z").save()
    schedule = {"every": "week", "on": "friday", "at": "18:00"}
    body = {**PROMO, "schedule": schedule, "timezone": "Europe/Moscow", "rate_per_second": 2}
    made = api.call("POST", "/v1/campaigns", body).body

    seen = api.call("POST", f"/v1/campaigns/{made['id']}/preview").body

    counts = {name: seen[name] for name in ("recipients", "no_address", "opted_out", "suppressed", "final")}
    assert counts == {"recipients": 10, "no_address": 1, "opted_out": 1, "suppressed": 1, "final": 7}
    assert seen["eta_seconds"] == 4
    assert len(seen["sample"]) == 5
    assert [at[:16] for at in seen["next_runs"]] == [
        f"2026-{day}T15:00" for day in ("03-06", "03-13", "03-20", "03-27", "04-03")
    ]
    assert seen["cursor"] is None


def test_a_preview_counts_the_values_that_its_rule_cannot_read(api: Gateway, desk: Desk, viewers: Viewers) -> None:
    """Promise E5: a birthday in another form is counted, and told by its shape."""
    viewers(5, lambda n: {"attributes": {"birthday": "1990-11-28" if n else "28.11.1990"}})
    rule = {"attribute": "birthday", "op": "anniversary"}
    made = api.call("POST", "/v1/campaigns", {**PROMO, "audience": {"rule": rule}}).body

    seen = api.call("POST", f"/v1/campaigns/{made['id']}/preview").body

    assert seen["unread"] == [{"attribute": "birthday", "people": 1, "example": "00.00.0000"}]


def test_a_preview_leaves_out_only_whom_no_channel_reaches(api: Gateway, desk: Desk, viewers: Viewers) -> None:
    viewers(4, lambda n: {"email": None} if n == 0 else {})
    by_mail_only = {"marketing": {"email": False}}
    PreferencesRow("u-00001", preferences={"categories": by_mail_only}, updated_at="2026-01-01T00:00:00Z").save()
    neither = {"marketing": {"email": False, "live": False}}
    PreferencesRow("u-00002", preferences={"categories": neither}, updated_at="2026-01-01T00:00:00Z").save()
    made = api.call("POST", "/v1/campaigns", {**PROMO, "channels": ["email", "live"]}).body

    seen = api.call("POST", f"/v1/campaigns/{made['id']}/preview").body

    counts = {name: seen[name] for name in ("recipients", "no_address", "opted_out", "final")}
    assert counts == {"recipients": 4, "no_address": 0, "opted_out": 1, "final": 3}


def test_an_edit_makes_a_version_and_the_history_keeps_both(api: Gateway, desk: Desk, viewers: Viewers) -> None:
    made = api.call("POST", "/v1/campaigns", PROMO).body
    path = f"/v1/campaigns/{made['id']}"

    edited = api.call("PATCH", path, {"name": "December"}).body

    assert (edited["name"], edited["version"]) == ("December", 2)
    versions = api.call("GET", f"{path}/versions").body["versions"]
    assert [one["campaign"]["name"] for one in versions] == ["November", "December"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"template": None}, "template"),
        ({"audience": None}, "audience"),
        ({"template": "x" * 65}, "template"),
        ({"channels": []}, "channels"),
        ({"rate_per_second": 0}, "rate_per_second"),
        ({"timezone": "recipient"}, "timezone"),
    ],
)
def test_a_mistake_in_an_edit_is_named_by_its_field_and_changes_nothing(
    api: Gateway, desk: Desk, change: dict[str, Any], field: str
) -> None:
    made = api.call("POST", "/v1/campaigns", PROMO).body

    assert refused_fields(api.call("PATCH", f"/v1/campaigns/{made['id']}", change)) == {field}

    assert api.call("GET", f"/v1/campaigns/{made['id']}").body["version"] == 1


def test_a_periodic_campaign_whose_start_has_passed_can_still_be_edited(
    api: Gateway, desk: Desk, viewers: Viewers, clock: StandingClock
) -> None:
    viewers(1)
    weekly = {"schedule": {"every": "week", "on": "friday", "at": "18:00"}, "start_at": "2026-03-03T00:00:00Z"}
    made = api.call("POST", "/v1/campaigns", {**PROMO, **weekly}).body
    path = f"/v1/campaigns/{made['id']}"
    assert api.call("POST", f"{path}/start").body["state"] == "scheduled"
    clock.pass_(days=2)

    assert api.call("PATCH", path, {"name": "December"}).body["name"] == "December"
    assert refused_fields(api.call("PATCH", path, {"start_at": "2026-03-04T00:00:00Z"})) == {"start_at"}


def test_only_the_pace_of_a_running_campaign_can_be_changed(api: Gateway, desk: Desk, viewers: Viewers) -> None:
    viewers(3)
    made = api.call("POST", "/v1/campaigns", PROMO).body
    path = f"/v1/campaigns/{made['id']}"
    api.call("POST", f"{path}/start")

    assert api.call("PATCH", path, {"name": "Other"}).status == 409
    assert api.call("PATCH", path, {"rate_per_second": 7}).body["rate_per_second"] == 7


def test_a_test_letter_goes_to_oneself_alone(api: Gateway, desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    viewers(3)
    made = api.call("POST", "/v1/campaigns", PROMO).body

    answer = api.call("POST", f"/v1/campaigns/{made['id']}/test", {"recipients": [{"email": "me@cinema.example"}]})
    desk.finish()

    assert answer.status == 202
    assert office.addresses == ["me@cinema.example"]


@pytest.mark.parametrize("verb", ["pause", "resume", "approve", "send-back", "canary/release", "resend"])
def test_a_draft_refuses_what_its_state_forbids(api: Gateway, desk: Desk, verb: str) -> None:
    made = api.call("POST", "/v1/campaigns", PROMO)
    seen = {"if-match": made.headers["etag"]} if verb == "approve" else {}
    body = {"comment": "No"} if verb == "send-back" else None

    assert api.call("POST", f"/v1/campaigns/{made.body['id']}/{verb}", body, headers=seen).status in (404, 409)


@pytest.mark.parametrize(
    ("before", "verb"),
    [
        ([], "start"),
        (["start"], "pause"),
        (["start", "pause"], "resume"),
        (["start"], "cancel"),
    ],
)
def test_asking_for_what_has_happened_is_success(
    api: Gateway, desk: Desk, viewers: Viewers, before: list[str], verb: str
) -> None:
    """Promise B4: reaching the state that one is in is success, and changes nothing more."""
    viewers(2)
    made = api.call("POST", "/v1/campaigns", {**PROMO, "schedule": {"every": "day", "at": "18:00"}}).body
    for step in before:
        api.call("POST", f"/v1/campaigns/{made['id']}/{step}")

    first, again = (api.call("POST", f"/v1/campaigns/{made['id']}/{verb}") for _ in range(2))

    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body


def test_a_resend_and_a_release_asked_for_twice_are_one(
    api: Gateway, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(4)
    made = api.call("POST", "/v1/campaigns", {**PROMO, "audience": {"everyone": True}, "canary_percent": 50}).body
    path = f"/v1/campaigns/{made['id']}"
    api.call("POST", f"{path}/start")
    desk.finish()
    assert [api.call("POST", f"{path}/canary/release").status for _ in range(2)] == [200, 200]
    desk.finish()
    assert api.call("POST", f"{path}/canary/release").status == 200
    assert len(office.letters) == 4

    assert [api.call("POST", f"{path}/resend").status for _ in range(2)] == [200, 200]
    assert len(desk.runs(made["id"])) == 2


def test_nobody_approves_by_the_api_what_they_have_not_seen(
    api: Gateway, desk: Desk, viewers: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise B2: an approval names what was seen, and what has changed since is told in words."""
    monkeypatch.setenv("VESTNIK_CAMPAIGN_APPROVAL", "true")
    compose()
    viewers(2)
    path = f"/v1/campaigns/{api.call('POST', '/v1/campaigns', PROMO).body['id']}"
    asked = api.call("POST", f"{path}/start")
    editor, approver = gateway(), gateway(service="approval")

    for header in ({}, {"if-match": "*"}, {"if-match": asked.headers["etag"].strip('"')}):
        assert approver.call("POST", f"{path}/approve", headers=header).bad_fields == ["If-Match"]
    editor.patch(path, {"rate_per_second": 9})
    refused = approver.call("POST", f"{path}/approve", headers={"if-match": asked.headers["etag"]})

    assert (refused.status, refused.body["errors"]) == (
        412,
        [{"field": "rate_per_second", "message": "was 1000, is 9"}],
    )
    approved = approver.call("POST", f"{path}/approve", headers={"if-match": refused.body["etag"]})
    assert (approved.status, approved.body["state"]) == (200, "running")


def test_a_list_is_deleted_with_its_rows_once_no_campaign_needs_it(api: Gateway, desk: Desk) -> None:
    list_id = desk.load_list(b"email\nguest-1@example.com\nguest-2@example.com\n")
    path = f"/v1/lists/{list_id}"
    made = api.call("POST", "/v1/campaigns", {**PROMO, "audience": {"list_id": list_id}}).body

    assert api.call("DELETE", path).status == 409
    assert Stage.own().lists.block(list_id, 0) is not None
    api.call("POST", f"/v1/campaigns/{made['id']}/cancel")
    assert api.call("DELETE", path).status == 204

    assert (api.call("GET", path).status, api.call("DELETE", path).status) == (404, 204)
    assert list(ListRow.scan()) == []
