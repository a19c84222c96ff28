"""Segments on the managers' pages, and audiences that are chosen there: by conditions, segments and lists."""

from typing import Any

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.campaigns.audience_rules import Rule
from chalicelib.profiles.model import User
from chalicelib.schemas import recalled
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor, signed_in
from tests.integration.admin.stocked import make_campaign
from tests.integration.admin.test_pages import form_in

RUSSIAN: dict[str, Any] = {"rule.attribute": ["locale"], "rule.op": ["equals"], "rule.value": ["ru"]}
PROMO: dict[str, Any] = {
    "template": "promo",
    "name": "Half price",
    "when": "start",
    "rate_per_second": "50",
    "var_headline": "Tonight",
    "var_text": "Half price",
    "var_url": "https://cinema.example/p",
}


@pytest.fixture
def people(stage: None) -> None:
    cities = ("Москва", "Москва", "Казань", "Казань", "Тверь")
    users = [
        {
            "id": f"u-{n}",
            "email": f"u{n}@viewers.example",
            "name": f"Viewer {n}",
            "locale": "ru" if n < 3 else "en",
            "attributes": {"city": city, "films": n, "birthday": f"1990-11-{n + 10}", "gold": n % 2 == 0},
        }
        for n, city in enumerate(cities)
    ]
    Stage.own().directory.put_many([User.model_validate(one) for one in users])


def _made(boss: Visitor, **form: Any) -> str:
    seen = boss.post("/admin/segments/new", **{"name": "Russians", **RUSSIAN, **form})
    assert seen.said == "saved", seen.text
    return Stage.own().segments.page(limit=1, cursor=None)[0][0].id


def test_a_segment_is_written_changed_and_deleted(boss: Visitor, people: None) -> None:
    made = _made(boss, note="For spring")
    listed = boss.get("/admin/segments").text
    assert "language is Russian" in listed
    assert "For spring" in listed
    page = boss.get(f"/admin/segments/{made}")
    assert form_in(page)["rule.value"] == ["ru"]
    changed = {**form_in(page), "rule.value": ["en"]}
    assert boss.post(f"/admin/segments/{made}", **changed).said == "saved"
    assert recalled(Rule, Stage.own().segments.get(made).rule).value == "en"
    late = boss.post(f"/admin/segments/{made}", **{**form_in(page), "rule.value": ["de"]})
    assert late.status == 412
    assert boss.post(f"/admin/segments/{made}/delete").said == "segment_deleted"
    assert boss.get(f"/admin/segments/{made}").status == 404


def test_a_segment_that_is_used_says_by_which_campaign(boss: Visitor, people: None) -> None:
    made = _made(boss)
    used = boss.post("/admin/campaigns/new", **PROMO, audience="list", segments=[made])
    assert used.said == "saved", used.text
    refused = boss.post(f"/admin/segments/{made}/delete")
    assert refused.status == 409
    assert "the campaign Half price uses this segment" in refused.text
    assert signed_in("olga", Role.VIEWER).post(f"/admin/segments/{made}/delete").status == 403


def test_mistakes_stand_at_their_conditions(boss: Visitor, people: None) -> None:
    rows: dict[str, Any] = {
        "rule.attribute": ["locale", "films", "@campaign"],
        "rule.op": ["in", "got_letter", "got_campaign"],
        "rule.value": ["", "3", "7"],
        "rule.of": ["", "", "Nothing"],
    }
    seen = boss.post("/admin/segments/new", name="Wrong", **rows)
    assert seen.status == 422
    for n, said in enumerate(("expected a value", "choose a comparison that fits", "choose one of the campaigns"), 1):
        assert f'<span class="mistake" id="m-row{n}">{said}</span>' in seen.text
    assert form_in(seen)["rule.attribute"] == rows["rule.attribute"]
    assert form_in(seen)["rule.of"] == rows["rule.of"]
    assert Stage.own().segments.page(limit=1, cursor=None)[0] == []
    long = boss.post("/admin/segments/new", name="Long", **{**RUSSIAN, "rule.op": ["in"], "rule.value": ["ж" * 4000]})
    assert "upload a list instead" in long.text


def test_conditions_are_added_and_removed_without_losing_any(boss: Visitor, people: None) -> None:
    def press(form: dict[str, Any], change: str) -> dict[str, Any]:
        seen = boss.post("/admin/segments/count", **{**form, "change": change})
        assert seen.status == 200, seen.text
        return form_in(seen)

    form: dict[str, Any] = {"name": "Typed", **RUSSIAN}
    form = press(form, "add")
    assert form["rule.attribute"] == ["locale", ""]
    form = press({**form, "rule.attribute": ["locale", "birthday"]}, "fields")
    assert form["rule.op"] == ["equals", "within_days"] or form["rule.op"] == ["equals", "equals"]
    form = press(form, "group")
    assert form["rule.group"] == ["", "", "A", "A"]
    form["rule.attribute"][2:] = ["city", "city"]
    form["rule.value"][2:] = ["Москва", "Тверь"]
    form = press(form, "add:A")
    assert form["rule.group"] == ["", "", "A", "A", "A"]
    form = press(form, "drop:2")
    assert form["rule.value"] == ["ru", "Москва", "Тверь", ""]
    assert form["name"] == ["Typed"]
    assert boss.post("/admin/segments/new", **form).said == "saved"
    rule = Stage.own().segments.page(limit=1, cursor=None)[0][0].rule
    assert rule["all"][1]["any"][1] == {"attribute": "city", "op": "equals", "value": "Тверь"}


def test_the_form_offers_what_profiles_have(boss: Visitor, people: None) -> None:
    assert "city" not in form_in(boss.get("/admin/segments/new")).get("rule.attribute", [])
    assert '<option value="city">' not in boss.get("/admin/segments/new").text
    assert "People: 3" in boss.post("/admin/segments/count", **RUSSIAN).text  # a look learns
    names = ["city", "films", "birthday", "gold"]
    fields: dict[str, Any] = {"rule.attribute": names, "rule.op": ["equals"] * 4, "rule.value": [""] * 4}
    learnt = boss.post("/admin/segments/count", change="fields", **fields).text
    assert '<option value="Москва">' in learnt
    assert '<option value="Тверь">' not in learnt  # one person's alone
    for kind in ('type="number" step="any"', 'type="number" step="1" min="1"', '<option value="true">yes</option>'):
        assert kind in learnt
    assert "u0@viewers.example" not in learnt


def test_a_campaign_is_asked_about_by_its_name(boss: Visitor, people: None) -> None:
    campaign = make_campaign(1)
    asked: dict[str, Any] = {"rule.attribute": ["@campaign"], "rule.op": ["!opened_campaign"], "rule.value": ["7"]}
    made = _made(boss, **asked, **{"rule.of": ["Campaign 1"]})
    assert Stage.own().segments.get(made).rule == {"not": {"attribute": campaign, "op": "opened_campaign", "value": 7}}
    assert "has not opened “Campaign 1” in the last 7 days" in boss.get("/admin/segments").text
    again = form_in(boss.get(f"/admin/segments/{made}"))
    assert again["rule.of"][0].startswith("Campaign 1 · 20")
    assert boss.post(f"/admin/segments/{made}", **again).said == "saved"
    assert Stage.own().segments.get(made).version == 1  # nothing has changed


def test_what_is_not_chosen_is_ignored_and_kept(boss: Visitor, people: None) -> None:
    """Conditions that are written and not chosen are no mistake."""
    segment = _made(boss)
    both = {**PROMO, **RUSSIAN, "segments": [segment], "exclude_segments": [segment]}
    counted = boss.post("/admin/campaigns/count", **both, audience="everyone")
    assert "People: 2" in counted.text
    assert form_in(counted)["rule.value"] == ["ru"]
    assert form_in(counted)["segments"] == [segment]
    seen = boss.post("/admin/campaigns/new", **both, audience="everyone")
    assert seen.said == "saved", seen.text
    spec = Stage.own().campaigns.get(seen.place.split("/")[3]).spec
    assert spec["audience"] == {"everyone": True, "exclude_segments": [segment]}
    check = boss.get(seen.place).text
    assert "Everybody" in check
    assert "Without: segments “Russians”" in check
    page = boss.get(seen.place.removesuffix("/check")).text
    assert "Without: segments “Russians”" in page
    nothing = boss.post("/admin/campaigns/new", **PROMO, audience="list")
    assert nothing.status == 422
    assert "expected at least one segment or list" in nothing.text
