"""What an A/B test may be, as the API takes it: every mistake at its field, and nothing stored."""

from typing import Any

import pytest

from chalicelib.accounts.api_keys import Scope
from chalicelib.stage.app import Stage
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.campaigns.conftest import CONTEXT, Desk, StandingClock, Viewers
from tests.processes import compose

B = {"subject": "Popcorn or nachos?"}
RU = {"headline": "Сегодня", "text": "За полцены"}


@pytest.fixture
def api(stage: None) -> Gateway:
    return gateway(service="desk")


def body(experiment: Any, **more: Any) -> dict[str, Any]:
    audience = {"audience": {"everyone": True}}
    return {"name": "Promo", "template": "promo", "context": CONTEXT, **audience, "experiment": experiment, **more}


def trial(*variants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"variants": [{}, *(variants or (B,))], **more}


REFUSED: list[tuple[dict[str, Any], str]] = [
    (body({"variants": [{}]}), "experiment.variants"),
    (body({"variants": [{"name": str(n)} for n in range(5)]}), "experiment.variants"),
    (body(trial(share_percent=0)), "experiment.share_percent"),
    (body(trial(share_percent=101)), "experiment.share_percent"),
    (body(trial(winner_by="luck")), "experiment.winner_by"),
    (body(trial(winner_by="opens")), "experiment.winner_by"),  # they are not measured here
    (body(trial(), track_clicks=False), "experiment.winner_by"),
    (body(trial(winner_by="hand", share_percent=100)), "experiment.share_percent"),
    (body(trial(decide_after_hours=0)), "experiment.decide_after_hours"),
    (body(trial(), expires_after_hours=4), "experiment.decide_after_hours"),
    (body(trial({"send_after_minutes": 600}), expires_after_hours=13), "experiment.decide_after_hours"),
    (body(trial(), canary_percent=5), "experiment"),
    (body(trial(), best_hour=True), "experiment"),
    (body(trial(), timezone="recipient", start_at="2026-06-01T10:00:00Z"), "experiment"),
    (body(trial({})), "experiment.variants[1]"),
    (body(trial({"name": "the same"})), "experiment.variants[1]"),
    (body(trial(B, B)), "experiment.variants[2]"),
    (body(trial({"colour": "red"})), "experiment.variants[1].colour"),
    (body(trial({"subject": " "})), "experiment.variants[1].subject"),
    (body(trial({"subject": "{{ user.name }}, hungry?"})), "experiment.variants[1].subject"),
    (body(trial({"subject": "x" * 201})), "experiment.variants[1].subject"),
    (body(trial({"subjects": {"ru": "Голодны?"}})), "experiment.variants[1].subject"),
    (body(trial({**B, "subjects": {"en": "x"}}), locale="en"), "experiment.variants[1].subjects.en"),
    (body(trial({**B, "subjects": {"fr": "x"}})), "experiment.variants[1].subjects.fr"),
    (body(trial(B), translations={"ru": RU}, locale="en"), "experiment.variants[1].subjects.ru"),
    (
        body(trial({"context": {"headline": "Nachos"}}), translations={"ru": RU}, locale="en"),
        "experiment.variants[1].translations.ru.headline",
    ),
    (body(trial({"context": {"headline": 5}})), "experiment.variants[1].context.headline"),
    (body(trial({"context": {"colour": "red"}})), "experiment.variants[1].context.colour"),
    (body(trial({"context": {"text": "{{ site.name }}"}})), "experiment.variants[1].context.text"),
    (body(trial({"translations": {"fr": {"text": "x"}}})), "experiment.variants[1].translations.fr"),
    (body(trial({"template": "no-such"})), "experiment.variants[1].template"),
    (body(trial({"template": "welcome"})), "experiment.variants[1].template"),
    (body(trial({"send_after_minutes": -1})), "experiment.variants[1].send_after_minutes"),
    (body(trial({"send_after_minutes": 10_081})), "experiment.variants[1].send_after_minutes"),
    (
        body(trial({"context": {"text": "x" * 70_000}}, {"context": {"text": "y" * 70_000}})),
        "experiment.variants",
    ),
]


@pytest.mark.parametrize(("asked", "field"), REFUSED, ids=[f"{n}-{field}" for n, (_, field) in enumerate(REFUSED)])
def test_a_mistake_is_told_at_its_field(api: Gateway, asked: dict[str, Any], field: str) -> None:
    answer = api.call("POST", "/v1/campaigns", asked)
    assert answer.status == 422, answer.body
    assert field in {one["field"] for one in answer.body["errors"]}, answer.body
    assert api.call("GET", "/v1/campaigns").body["campaigns"] == []


def test_a_mistake_of_the_campaign_itself_is_told_once(api: Gateway) -> None:
    answer = api.call("POST", "/v1/campaigns", body(trial(), context={**CONTEXT, "url": "no address"}))
    assert {one["field"] for one in answer.body["errors"]} == {"context.url"}


def test_openings_decide_where_they_are_measured(api: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VESTNIK_TRACKING_DOMAIN", "go.cinema.example")
    compose()
    assert api.call("POST", "/v1/campaigns", body(trial(winner_by="opens"))).status == 201


def test_a_test_is_written_changed_and_taken_away(api: Gateway) -> None:
    made = api.call("POST", "/v1/campaigns", body(trial())).body
    path = f"/v1/campaigns/{made['id']}"
    assert made["experiment"]["variants"][1]["subject"] == B["subject"]
    standing = api.call("GET", f"{path}/experiment").body
    assert (standing["run"], standing["winner"], standing["comparison"], standing["waits"]) == (None, None, None, False)
    assert [one["variant"] for one in standing["variants"]] == ["A", "B"]

    more = api.call("PATCH", path, {"experiment": trial(B, {"context": {"headline": "Nachos"}})}).body
    assert len(more["experiment"]["variants"]) == 3
    assert api.call("PATCH", path, {"experiment": {"variants": [{}]}}).status == 422
    assert api.call("PATCH", path, {"experiment": None}).body["experiment"] is None
    assert api.call("GET", f"{path}/experiment").status == 404
    assert api.call("POST", f"{path}/experiment/winner", {"variant": "A"}).status == 409


def test_a_winner_is_chosen_by_whoever_sees_the_campaign(desk: Desk, viewers: Viewers, clock: StandingClock) -> None:
    viewers(40)
    api, other = gateway(service="desk"), gateway(Scope.CAMPAIGNS_READ, Scope.CAMPAIGNS_WRITE, service="other")
    made = api.call("POST", "/v1/campaigns", body(trial(winner_by="hand"))).body
    path = f"/v1/campaigns/{made['id']}"
    assert api.call("POST", f"{path}/start").status == 200
    desk.finish()

    run = api.call("GET", path).body["runs"][0]
    assert (run["waits_for"], run["winner"]) == ("winner", None)
    assert 0 < run["first"] < 40
    assert run["held"] == 40 - run["first"]
    standing = api.call("GET", f"{path}/experiment").body
    assert (standing["waits"], standing["waits_for_a_person"], standing["decides_at"]) == (True, True, None)
    assert sum(one["sent"] for one in standing["variants"]) == run["first"]
    assert standing["comparison"]["clicks"]["verdict"] == "none"

    assert other.call("GET", f"{path}/experiment").status == 404
    assert other.call("POST", f"{path}/experiment/winner", {"variant": "B"}).status == 404
    assert api.call("POST", f"{path}/experiment/winner", {"variant": "C"}).status == 404
    assert api.call("POST", f"{path}/experiment/winner", {"variant": "E"}).status == 422
    for _ in range(2):
        chosen = api.call("POST", f"{path}/experiment/winner", {"variant": "B"})
        assert (chosen.status, chosen.body["runs"][0]["winner"]) == (200, "B")
    assert api.call("POST", f"{path}/experiment/winner", {"variant": "A"}).status == 409
    desk.finish()
    assert api.call("GET", path).body["state"] == "completed"
    standing = api.call("GET", f"{path}/experiment").body
    assert (standing["winner"], standing["waits"], standing["sure"]) == ("B", False, False)


def test_when_it_will_be_decided_is_told(desk: Desk, viewers: Viewers, clock: StandingClock) -> None:
    viewers(20)
    api = gateway(service="desk")
    made = api.call("POST", "/v1/campaigns", body(trial(decide_after_hours=3))).body
    assert api.call("POST", f"/v1/campaigns/{made['id']}/start").status == 200
    desk.finish()
    standing = api.call("GET", f"/v1/campaigns/{made['id']}/experiment").body
    assert standing["decides_at"].startswith("2026-03-02T13:00:0")
    assert api.call("GET", f"/v1/campaigns/{made['id']}").body["runs"][0]["waits_for"] is None


def test_a_test_letter_is_of_a_variant(desk: Desk, viewers: Viewers, office: Any) -> None:
    viewers(1)
    api = gateway(service="desk")
    made = api.call("POST", "/v1/campaigns", body(trial({**B, "context": {"headline": "Nachos"}}))).body
    path = f"/v1/campaigns/{made['id']}/test"
    for variant in (None, "A", "B"):
        asked = {"recipients": [{"email": "editor@cinema.example", "locale": "en"}], "variant": variant}
        assert api.call("POST", path, asked).status == 202
    assert api.call("POST", path, {**asked, "variant": "C"}).status == 404
    desk.pump.run()
    assert ["Nachos" in one.parts["html"] for one in office.letters] == [False, False, True]
    assert [one.parts["subject"] == B["subject"] for one in office.letters] == [False, False, True]


def test_an_approval_is_of_all_variants(desk: Desk, viewers: Viewers, monkeypatch: pytest.MonkeyPatch) -> None:
    viewers(20)
    monkeypatch.setenv("VESTNIK_CAMPAIGN_APPROVAL", "true")
    compose()
    promo = Stage.own().templates.get("promo")
    Stage.own().templates.add(promo.model_copy(update={"key": "rival"}), by="test")
    writer, boss = gateway(service="desk"), gateway(service="boss")
    made = writer.call("POST", "/v1/campaigns", body(trial({"template": "rival", "subject": "Rival"}))).body
    path = f"/v1/campaigns/{made['id']}"
    tag = writer.call("POST", f"{path}/start").body["tag"]
    Stage.own().templates.add(promo.model_copy(update={"key": "rival", "title": "Another"}), by="test")
    refused = boss.call("POST", f"{path}/approve", headers={"If-Match": f'"{tag}"'})
    assert refused.status == 412
    assert "variant_templates.rival" in {one["field"] for one in refused.body["errors"]}
