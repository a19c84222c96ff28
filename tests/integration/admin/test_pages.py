"""What managers do on their pages, and the result."""

import json
import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import boto3
import pytest

from chalicelib import errors
from chalicelib.accounts.api_keys import ApiKeys, Scope, create_key
from chalicelib.accounts.audit import DONE, FAILED, READ, UNKNOWN, UNREADABLE, outcome_of
from chalicelib.accounts.managers import Role
from chalicelib.admin import templating as look
from chalicelib.admin.audit_entries import OPEN
from chalicelib.admin.sign_in import SIGN_IN
from chalicelib.admin.views import REGISTERED
from chalicelib.api.audit_policy import SAME
from chalicelib.api.declarations import ENDPOINTS
from chalicelib.campaigns.model import spec_of
from chalicelib.clock import now
from chalicelib.configuration.setting_shapes import EventRule, default_rules
from chalicelib.errors import NotFoundError, RefusedError, UnauthorizedError, VestnikError
from chalicelib.flow.throttle import MOST_IN_A_ROW
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import User, UserBody
from chalicelib.rendering.shipped import shipped_folder
from chalicelib.settings import settings
from chalicelib.stage.app import Stage
from chalicelib.storage.api_keys import service_names
from chalicelib.storage.rows.accounts import LISTED, ManagerRow
from chalicelib.storage.rows.configuration import TemplateRow
from tests.browser.pages import FRAMES, PAGES
from tests.integration.admin.conftest import Seen, Visitor
from tests.integration.admin.stocked import CODE, Stock
from tests.integration.api.gateway import gateway
from tests.integration.conftest import Pump
from tests.integration.control.requests_made import Requests
from tests.processes import compose

PROMO: dict[str, Any] = {
    "template": "promo",
    "name": "Half price",
    "var_headline": "Half price in November",
    "var_text": "All films.",
    "var_url": "https://cinema.example/p",
    "audience": "everyone",
    "when": "start",
    "rate_per_second": "50",
}


@pytest.fixture
def viewers(stage: None) -> None:
    """Two users of the cinema."""
    for user_id, locale in (("anna", "ru"), ("carol", "en")):
        body = UserBody(email=f"{user_id}@viewers.example", name=user_id.title(), locale=locale)
        Stage.own().directory.put(user_id, body)


def written(visitor: Visitor, **changes: Any) -> str:
    """The id of a campaign written on the page."""
    seen = visitor.post("/admin/campaigns/new", **{**PROMO, **changes})
    assert seen.status == 303, seen.text
    return seen.place.split("/")[3]


def test_what_a_mailing_is_for_is_told_on_its_page_and_in_the_list(boss: Visitor) -> None:
    campaign = written(boss, note="For the <premiere>")
    assert Stage.own().campaigns.get(campaign).spec["note"] == "For the <premiere>"
    boss.cookies["__Host-vestnik_language"] = "en"
    page, listed = boss.get(f"/admin/campaigns/{campaign}").text, boss.get("/admin/campaigns").text
    assert "<dt>What this mailing is for</dt><dd>For the &lt;premiere&gt;</dd>" in page
    assert "For the &lt;premiere&gt;" in listed


def test_every_page_is_shown_in_both_languages(boss: Visitor, stock: Stock) -> None:
    for path in stock.pages():
        for language, title in (("en", 'lang="en"'), ("ru", 'lang="ru"')):
            boss.cookies["__Host-vestnik_language"] = language
            seen = boss.get(path)
            assert seen.status == 200, (path, seen.text)
            assert title in seen.text or path.endswith("/letter")


def test_every_page_is_looked_at_in_the_browser() -> None:
    routes = {route.path for route in REGISTERED if route.method == "GET"}
    assert routes - set(FRAMES) == set(PAGES)


def test_what_managers_do_has_words_in_the_audit() -> None:
    """So has what services do, refused or not: pages and API share one list of words."""
    pages = {route.does or route.shows or OPEN for route in REGISTERED}
    calls = {SAME.get(one.operation, one.operation) for one in ENDPOINTS}
    assert pages | calls | {SIGN_IN} == set(look.words("en")["deeds"])


def test_every_outcome_has_words_in_the_audit() -> None:
    kinds: list[type[VestnikError]] = [VestnikError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    raised = [kind for kind in kinds if kind not in (VestnikError, RefusedError)]
    named = {outcome_of(kind) for kind in raised if kind.__module__ == errors.__name__}
    assert named | {DONE, READ, FAILED, UNKNOWN, UNREADABLE} == set(look.words("en")["audit"]["outcomes"])


def test_the_notifications_of_a_user_are_found_by_the_users_id(boss: Visitor, stock: Stock) -> None:
    found = boss.get("/admin/notifications?id=anna").text
    assert found.count('href="/admin/users/anna"') == 20
    assert "Older" in found
    assert "There is no such notification." in boss.get("/admin/notifications?id=nobody").text


def test_the_check_page_tells_of_mail_that_is_cut_off(boss: Visitor, viewers: None) -> None:
    campaign = written(boss)
    assert "E-mail is cut off" not in boss.get(f"/admin/campaigns/{campaign}/check").text
    Stage.own().consumers.throw("ses", opened=True, by="test", reason="a drill", ramp=True)
    assert "E-mail is cut off" in boss.get(f"/admin/campaigns/{campaign}/check").text


def test_a_large_audience_is_counted_after_the_page_is_shown(boss: Visitor, stage: None) -> None:
    Stage.own().directory.put_many([User(id=f"u{n}", email=f"u{n}@viewers.example") for n in range(130)])
    path = f"/admin/campaigns/{written(boss)}/check"
    boss.get(path)
    requests = Requests()
    first = boss.get(path).text
    assert requests.count() <= 9  # the line of the audit among them
    assert "<b>100</b>" in first
    assert "About 100+ letters" in first
    following = unescape(re.findall(r'href="([^"]+cursor=[^"]+)"', first)[0])
    whole = boss.get(following).text
    assert "<b>130</b>" in whole
    assert "Still counting" not in whole


def test_what_a_variable_means_is_said_in_the_language_of_the_page(boss: Visitor) -> None:
    for path in ("/admin/campaigns/new?template=promo", "/admin/templates/promo"):
        boss.cookies["__Host-vestnik_language"] = "en"
        assert "where the button leads" in boss.get(path).text
        boss.cookies["__Host-vestnik_language"] = "ru"
        seen = boss.get(path).text
        assert "куда ведёт кнопка" in seen
        assert "where the button leads" not in re.sub(r"<textarea.*?</textarea>", "", seen, flags=re.DOTALL)


def test_a_managers_own_words_about_a_variable_are_shown_as_they_are(boss: Visitor) -> None:
    form = form_in(boss.get("/admin/templates/promo"))
    variables = json.loads(form["variables"][0])
    variables["url"]["description"] = "the page of the month"
    assert boss.post("/admin/templates/promo", **(form | {"variables": json.dumps(variables)})).said == "saved"
    boss.cookies["__Host-vestnik_language"] = "ru"
    assert "the page of the month" in boss.get("/admin/campaigns/new?template=promo").text


def test_a_campaign_is_written_checked_and_started(boss: Visitor, viewers: None) -> None:
    campaign = written(
        boss, audience="rule", **{"rule.attribute": ["locale"], "rule.op": ["equals"], "rule.value": ["en"]}
    )
    check = boss.get(f"/admin/campaigns/{campaign}/check")
    assert "Carol" in check.text
    assert "Anna" not in check.text
    assert boss.post(f"/admin/campaigns/{campaign}/start").said == "started"
    assert Stage.own().campaigns.get(campaign).state in ("scheduled", "running")
    assert Stage.own().campaigns.get(campaign).created_by == "manager:boss"
    assert boss.get(f"/admin/campaigns/{campaign}").status == 200


def test_paragraphs_that_a_browser_sends_stay_paragraphs(boss: Visitor, viewers: None) -> None:
    """Promise E2: the CR LF of a browser's lines is the line end of every other edge."""
    campaign = written(boss, name=" Half\u2028price ", var_text=" First.\n\nи\u0306 second.\n")
    spec = spec_of(Stage.own().campaigns.get(campaign))

    assert spec.name == "Half price"
    assert spec.context["text"] == "First.\n\n\u0439 second."
    assert ">\u0439 second.</p>" in boss.get(f"/admin/campaigns/{campaign}/letter").text


def test_whoever_got_another_campaign_is_left_out_by_its_name(boss: Visitor, viewers: None) -> None:
    first, second = written(boss, name="Premiere"), written(boss, name="Spring sale")
    form = boss.get("/admin/campaigns/new?template=promo")
    assert "Premiere" in form.text
    assert form.text.index("Spring sale") < form.text.index("Premiere")  # the newest is on top
    third = written(boss, name="To the others", exclude=[second, f" {first}, {first} ,"])
    assert spec_of(Stage.own().campaigns.get(third)).audience.exclude_campaigns == (second, first)
    again = boss.get(f"/admin/campaigns/{third}/edit").text
    assert re.findall(r'name="exclude" value="([^"]+)" checked', again) == [second, first]
    assert third not in re.findall(r'name="exclude" value="([^"]+)"', again)  # nobody leaves out their own
    assert boss.post(f"/admin/campaigns/{third}/edit", **(PROMO | {"exclude": [first]})).said == "saved"
    assert spec_of(Stage.own().campaigns.get(third)).audience.exclude_campaigns == (first,)


def test_an_old_campaign_is_left_out_by_its_id_and_shown_by_its_name(boss: Visitor, stage: None) -> None:
    old = written(boss, name="Last year")
    for n in range(20):
        written(boss, name=f"New {n}")
    offered = boss.get("/admin/campaigns/new?template=promo").text
    assert old not in re.findall(r'name="exclude" value="([^"]+)"', offered)
    campaign = written(boss, exclude=old)
    page = f"/admin/campaigns/{campaign}/edit"
    boss.get(page)
    requests = Requests()
    assert re.findall(r'value="([^"]+)" checked> <span>(Last year)', boss.get(page).text) == [(old, "Last year")]
    assert requests.count() <= 8


def test_an_id_that_no_campaign_has_is_named_and_stays_in_its_field(boss: Visitor, viewers: None) -> None:
    seen = boss.post("/admin/campaigns/new", **PROMO, exclude=[written(boss), "no-such, " + "x" * 3000])
    assert seen.status == 422
    assert "there is no campaign no-such, xxx" in seen.text
    assert 'value="no-such, xxx' in seen.text
    assert re.findall(r'name="exclude" value="[^"]+" checked', seen.text)


def test_a_campaign_by_sms_tells_its_segments_before_it_is_started(boss: Visitor, viewers: None) -> None:
    by_sms = written(boss, channels=["sms"])
    assert "segments: " in boss.get(f"/admin/campaigns/{by_sms}/check").text
    by_mail = written(boss, name="By mail")
    assert "segments: " not in boss.get(f"/admin/campaigns/{by_mail}/check").text


def test_what_was_typed_stays_when_something_is_wrong(boss: Visitor, viewers: None) -> None:
    seen = boss.post("/admin/campaigns/new", **{**PROMO, "rate_per_second": "0", "var_url": "no url", "name": "Kept"})
    assert seen.status == 422
    assert 'value="Kept"' in seen.text
    assert "rate_per_second" in seen.text or "Letters a second" in seen.text
    assert Stage.own().campaigns.page(limit=10, cursor=None)[0] == []


@pytest.mark.parametrize(
    ("form", "saved"),
    [
        (
            {"audience": "rule", "rule.join": "any", "rule.attribute": ["plan", "visits"], "rule.op": ["in", "after"],
             "rule.value": ["gold, silver", "10"]},
            {"audience": {"rule": {"any": [{"attribute": "plan", "op": "in", "value": ["gold", "silver"]},
                                           {"attribute": "visits", "op": "after", "value": 10}]}}},
        ),
        (
            {"audience": "rule", "rule.attribute": ["seen", "birthday"], "rule.op": ["longer_ago", "anniversary"],
             "rule.value": ["30", ""]},
            {"audience": {"rule": {"all": [{"attribute": "seen", "op": "before", "value": {"days_ago": 30}},
                                           {"attribute": "birthday", "op": "anniversary"}]}}},
        ),
        (
            {"audience": "rule", "rule.join": "all", "rule.group": ["", "A", "A"],
             "rule.attribute": ["city", "plan", "plan"], "rule.op": ["!exists", "equals", "!exists"],
             "rule.value": ["", "gold", ""]},
            {"audience": {"rule": {"all": [
                {"not": {"attribute": "city", "op": "exists"}},
                {"any": [{"attribute": "plan", "op": "equals", "value": "gold"},
                         {"not": {"attribute": "plan", "op": "exists"}}]}]}}},
        ),
        (
            {"audience": "rule", "rule.join": "any", "rule.group": ["A", "B", "A", "B"],
             "rule.attribute": ["a", "b", "c", "d"], "rule.op": ["exists"] * 4, "rule.value": [""] * 4},
            {"audience": {"rule": {"any": [
                {"all": [{"attribute": "a", "op": "exists"}, {"attribute": "c", "op": "exists"}]},
                {"all": [{"attribute": "b", "op": "exists"}, {"attribute": "d", "op": "exists"}]}]}}},
        ),
        ({"audience": "rule", "rule_json": '{"any": [{"all": [{"any": [{"attribute": "a", "op": "exists"}]}]}]}'},
         {"audience": {"rule": {"any": [{"all": [{"any": [{"attribute": "a", "op": "exists"}]}]}]}}}),
        ({"audience": "rule", "rule.attribute": "film", "rule.op": "equals", "rule.value": "Infinity"},
         {"audience": {"rule": {"attribute": "film", "op": "equals", "value": "Infinity"}}}),
        ({"audience": "rule", "rule.attribute": ["", "@letters"], "rule.op": ["", "!got_letter"],
          "rule.of": ["", "digest"], "rule.value": ["", "7"]},
         {"audience": {"rule": {"not": {"attribute": "digest", "op": "got_letter", "value": 7}}}}),
        ({"audience": "rule", "rule_json": '{"not": {"attribute": "plan", "op": "exists"}}'},
         {"audience": {"rule": {"not": {"attribute": "plan", "op": "exists"}}}}),
        ({"when": "week", "weekday": ["friday"], "at": "18:00", "clock": "readers"},
         {"schedule": {"every": "week", "on": "friday", "at": "18:00"}, "timezone": "recipient"}),
        ({"when": "week", "weekday": ["friday", "monday"], "at": "18:00", "timezone": "Омск"},
         {"schedule": {"every": "week", "on": ["monday", "friday"], "at": "18:00"}, "timezone": "Asia/Omsk"}),
        ({"when": "month", "monthday": ["last", "1"], "at": "09:30"},
         {"schedule": {"every": "month", "on": [1, "last"], "at": "09:30"}}),
        ({"when": "month", "monthday": ["15"], "at": "09:30", "misfire": "skip"},
         {"schedule": {"every": "month", "on": 15, "at": "09:30"}, "misfire": "skip"}),
        ({"when": "cron", "cron": "0 18 * * 5"}, {"schedule": {"cron": "0 18 * * 5"}}),
        ({"when": "at", "start_at": "2030-01-31T18:00", "timezone": "Europe/Moscow"},
         {"start_at": "2030-01-31T18:00:00+03:00"}),
        ({"when": "at", "start_at": "2030-01-31T18:00", "timezone": " america/new york "},
         {"start_at": "2030-01-31T18:00:00-05:00", "timezone": "America/New_York"}),
        ({"when": "at", "start_at": "2030-01-31T18:00", "clock": "readers"},
         {"start_at": "2030-01-31T18:00:00Z", "timezone": "recipient"}),
        ({"when": "at", "start_at": "2030-03-31T02:30", "timezone": "Europe/Berlin"},  # a time that the clocks skip
         {"start_at": "2030-03-31T03:00:00+02:00"}),
        ({"canary_percent": "5", "rate_per_second": "12.5"}, {"canary_percent": 5, "rate_per_second": 12.5}),
    ],
)  # fmt: skip
def test_the_form_says_what_the_api_takes_and_shows_it_again(
    boss: Visitor, viewers: None, form: dict[str, Any], saved: dict[str, Any]
) -> None:
    campaign = written(boss, **form)
    first = Stage.own().campaigns.get(campaign).spec
    assert {name: without_nulls(first[name]) for name in saved} == saved
    shown = boss.get(f"/admin/campaigns/{campaign}/edit")
    again = boss.post(f"/admin/campaigns/{campaign}/edit", **form_in(shown))
    assert again.said == "saved", again.text
    assert Stage.own().campaigns.get(campaign).spec == first


@pytest.mark.parametrize(
    "written_by_a_call",
    [
        {"rate_per_second": 1234.56789},
        {"channels": ["email"]},  # named, though it is the template's own: a route of the category is not followed
        {"channels": ["live", "email"]},
        *(
            {"audience": {"rule": {"attribute": "plan", "op": op, "value": value}}}
            for op, value in (
                ("equals", "5"),
                ("equals", 5),
                ("equals", "true"),
                ("equals", "gold"),
                ("in", ["a, b", "1", 1, True, "c"]),
                ("before", {"days_ago": 1.5}),
                ("before", {"days_ago": 3}),
            )
        ),
    ],
)
def test_an_edit_keeps_what_it_does_not_change(boss: Visitor, viewers: None, written_by_a_call: dict[str, Any]) -> None:
    """Promise B3: a form that cannot say what a call has said leaves it as it is."""
    body = {"name": "Half price", "template": "promo", "audience": {"everyone": True}, **written_by_a_call}
    body["context"] = {name: PROMO[f"var_{name}"] for name in ("headline", "text", "url")}
    campaign = gateway().post("/v1/campaigns", body).body["id"]
    first, path = Stage.own().campaigns.get(campaign).spec, f"/admin/campaigns/{campaign}/edit"

    assert boss.post(path, **form_in(boss.get(path))).said == "saved"
    assert Stage.own().campaigns.get(campaign).spec == first


@pytest.mark.parametrize(
    "start",
    [
        {"start_at": "2030-01-31T18:00:30Z", "timezone": "Europe/Moscow"},
        {"start_at": "2030-01-31T18:00:30Z", "timezone": "recipient"},
        {"start_at": "2030-10-27T01:30:00Z", "timezone": "Europe/Berlin"},  # 02:30 for the second time
        {"start_at": "2030-01-31T18:00:30Z", "schedule": {"every": "day", "at": "09:00"}},
    ],
)
def test_an_edit_keeps_the_start_that_the_form_cannot_show(boss: Visitor, viewers: None, start: dict[str, Any]) -> None:
    """Promise F4: whoever changes a name moves no start."""
    body = {"name": "Half price", "template": "promo", "audience": {"everyone": True}, **start}
    body["context"] = {name: PROMO[f"var_{name}"] for name in ("headline", "text", "url")}
    path = f"/admin/campaigns/{gateway().post('/v1/campaigns', body).body['id']}/edit"
    assert boss.post(path, **{**form_in(boss.get(path)), "name": "Other"}).said == "saved"

    spec = Stage.own().campaigns.get(path.split("/")[3]).spec
    assert (spec["name"], spec["start_at"]) == ("Other", start["start_at"])
    moved = {"start_at": "2030-02-01T10:00", "when": "at"}
    assert boss.post(path, **{**form_in(boss.get(path)), **moved}).said == "saved"
    assert Stage.own().campaigns.get(path.split("/")[3]).spec["start_at"].startswith("2030-02-01T10:00:00")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"audience": "rule"}, "Audience"),
        ({"audience": "rule", "rule_json": "{"}, "The rule as JSON"),
        ({"audience": "rule", "rule_json": '{"attribute": "age", "op": "after", "value": NaN}'}, "The rule as JSON"),
        ({"audience": "rule", "rule_json": '{"op": "exists", "attribute": "a", "attribute": "b"}'}, "The rule as JSON"),
        ({"audience": "rule", "rule_json": "[" * 3000}, "The rule as JSON"),
        ({"when": "at", "start_at": "tomorrow"}, "Start at"),
        ({"timezone": "Mars/Base"}, "City"),
        ({"rate_per_second": "fast"}, "Letters a second"),
        ({"canary_percent": "100"}, "Canary, percent"),
        ({"name": ""}, "Name of the campaign"),
    ],
)
def test_a_mistake_is_named_by_its_field(boss: Visitor, viewers: None, form: dict[str, Any], field: str) -> None:
    seen = boss.post("/admin/campaigns/new", **{**PROMO, **form})
    assert seen.status == 422
    assert f">{field}</a>" in seen.text


def test_something_that_must_not_be_known_is_a_row_that_does_not_hold(boss: Visitor, viewers: None) -> None:
    campaign = written(boss, audience="rule", rule_json='{"attribute": "plan", "op": "exists", "value": false}')
    again = form_in(boss.get(f"/admin/campaigns/{campaign}/edit"))
    assert "rule_json" not in again
    assert boss.post(f"/admin/campaigns/{campaign}/edit", **again).said == "saved"
    rule = Stage.own().campaigns.get(campaign).spec["audience"]["rule"]
    assert without_nulls(rule) == {"not": {"attribute": "plan", "op": "exists"}}


def test_an_audience_is_counted_before_the_rest_is_written(boss: Visitor, viewers: None) -> None:
    unfinished: dict[str, Any] = {
        "template": "promo",
        "audience": "rule",
        "rule.attribute": ["locale"],
        "rule.op": ["equals"],
        "rule.value": ["en"],
    }
    seen = boss.post("/admin/campaigns/count", **unfinished, name="Half a name")
    assert seen.status == 200
    assert "<b>People: 1</b>" in seen.text
    assert "<b>Carol</b>" in seen.text
    assert "carol@" not in seen.text  # masked
    assert 'value="Half a name"' in seen.text
    assert 'action="/admin/campaigns/new"' in seen.text
    wrong = boss.post("/admin/campaigns/count", **(unfinished | {"rule.op": ["in"], "rule.value": [""]}))
    assert wrong.status == 200
    assert "Condition 1: expected a value" in " ".join(wrong.text.split()).replace(" :", ":")
    other = boss.post("/admin/campaigns/count", **(unfinished | {"audience": "everyone"}))
    assert "<b>People: 2</b>" in other.text
    assert form_in(other)["rule.value"] == ["en"]  # switching loses nothing
    campaign = written(boss)
    again = boss.post("/admin/campaigns/count", template="promo", audience="everyone", campaign=campaign)
    assert f'action="/admin/campaigns/{campaign}/edit"' in again.text
    assert "<b>People: 2</b>" in again.text
    assert [one.id for one in Stage.own().campaigns.page(limit=10, cursor=None)[0]] == [campaign]


def test_a_campaign_is_held_and_goes_on(boss: Visitor, viewers: None) -> None:
    campaign = written(boss, when="day", at="18:00")
    boss.post(f"/admin/campaigns/{campaign}/start")
    assert boss.post(f"/admin/campaigns/{campaign}/pause").said == "paused"
    assert Stage.own().campaigns.get(campaign).state == "paused"
    assert boss.post(f"/admin/campaigns/{campaign}/pace", rate_per_second="7").said == "saved"
    assert boss.post(f"/admin/campaigns/{campaign}/pace", rate_per_second="0").status == 422
    assert boss.post(f"/admin/campaigns/{campaign}/resume").said == "resumed"
    assert boss.post(f"/admin/campaigns/{campaign}/cancel").said == "cancelled"
    assert boss.post(f"/admin/campaigns/{campaign}/resume").status == 409


def test_a_campaigns_page_says_that_openings_are_not_measured_where_they_are_not(
    boss: Visitor, viewers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = written(boss)
    boss.post(f"/admin/campaigns/{campaign}/start")
    assert "Openings of e-mails are not measured" in boss.get(f"/admin/campaigns/{campaign}").text
    monkeypatch.setenv("VESTNIK_TRACKING_DOMAIN", "track.cinema.example")
    compose()
    assert "are not measured" not in boss.get(f"/admin/campaigns/{campaign}").text


def test_a_campaign_that_was_refused_says_what_the_provider_said(boss: Visitor, viewers: None) -> None:
    campaign = written(boss)
    boss.post(f"/admin/campaigns/{campaign}/start")
    said = "MessageRejected: a <b>virus</b>"
    assert (
        Stage.own().halt.believed(campaign, known=0, refused=MOST_IN_A_ROW + 1, accepted=0, said=said) == MOST_IN_A_ROW
    )
    page = boss.get(f"/admin/campaigns/{campaign}").text
    assert "paused: the provider refuses letter after letter" in page
    assert "MessageRejected: a &lt;b&gt;virus&lt;/b&gt;" in page
    Stage.own().switches.failed(
        "ses", "provider_not_verified: MessageRejected: Email address is not verified", at_once=True
    )
    assert "the sender is not verified at the provider · MessageRejected: Email" in boss.get("/admin/subsystems").text


def test_the_letter_of_a_preview_stands_in_a_frame_without_rights(boss: Visitor, viewers: None) -> None:
    campaign = written(boss, var_headline="<script>alert(1)</script>")
    letter = boss.get(f"/admin/campaigns/{campaign}/letter?user=carol&letter=en")
    assert "sandbox" in letter.headers["content-security-policy"]
    assert "<script>" not in letter.text
    assert "Carol" in letter.text


def test_a_switch_is_thrown_with_a_reason_and_comes_back(boss: Visitor) -> None:
    assert boss.post("/admin/subsystems/switches/ses", state="open", reason="").status == 422
    assert (
        boss.post("/admin/subsystems/switches/ses", state="open", reason="the provider is down").said == "switch_open"
    )
    assert Stage.own().switches.read("ses").state == "open"
    assert "the provider is down" in boss.get("/admin").text
    assert boss.post("/admin/subsystems/switches/ses", state="closed", reason="it is back").said == "switch_closed"
    assert Stage.own().switches.read("ses").state == "ramping"
    assert boss.post("/admin/subsystems/switches/none", state="open", reason="x").status == 404


def test_a_limit_is_set(boss: Visitor) -> None:
    assert boss.post("/admin/subsystems/limits/ses.bulk", rate_per_second="33").said == "saved"
    assert Stage.own().limiter.read_all(["ses.bulk"])[0].rate_per_second == 33
    assert boss.post("/admin/subsystems/limits/ses.bulk", rate_per_second="fast").status == 422
    assert boss.post("/admin/subsystems/limits/none", rate_per_second="1").status == 404


def test_dead_letters_are_dropped_with_a_reason_alone(boss: Visitor) -> None:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=settings().resource("retry-dlq"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="not json")
    assert "no worker can read it" in boss.get("/admin/dead-letters/retry").text
    assert boss.post("/admin/dead-letters/retry/drop", reason="").status == 422
    assert boss.post("/admin/dead-letters/none/drop", reason="x").status == 404


def test_what_was_just_looked_at_is_put_back_and_what_is_not_there_is_not(boss: Visitor, pump: Pump) -> None:
    pump.put("retry-dlq", "{}")
    [message] = re.findall(r'name="id" value="([^"]+)"', boss.get("/admin/dead-letters/retry").text)
    assert boss.post("/admin/dead-letters/retry/redrive", id=message).said == "redriven"
    assert pump.waiting("retry") == 1
    again = boss.post("/admin/dead-letters/retry/redrive", id=message)
    assert again.status == 409
    assert "none of these messages are here now" in again.text


def test_the_address_after_confirmation_is_changed_within_the_allowed_hosts(boss: Visitor) -> None:
    page = "/admin/settings/redirect_url"
    seen = Stage.own().site_settings.get("redirect_url").tag
    assert boss.post(page, value="https://evil.example/", seen=seen).status == 422
    assert boss.post(page, value="https://cinema.example/hello", seen=seen).said == "saved"
    assert Stage.own().site_settings.current(fresh=True).redirect_url == "https://cinema.example/hello"
    assert boss.post(page, value="https://cinema.example/other", seen=seen).status == 412  # somebody was faster
    assert boss.post("/admin/settings/none", value="x").status == 404
    assert boss.post("/admin/settings/event_rules", value="{}").status == 404  # they have a page of their own
    assert boss.post("/admin/settings/link_days", confirmation="5", short="30").said == "saved"
    assert boss.post("/admin/settings/allowed_hosts", value="a.example\nb.example").said == "saved"
    assert Stage.own().site_settings.current(fresh=True).link_days.confirmation == 5


def test_routes_and_caps_are_written_by_category(boss: Visitor) -> None:
    boss.get("/admin/settings")
    route = {"marketing.channels": "push, email", "marketing.mode": "escalate", "marketing.after_minutes": "30"}
    assert boss.post("/admin/settings/routes", **route).said == "saved"
    assert boss.post("/admin/settings/caps", **{"marketing.letters": "3", "marketing.days": "7"}).said == "saved"
    site = Stage.own().site_settings.current(fresh=True)
    assert site.routes["marketing"].channels == ("push", "email")
    assert (site.routes["marketing"].mode, site.routes["marketing"].after_minutes) == ("escalate", 30)
    assert (site.caps["marketing"].letters, site.caps["marketing"].days) == (3, 7)
    shown = boss.get("/admin/settings").text
    assert 'value="push, email"' in shown
    assert boss.post("/admin/settings/routes", **(route | {"marketing.after_minutes": ""})).status == 422
    assert boss.post("/admin/settings/caps", **{"marketing.letters": "many", "marketing.days": "7"}).status == 422
    assert boss.post("/admin/settings/routes").said == "saved"  # every row empty: the templates' own channels
    assert Stage.own().site_settings.current(fresh=True).routes == {}


def test_a_template_is_changed_compared_and_brought_back(boss: Visitor) -> None:
    page = "/admin/templates/promo"
    fields = form_in(boss.get(page))
    before = fields["source.en.email.subject"][0]
    assert boss.post(page, **{**fields, "source.en.email.subject": "{{ headline"}).status == 422
    assert boss.post(page, **{**fields, "source.en.email.subject": "New: {{ headline }}"}).said == "saved"
    seen = boss.get(page + "?version=1")
    assert "+New: {{ headline }}" in seen.text
    assert boss.post(page + "/restore", version="0").said == "saved"
    assert form_in(boss.get(page + "?version=2"))["source.en.email.subject"] == [before]
    assert boss.get(page + "?version=9").status == 404
    assert boss.get(page + "?version=x").status == 404


def test_a_letter_is_looked_at_before_it_is_saved(boss: Visitor, viewers: None) -> None:
    page = "/admin/templates/promo"
    fields = form_in(boss.get(page)) | {"letter": "en", "user": "carol"}
    seen = boss.post(page + "/preview", **fields)
    assert "Carol" in seen.text
    assert "sandbox" in seen.headers["content-security-policy"]
    wrong = boss.post(page + "/preview", **{**fields, "source.en.email.html": "{{ nothing.of.this }}<script>"})
    assert wrong.status == 200
    assert "<script>" not in wrong.text
    assert boss.post(page + "/preview", token="forged", **fields).status == 403


def test_a_new_template_begins_as_a_copy_and_becomes_its_own(boss: Visitor) -> None:
    boss.get("/admin/templates/new")
    start: dict[str, Any] = {"title": "Spring sale", "category": "marketing", "locales": ["ru", "en"]}
    assert boss.post("/admin/templates/new", **start, base="no-such").status == 404
    started = boss.post("/admin/templates/new", **start, base="promo")
    assert (started.place, started.said) == ("/admin/templates/spring-sale", "saved")
    form = form_in(boss.get("/admin/templates/spring-sale"))
    variables = json.loads(form["variables"][0]) | {"percent": {"type": "integer", "example": 50}}
    sample = json.loads(form["sample"][0])
    sample["context"]["percent"] = 50
    changed = form | {"category": "series", "variables": json.dumps(variables), "sample": json.dumps(sample)}
    changed |= {f"source.{one}.email.subject": "{{ percent }} % off" for one in ("ru", "en")}
    assert "50 % off" in boss.post("/admin/templates/spring-sale/preview", **changed).text
    assert boss.post("/admin/templates/spring-sale", **changed).status == 409
    assert boss.post("/admin/templates/spring-sale", **changed, confirm="yes").said == "saved"
    stored = Stage.own().templates.get("spring-sale")
    assert (stored.category, stored.version) == ("series", 2)
    assert {"headline", "text", "url", "percent"} <= {*(stored.variables or {})}
    broken = changed | {"variables": "{"}
    assert "expected JSON" in boss.post("/admin/templates/spring-sale/preview", **broken).text
    assert boss.post("/admin/templates/spring-sale", **broken).status == 422
    assert boss.post("/admin/templates/spring-sale", **(changed | {"category": "secret"})).status == 422
    assert Stage.own().templates.get("spring-sale").version == 2


def test_a_save_that_would_break_others_says_whom_and_asks(boss: Visitor) -> None:
    """Promise A4: the page says the same as the API, and saves once that is confirmed."""
    page = "/admin/templates/welcome"
    form = form_in(boss.get(page)) | {"variables": '{"device": {"type": "string"}}'}
    form |= {"sample": json.dumps(json.loads(form["sample"][0]) | {"context": {"device": "TV"}})}

    refused = boss.post(page, **form)

    assert refused.status == 409
    assert "variables.device" in refused.text
    assert "event_rules.user.registered.steps[0]" in refused.text
    assert 'name="confirm"' in refused.text
    assert "TV" in refused.text  # what was typed is there
    assert boss.post(page, **form, confirm="yes").said == "saved"


def test_the_page_says_what_a_stored_version_hides_and_brings_it_back(boss: Visitor) -> None:
    """Promise A3: a shipped template that has changed under a stored one is told, and offered."""
    page, shipped = "/admin/templates/promo", str(Stage.own().templates.get("promo").version)
    assert "comes with the service" not in boss.get(page).text
    changed = form_in(boss.get(page)) | {"source.en.email.subject": "Mine: {{ headline }}"}
    assert boss.post(page, **changed).said == "saved"
    assert "hides the one that comes with the service" in boss.get(page).text

    row = TemplateRow.get("promo", 1)
    row.body = {**row.body, "hides": "shipped-000000000000"}  # it was stored over an earlier release's
    row.save()
    compose()

    told = boss.get(page)
    assert "has changed since" in told.text
    assert f"version={shipped}" in told.text
    assert shipped in boss.get(page + f"?version={shipped}").text
    assert boss.post(page + "/restore", version=shipped).said == "saved"
    assert (Stage.own().templates.get("promo").version, "has changed since" in boss.get(page).text) == (2, False)


def test_a_key_is_refused_by_the_process_that_revoked_it_at_once(boss: Visitor) -> None:
    """Promise A2: a cache is told of its own process's writes."""
    service = gateway()
    key_id = str(service.key).split("_")[1]
    assert service.get("/v1/templates/promo").status == 200

    assert boss.post(f"/admin/keys/{key_id}/revoke").said == "revoked"

    assert service.get("/v1/templates/promo").status == 401


def test_a_template_is_sent_to_oneself(boss: Visitor) -> None:
    assert boss.post("/admin/templates/promo/test", to="me@cinema.example").said == "tested"
    assert boss.post("/admin/templates/promo/test", to="nobody@").status == 422


def test_a_user_is_found_with_what_they_want(boss: Visitor, viewers: None) -> None:
    assert "/admin/users/anna" in boss.get("/admin/users?id=anna").text
    assert "There is no such user" in boss.get("/admin/users?id=nobody").text
    assert "anna@viewers.example" in boss.get("/admin/users/anna").text
    assert boss.get("/admin/users/nobody").status == 404


def without_nulls(value: Any) -> Any:
    """The value with neither nulls nor empty lists."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one not in (None, [])}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


class Form(HTMLParser):
    """The fields of a page's main part, as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._inside = False
        self._name = ""
        self._text: list[str] | None = None
        self._chosen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._inside = self._inside or tag == "main"
        if not self._inside:
            return
        if (
            tag == "input"
            and "name" in given
            and (given.get("type") not in ("checkbox", "radio") or "checked" in given)
        ):
            self._send(given["name"], given.get("value", ""))
        elif tag in ("textarea", "select"):
            self._name, self._text, self._chosen = given.get("name", ""), [] if tag == "textarea" else None, []
        elif tag == "option":
            self._chosen = [given["value"]] if "selected" in given or not self._chosen else self._chosen

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text is not None:
            self._send(self._name, "".join(self._text).removeprefix("\n"))
            self._text = None
        elif tag == "select" and self._chosen:
            self._send(self._name, self._chosen[0])

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def _send(self, name: str, value: str) -> None:
        self.fields.setdefault(name, []).append(value)


def form_in(seen: Seen) -> dict[str, Any]:
    """What the form of a page would send, except for its token."""
    form = Form()
    form.feed(seen.text)
    return {name: values for name, values in form.fields.items() if name != "token"}


@pytest.mark.parametrize(("queues", "state"), [(None, "accepted"), (("enrich-instant",), "accepted"), ((), "sent")])
def test_a_notification_is_shown_at_every_step(
    boss: Visitor, viewers: None, pump: Pump, queues: tuple[str, ...] | None, state: str
) -> None:
    context = {"headline": "<script>alert(1)</script>", "text": "x", "url": "https://cinema.example/p"}
    recipients = [{"user_id": "anna"}, {"user_id": "nobody-knows"}]
    body = {"template": "promo", "recipients": recipients, "context": context}
    known, unknown = Stage.own().accept.accept(NotificationRequest.model_validate(body), caller="test", key=None)
    if queues is not None:
        pump.run(*queues)
    seen = boss.get(f"/admin/notifications/{known.id}")
    assert seen.status == 200
    assert f">{state}</span>" in seen.text
    assert boss.get(f"/admin/notifications/{unknown.id}").status == 200
    assert boss.get("/admin/users/anna").status == 200


def test_people_are_found_by_address_with_the_letters_to_the_address_itself(
    boss: Visitor, viewers: None, pump: Pump
) -> None:
    """Promise C4: whoever was written to there; after an erasure the stop list shows the hash alone."""
    context = {"headline": "Tonight", "text": "x", "url": "https://cinema.example/p"}
    body = {"template": "promo", "recipients": [{"email": "Guest@viewers.example"}], "context": context}
    [asked] = Stage.own().accept.accept(NotificationRequest.model_validate(body), caller="test", key=None)
    pump.run()
    Stage.own().suppressions.add("email", "guest@viewers.example", reason="complaint")

    assert f"/admin/notifications/{asked.id}" in boss.get("/admin/users?id=guest%40viewers.example").text
    Stage.own().address_data.erase("email", "guest@viewers.example")
    assert asked.id not in boss.get("/admin/users?id=guest%40viewers.example").text
    listed = boss.get("/admin/suppressions")
    assert (listed.status, "erased" in listed.text, "guest@" in listed.text) == (200, True, False)
    assert boss.get("/admin/suppressions?address=guest%40viewers.example").status == 200


def found(visitor: Visitor, **query: str) -> str:
    """All pages of a search for notifications."""
    text, following = "", "/admin/notifications?" + urlencode(query)
    while following:
        seen = visitor.get(following)
        assert seen.status == 200
        text += seen.text
        links = re.findall(r'href="([^"]+cursor=[^"]+)"', seen.text)
        following = unescape(links[0]) if links else ""
    return text


def test_a_notification_is_found_by_its_time_template_and_status(boss: Visitor, viewers: None) -> None:
    body = {"template": "password-reset", "recipients": [{"user_id": "anna"}]}
    context = {"reset_url": "https://cinema.example/r", "valid_minutes": 30}
    (made,) = Stage.own().accept.accept(
        NotificationRequest.model_validate({**body, "context": context}), caller="test", key=None
    )
    here = now().astimezone(ZoneInfo(settings().default_timezone))
    before, later = (f"{here + timedelta(hours=n):%Y-%m-%dT%H:%M}" for n in (-1, 1))
    assert made.id in found(boss)  # of the last day
    assert made.id in found(boss, since=before, until=later, template="password-reset", status="accepted")
    assert made.id in found(boss, until=later)
    assert made.id not in found(boss, since=before, status="failed")
    assert made.id not in found(boss, since=before, template="promo")
    assert made.id not in found(boss, until=before)


@pytest.mark.parametrize(
    ("since", "until", "field", "message"),
    [
        ("2026-11-02T10:00", "2026-11-01T10:00", "until", {"en": "beginning before the end", "ru": "раньше конца"}),
        ("2026-10-01T00:00", "2026-11-02T00:00", "since", {"en": "at most 31 days", "ru": "не больше чем за 31 день"}),
        ("yesterday", "", "since", {"en": "expected a date and a time", "ru": "нужны дата и время"}),
        ("", "1026-11-02T10:00", "until", {"en": "expected a date and a time", "ru": "нужны дата и время"}),
    ],
)
def test_a_wrong_span_is_named_at_its_field_in_the_language_of_the_page(
    boss: Visitor, since: str, until: str, field: str, message: dict[str, str]
) -> None:
    for language, text in message.items():
        boss.cookies["__Host-vestnik_language"] = language
        seen = boss.get("/admin/notifications?" + urlencode({"since": since, "until": until}))
        assert seen.status == 422
        assert re.search(rf'id="m-{field}">[^<]*{text}', seen.text)
        assert f'name="since" type="datetime-local" value="{since}"' in seen.text  # what was typed stays


def test_a_quiet_day_is_passed_over_by_the_page_itself_or_by_a_link(boss: Visitor, stage: None) -> None:
    quiet = boss.get("/admin/notifications?since=2026-11-01T10:00&until=2026-11-03T10:00").text
    (following,) = re.findall(r'id="found" hx-get="([^"]+)"', quiet)
    assert f'href="{following}"' in quiet
    filtered = boss.get("/admin/notifications?since=2026-11-01T10:00&until=2026-11-03T10:00&status=failed").text
    assert "hx-get" not in filtered  # what is rare may be a thousand pages away


def test_a_user_is_found_by_an_address_however_it_is_written(boss: Visitor, viewers: None) -> None:
    assert "/admin/users/anna" in boss.get("/admin/users?id=Anna%40viewers.example").text
    assert "/admin/users/anna" not in boss.get("/admin/users?id=nobody%40viewers.example").text


def test_a_link_is_revoked(boss: Visitor, stock: Stock) -> None:
    assert "works until" in boss.get(f"/admin/links/{CODE}").text.lower()
    assert boss.post(f"/admin/links/{CODE}/revoke").status == 303
    assert "revoked" in boss.get(f"/admin/links/{CODE}").text
    with pytest.raises(NotFoundError):
        Stage.own().links.visit(CODE, bot=False)


def test_an_address_is_suppressed_and_lifted(boss: Visitor, stage: None) -> None:
    assert "expected an e-mail address" in boss.post("/admin/suppressions", address="anna").text
    assert boss.post("/admin/suppressions", address="anna@viewers.example").status == 303
    page = boss.get("/admin/suppressions?address=Anna%40viewers.example").text
    assert "stopped by hand" in page
    assert "· boss" in page
    assert boss.post("/admin/suppressions/remove", address="anna@viewers.example").status == 303
    assert Stage.own().suppressions.reason_of("email", "anna@viewers.example") is None
    assert "may be written to" in boss.get("/admin/suppressions?address=anna%40viewers.example").text


@pytest.mark.parametrize("address", ["anna+news@viewers.example", "a&b=c#d@viewers.example", "100%25@viewers.example"])
def test_a_page_that_is_led_to_is_that_of_the_address(boss: Visitor, address: str) -> None:
    """Promise E2: an address is the same one in a form, in a query and in where a form leads."""
    for action, state in (("", "stopped by hand"), ("/remove", "may be written to")):
        seen = boss.post(f"/admin/suppressions{action}", address=address)
        assert state in boss.get(seen.headers["location"]).text


@pytest.mark.parametrize("others", ['settings={"a": 1}', "имя=да", "=x", "alone", "path=/; expires=1", "a[b]=c", "é=1"])
def test_what_others_have_left_in_the_cookies_signs_nobody_out(boss: Visitor, others: str) -> None:
    """Promise E2: cookies are shared by all that a host serves; what is not ours is passed over."""
    ours = f"__Host-vestnik_session={boss.cookies['__Host-vestnik_session']}"
    for cookie in (f"{others}; {ours}", f"{ours}; {others}", f"{ours}; __Host-vestnik_session=of-a-farther-path"):
        assert boss.get("/admin", cookie=cookie).status == 200


def test_a_key_is_shown_once_and_refused_once_it_is_revoked(boss: Visitor, stage: None) -> None:
    assert "expected at least one" in boss.post("/admin/keys", name="shop").text
    made = boss.post("/admin/keys", name="shop", scope=["users:read"]).text
    (key,) = re.findall(r"vk_[A-Za-z0-9-]+_[A-Za-z0-9_-]{20,}", made)
    assert ApiKeys().caller(f"Bearer {key}").scopes == {"users:read"}
    assert key not in boss.get("/admin/keys").text
    assert boss.post(f"/admin/keys/{key.split('_')[1]}/revoke").status == 303
    with pytest.raises(UnauthorizedError):
        ApiKeys().caller(f"Bearer {key}")
    assert boss.post("/admin/keys/nobody/revoke").status == 404


def test_the_page_of_keys_says_whose_letters_each_scope_reaches(boss: Visitor) -> None:
    create_key("shop", [Scope.READ])
    create_key("support", [Scope.READ, Scope.READ_ALL])
    for language in ("en", "ru"):
        words = json.loads((shipped_folder() / "admin" / "words" / f"{language}.json").read_text())["api_keys"]
        page = unescape(boss.get("/admin/keys", **{"accept-language": language}).text)
        assert set(words["rights"]) == set(Scope)
        assert all(said in page for said in words["rights"].values())
        assert page.index(words["sees_own"]) < page.index(words["sees_all"])


def test_a_scope_for_all_services_is_given_with_the_one_that_it_widens(boss: Visitor) -> None:
    refused = boss.post("/admin/keys", name="support", scope=["notifications:cancel-all"])

    assert refused.status == 422
    assert "notifications:cancel-all widens notifications:send: expected both" in refused.text
    both = ["notifications:send", "notifications:cancel-all"]
    assert boss.post("/admin/keys", name="support", scope=both).status == 200


@pytest.mark.parametrize("alike", ["Shop", "s hop", "sh-op", "\uff53hop", "sh\u043ep", "\u0455h\u043e\u0440"])
def test_a_service_is_not_made_beside_one_that_looks_like_it(boss: Visitor, alike: str) -> None:
    """Promise I6."""
    revoked = create_key("shop", [Scope.READ]).split("_")[1]
    boss.post(f"/admin/keys/{revoked}/revoke")

    refused = boss.post("/admin/keys", name=alike, scope=["users:read"])

    assert refused.status == 422
    assert "looks like the service shop: use exactly that name" in refused.text
    assert boss.post("/admin/keys", name=" shop\n", scope=["users:read"]).status == 200
    assert service_names() == {"shop"}


@pytest.mark.parametrize("unseen", ["sh\u200dop", "shop\u034f", "\u3164shop", "sh\xadop", "sh\ufff9op"])
def test_a_service_has_nothing_unseen_in_its_name(boss: Visitor, unseen: str) -> None:
    refused = boss.post("/admin/keys", name=unseen, scope=["users:read"])

    assert "expected visible characters" in refused.text


def test_a_service_that_was_named_otherwise_before_gets_new_keys(boss: Visitor) -> None:
    for name in ("shop", "Shop", "sh\u200dop"):
        create_key(name, [Scope.READ])
    assert boss.post("/admin/keys", name="sh\u200dop", scope=["users:read"]).status == 200


def every_page(visitor: Visitor, path: str) -> list[str]:
    """The names on each page of a list of cards."""
    pages, following = list[str](), path
    while following:
        text = visitor.get(following).text
        pages.append(" ".join(re.findall(r'<article class="card"><div class="title"><h2>([^<]+)', text)))
        links = re.findall(r'href="([^"]+cursor=[^"]+)"', text)
        following = unescape(links[0]) if links else ""
    return pages


def test_keys_are_listed_by_name_page_by_page_the_revoked_ones_last(boss: Visitor) -> None:
    keys = {n: create_key(f"s{n:02}", [Scope.SEND]).split("_")[1] for n in reversed(range(52))}
    for n in (3, 3, 51):  # repeating it is harmless
        assert boss.post(f"/admin/keys/{keys[n]}/revoke").said == "revoked"
    first, second = every_page(boss, "/admin/keys")
    assert first.split() == [f"s{n:02}" for n in range(51) if n != 3]
    assert second.split() == ["s03", "s51"]


def test_managers_are_listed_by_name_page_by_page(boss: Visitor) -> None:
    for n in reversed(range(52)):
        made: dict[str, Any] = {"password_hash": "-", "created_at": "-", "created_by": "test"}
        ManagerRow(f"m{n:02}", listed=LISTED, roles=["viewer"], **made).save()
    first, second = every_page(boss, "/admin/managers")
    assert first.split() == ["boss", *(f"m{n:02}" for n in range(49))]
    assert second.split() == ["m49", "m50", "m51"]


def test_an_account_from_before_the_index_is_listed_again_with_its_next_change(boss: Visitor) -> None:
    Stage.own().managers.add("olga", roles=[Role.VIEWER], by="test")
    ManagerRow("olga").update(actions=[ManagerRow.listed.remove()])
    assert every_page(boss, "/admin/managers") == ["boss"]
    Stage.own().managers.reset_password("olga", by="test")
    assert every_page(boss, "/admin/managers") == ["boss olga"]


def test_letters_by_events_are_written_as_a_form(boss: Visitor) -> None:
    kept = form_in(boss.get("/admin/event-rules/user.registered"))
    assert boss.post("/admin/event-rules/user.registered", **kept).said == "saved"
    assert (
        Stage.own().site_settings.current(fresh=True).event_rules == default_rules()
    )  # shown and sent again, nothing changed
    boss.get("/admin/event-rules/new")
    row: dict[str, Any] = {
           "template": ["promo", "", "promo"], "category": ["", "", "digest"], "channels": ["", "", "email, live"],
           "delay": ["", "", "90"], "unit": ["days", "days", "minutes"], "attribute": ["", "", "code"],
           "equals": ["", "", '"5"']}  # fmt: skip
    assert boss.post("/admin/event-rules/new", event="order.paid", **row).said == "saved"
    rules = Stage.own().site_settings.current(fresh=True).event_rules
    assert rules["user.registered"] == default_rules()["user.registered"]
    assert rules["order.paid"] == EventRule.model_validate(
        {"steps": [{"template": "promo"}, {"template": "promo", "category": "digest", "channels": ["email", "live"],
         "delay": "PT90M", "stop_when": {"attribute": "code", "equals": "5"}}]}
    )  # fmt: skip
    again = form_in(boss.get("/admin/event-rules/order.paid"))
    assert boss.post("/admin/event-rules/order.paid", **again).said == "saved"
    assert Stage.own().site_settings.current(fresh=True).event_rules == rules
    again = form_in(boss.get("/admin/event-rules/order.paid"))
    assert boss.post("/admin/event-rules/order.paid", **(again | {"event": ["order.done"]})).said == "saved"
    assert set(Stage.own().site_settings.current(fresh=True).event_rules) == {"user.registered", "order.done"}
    assert boss.post("/admin/event-rules/order.done/remove").said == "removed"
    assert Stage.own().site_settings.current(fresh=True).event_rules == default_rules()
    assert boss.get("/admin/event-rules/order.done").status == 404


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"event": ""}, "event"),
        ({"event": "Order Paid"}, "Order Paid"),
        ({"event": "user.registered"}, "already"),
        ({"delay": "soon"}, "expected a whole number"),
        ({"delay": "²"}, "expected a whole number"),
        ({"delay": "9" * 5000}, "expected a whole number"),
        ({"delay": "61"}, "delay"),
        ({"template": "no-such-letter"}, "no-such-letter"),
        ({"category": "no-such-category"}, "no-such-category"),
        ({"channels": "pigeon"}, "pigeon"),
    ],
)
def test_a_wrong_rule_is_refused_and_stays_typed(boss: Visitor, wrong: dict[str, str], named: str) -> None:
    form = {"event": "order.paid", "template": "promo", "category": "", "channels": "", "delay": "1", "unit": "days",
            "attribute": "kept_as_typed", "equals": "true"}  # fmt: skip
    boss.get("/admin/event-rules/new")
    seen = boss.post("/admin/event-rules/new", **{**form, **wrong})
    assert seen.status == 422
    assert named in seen.text
    assert "kept_as_typed" in seen.text or wrong.get("template") == ""
    assert Stage.own().site_settings.current(fresh=True).event_rules == default_rules()


def test_a_rule_that_somebody_else_changed_is_not_overwritten(boss: Visitor) -> None:
    form = form_in(boss.get("/admin/event-rules/user.registered"))
    changed = {**form, "delay": ["1", *form["delay"][1:]]}
    assert boss.post("/admin/event-rules/user.registered", **changed).said == "saved"
    assert boss.post("/admin/event-rules/user.registered", **form).status == 412


def test_a_users_page_says_what_stands_against_letters_to_them(boss: Visitor, viewers: None) -> None:
    """Promise C2: a page does not call somebody free to be written to whom nothing reaches, nor does the search."""
    free = "this user gets every category"
    assert free in boss.get("/admin/users/anna").text
    Stage.own().address_opt_outs.unsubscribe("email", "anna@viewers.example", "marketing", by="a test")

    for path in ("/admin/users/anna", "/admin/users?id=ANNA%40viewers.example"):
        assert "Offers: the reader unsubscribed" in boss.get(path).text
    assert free not in boss.get("/admin/users/anna").text

    Stage.own().suppressions.add("email", "anna@viewers.example", reason="complaint")
    for path in ("/admin/users/anna", "/admin/users?id=ANNA%40viewers.example"):
        assert "the reader complained" in boss.get(path).text
    Stage.own().suppressions.add("email", "guest@viewers.example", reason="bounce")
    found = boss.get("/admin/users?id=guest%40viewers.example").text
    assert "the address does not exist" in found
    assert "There is no such user" not in found
