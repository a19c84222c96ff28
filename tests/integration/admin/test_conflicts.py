"""Two managers change the same thing: the second sees both versions, and nothing is lost unless somebody chooses so."""

import re
from html import unescape
from typing import Any

import pytest

from chalicelib import etags as tags
from chalicelib.accounts.managers import Role
from chalicelib.campaigns.model import spec_of
from chalicelib.clock import now
from chalicelib.errors import ChangedError
from chalicelib.reasons import SuppressionReason
from chalicelib.stage.app import Stage
from chalicelib.storage import rate_limits as limits
from chalicelib.storage.event_sources import read_wishes, save_wish
from chalicelib.storage.rows.flow import LimitRow
from tests.integration.admin.conftest import Seen, Visitor, signed_in
from tests.integration.admin.test_nothing_typed_is_lost import ended, going_on, in_the_form
from tests.integration.admin.test_pages import written
from tests.integration.conftest import Letters, Pump

SENDER = "/admin/settings/sender"
MARK = re.compile(r"<mark>([^<]*)</mark>")


@pytest.fixture
def olga(boss: Visitor) -> Visitor:
    """Another manager with every role."""
    return signed_in("olga", *Role)


def opened(visitor: Visitor, page: str, path: str, **which: list[str]) -> dict[str, Any]:
    """The form of a page, as it was when it was opened."""
    return in_the_form(visitor.get(page), path, which)


def conflict_of(seen: Seen, path: str) -> dict[str, Any]:
    """A conflict's form, with the default choices."""
    assert seen.status == 412, seen.text
    return in_the_form(seen, path)


def sender(name: str, reply_to: str) -> dict[str, str]:
    return {"name": name, "address": Stage.own().site_settings.get("sender").value["address"], "reply_to": reply_to}


def test_the_second_of_two_managers_sees_both_and_chooses(boss: Visitor, olga: Visitor) -> None:
    """Promise B3: nothing is saved over what somebody else saved meanwhile; both are shown, field by field."""
    mine, theirs = (opened(one, "/admin/settings", SENDER) for one in (boss, olga))
    assert olga.post(SENDER, **{**theirs, **sender("Olga's cinema", "olga@vestnik.example")}).said == "saved"
    seen = boss.post(SENDER, **{**mine, "name": "Boss & sons"})
    form = conflict_of(seen, SENDER)
    assert Stage.own().site_settings.get("sender").value["name"] == "Olga's cinema"
    marked = list(map(unescape, MARK.findall(seen.text)))
    assert "olga@vestnik.example" in marked
    assert "Boss & sons" in marked
    assert "both changed it" in seen.text
    assert 'name="pick address"' not in seen.text  # no question about what is the same
    assert (form["pick name"], form["pick reply_to"]) == (["mine"], ["theirs"])  # what only she changed stays hers

    assert boss.post(SENDER, **form).said == "saved"
    assert Stage.own().site_settings.get("sender").value == sender("Boss & sons", "olga@vestnik.example")


def test_all_of_mine_or_of_theirs_or_the_form_once_more(boss: Visitor, olga: Visitor) -> None:
    """Promise B3: *keep mine*, *take theirs*, and going on writing are one click each."""
    mine, theirs = (opened(one, "/admin/settings", SENDER) for one in (boss, olga))
    olga.post(SENDER, **{**theirs, **sender("Olga's cinema", "olga@vestnik.example")})
    seen = boss.post(SENDER, **{**mine, "name": "Boss & sons"})
    form = conflict_of(seen, SENDER)
    assert 'href="/admin/settings"' in seen.text  # theirs: the page as it is

    again = boss.post(SENDER, **form, whole="look")
    assert again.status == 200
    assert "Nothing is saved yet" in again.text
    assert Stage.own().site_settings.get("sender").value["name"] == "Olga's cinema"
    written = in_the_form(again, SENDER)
    assert (written["name"], written["reply_to"]) == (["Boss & sons"], ["olga@vestnik.example"])
    assert boss.post(SENDER, **{**form, "whole": "mine"}).said == "saved"
    assert Stage.own().site_settings.get("sender").value == sender("Boss & sons", "")
    assert boss.post(SENDER, **written).status == 412  # made from a version that is gone


def test_a_mistake_in_what_was_chosen_shows_the_form_with_it(boss: Visitor, olga: Visitor) -> None:
    """Promise B3: nothing is lost by a conflict that is followed by a mistake."""
    mine, theirs = (opened(one, "/admin/settings", SENDER) for one in (boss, olga))
    olga.post(SENDER, **{**theirs, "name": "Olga's cinema"})
    form = conflict_of(boss.post(SENDER, **{**mine, "name": "Boss & sons"}), SENDER)
    seen = boss.post(SENDER, **{**form, "mine": form["mine"][0].replace("Boss & sons", "")})
    assert seen.status == 422
    assert in_the_form(seen, SENDER)["name"] == [""]


def test_a_conflict_outlives_the_session_too(boss: Visitor, olga: Visitor) -> None:
    """Promise B5: what was chosen in a conflict comes back after signing in, and knows what it was made from."""
    mine, theirs = (opened(one, "/admin/settings", SENDER) for one in (boss, olga))
    olga.post(SENDER, **{**theirs, **sender("Olga's cinema", "olga@vestnik.example")})
    form = conflict_of(boss.post(SENDER, **{**mine, "name": "Boss & sons"}), SENDER)
    again = going_on(boss, SENDER, ended(boss).post(SENDER, **form))
    shown = in_the_form(again, SENDER)
    assert (shown["name"], shown["reply_to"]) == (["Boss & sons"], ["olga@vestnik.example"])
    assert boss.post(SENDER, **{**shown, "token": shown["token"][0]}).said == "saved"


def rule(event: str, template: str) -> dict[str, Any]:
    rows = {"template": [template], "delay": [""], "unit": ["days"], "attribute": [""], "equals": [""]}
    return {"event": event, **rows, "category": [""], "channels": [""]}


def test_two_rules_that_are_changed_at_once_are_both_changed(boss: Visitor, olga: Visitor) -> None:
    """Promise B3: the rules of two events are two things, though they are stored as one."""
    for event in ("order.paid", "order.lost"):
        assert boss.post("/admin/event-rules/new", **rule(event, "promo")).said == "saved"
    paid, lost = "/admin/event-rules/order.paid", "/admin/event-rules/order.lost"
    mine, hers = opened(boss, paid, paid), opened(olga, lost, lost)
    stale = opened(olga, paid, paid)
    assert boss.post(paid, **{**mine, **rule("order.paid", "password-reset")}).said == "saved"
    assert olga.post(lost, **{**hers, **rule("order.lost", "confirm-reminder")}).said == "saved"
    rules = Stage.own().site_settings.get("event_rules").value
    assert [rules[one]["steps"][0]["template"] for one in ("order.paid", "order.lost")] == [
        "password-reset",
        "confirm-reminder",
    ]
    seen = olga.post(paid, **{**stale, **rule("order.paid", "confirm-reminder")})
    form = conflict_of(seen, paid)
    assert "password-reset" in MARK.findall(seen.text) or "password" in MARK.findall(seen.text)
    assert olga.post(paid, **form).said == "saved"  # a row is taken whole
    assert (
        Stage.own().site_settings.get("event_rules").value["order.paid"]["steps"][0]["template"] == "confirm-reminder"
    )


@pytest.mark.parametrize(
    ("page", "path", "first", "second"),
    [
        (
            "/admin/subsystems",
            "/admin/subsystems/limits/ses.bulk",
            {"rate_per_second": "20"},
            {"rate_per_second": "30"},
        ),
        ("/admin/managers", "/admin/managers/olga/roles", {"role": ["viewer", "editor"]}, {"role": ["operator"]}),
        (
            "/admin/settings",
            "/admin/settings/allowed_hosts",
            {"value": "a.example"},
            {"value": "b.example\r\nc.example"},
        ),
        ("/admin/settings", "/admin/settings/caps", {"marketing.letters": "3", "marketing.days": "7"}, {"promo": "1"}),
        (
            "/admin/settings",
            "/admin/settings/redirect_url",
            {"value": "https://cinema.example/a"},
            {"value": "https://cinema.example/b"},
        ),
    ],
)
def test_every_form_that_changes_something_knows_what_it_was_made_from(
    boss: Visitor, olga: Visitor, page: str, path: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Promise B3: one way for every form."""
    mine, theirs = opened(boss, page, path), opened(boss, page, path)
    assert boss.post(path, **{**theirs, **first}).said == "saved"
    assert boss.post(path, **{**mine, **second}).status == 412
    assert boss.post(path, **{**opened(boss, page, path), **second}).said == "saved"


def test_a_template_is_not_written_over_anothers(boss: Visitor, olga: Visitor) -> None:
    """Promise B3: a version of a template is made from the one that its writer saw."""
    path = "/admin/templates/promo"
    mine, theirs = opened(boss, path, path), opened(olga, path, path)
    subject, html = "source.en.email.subject", "source.en.email.html"
    assert olga.post(path, **{**theirs, subject: "Olga: {{ headline }}"}).said == "saved"
    long = mine[html][0].replace("{{ headline }}", "{{ headline }}!", 1)
    seen = boss.post(path, **{**mine, html: long})
    form = conflict_of(seen, path)
    assert "identical lines" in seen.text  # a long text is shown by what differs
    assert (form[f"pick {subject}"], form[f"pick {html}"]) == (["theirs"], ["mine"])
    assert boss.post(path, **form).said == "saved"
    sources = Stage.own().templates.get("promo").locales["en"]
    assert sources["email.subject"] == "Olga: {{ headline }}"
    assert sources["email.html"].strip() == long.strip()


def test_two_managers_at_one_campaign_lose_nothing(boss: Visitor, olga: Visitor) -> None:
    """Promise B3: what each has changed of a campaign is kept, and what both changed is chosen."""
    campaign = written(boss)
    path = f"/admin/campaigns/{campaign}/edit"
    mine, theirs = opened(boss, path, path), opened(olga, path, path)
    assert olga.post(path, **{**theirs, "var_text": "Olga's text.", "rate_per_second": "20"}).place.endswith("/check")
    seen = boss.post(path, **{**mine, "var_headline": "Boss's headline", "var_text": "Boss's text."})
    form = conflict_of(seen, path)
    picks = {name: form[f"pick {name}"][0] for name in ("var_headline", "var_text", "rate_per_second")}
    assert picks == {"var_headline": "mine", "var_text": "mine", "rate_per_second": "theirs"}
    saved = boss.post(path, **{**form, "pick var_text": "theirs"})
    assert saved.said == "saved", saved.text
    spec = spec_of(Stage.own().campaigns.get(campaign))
    assert (spec.context["headline"], spec.context["text"]) == ("Boss's headline", "Olga's text.")
    assert spec.rate_per_second == 20


def test_after_a_mistake_it_is_still_known_who_changed_what(boss: Visitor, olga: Visitor) -> None:
    """Promise B3: a form that came back with a mistake keeps what it was made from."""
    path = "/admin/templates/promo"
    mine, theirs = opened(boss, path, path), opened(olga, path, path)
    subject, html = "source.en.email.subject", "source.en.email.html"
    mistaken = boss.post(path, **{**mine, subject: "{{ broken"})
    assert mistaken.status == 422
    assert olga.post(path, **{**theirs, html: theirs[html][0] + "<p>Olga</p>"}).said == "saved"
    form = conflict_of(boss.post(path, **{**in_the_form(mistaken, path), subject: "Boss: {{ headline }}"}), path)
    assert (form[f"pick {subject}"], form[f"pick {html}"]) == (["mine"], ["theirs"])


def test_a_write_is_conditional_and_not_only_checked(boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise B3: who changes it between the check and the write is not written over."""
    shown = Stage.own().limiter.read_all(["ses.bulk"])[0]
    unchanged = limits.RateLimiter._unchanged

    def beaten(self: limits.RateLimiter, name: str, seen: Any) -> Any:
        condition = unchanged(self, name, seen)
        LimitRow(name).update(actions=[LimitRow.rate_per_second.set(77)])
        return condition

    monkeypatch.setattr(limits.RateLimiter, "_unchanged", beaten)
    path = "/admin/subsystems/limits/ses.bulk"
    assert boss.post(path, seen=shown.tag, rate_per_second="12").status == 412
    assert LimitRow.get("ses.bulk").rate_per_second == 77


def test_what_is_asked_of_a_consumer_is_not_written_over(stage: None) -> None:
    """Promise B3: the pace of a consumer too."""
    seen = tags.Seen((read_wishes(["retry"])["retry"].tag,))
    save_wish("retry", by="an-admin", at=now(), max_concurrency=5, seen=seen)
    with pytest.raises(ChangedError):
        save_wish("retry", by="boss", at=now(), max_concurrency=8, seen=seen)
    assert read_wishes(["retry"])["retry"].max_concurrency == 5


def test_what_was_removed_meanwhile_is_said_with_what_was_typed(boss: Visitor) -> None:
    """Promise B3: there is nothing to compare, and nothing typed is lost."""
    boss.post("/admin/event-rules/new", **rule("order.paid", "promo"))
    path = "/admin/event-rules/order.paid"
    mine = opened(boss, path, path)
    assert boss.post(f"{path}/remove").said == "removed"
    seen = boss.post(path, **{**mine, **rule("order.refunded", "promo")})
    assert seen.status == 412
    assert "order.refunded" in seen.text


def test_a_button_acts_on_what_it_was_shown_with(boss: Visitor, pump: Pump, letters: Letters) -> None:
    """Promise B3: what has become of it since is looked at first."""
    address = "anna@viewers.example"
    remove = "/admin/suppressions/remove"
    Stage.own().suppressions.add("email", address, reason=SuppressionReason.BY_HAND)
    before = opened(boss, f"/admin/suppressions?address={address}", remove)
    Stage.own().suppressions.add("email", address, reason=SuppressionReason.COMPLAINT)
    assert boss.post(remove, **before).status == 412
    assert Stage.own().suppressions.get("email", address).removed_at is None
    again = opened(boss, f"/admin/suppressions?address={address}", remove)
    assert [boss.post(remove, **again).said for _ in range(2)] == ["saved", "saved"]

    here, subject = "/admin/templates/promo", "source.ru.email.subject"
    for word in ("One", "Two"):
        boss.post(here, **{**opened(boss, here, here), subject: f"{word}: {{{{ headline }}}}"})
    first = f"{here}?version=1"
    restore, test = opened(boss, first, f"{here}/restore"), opened(boss, first, f"{here}/test")
    boss.post(here, **{**opened(boss, here, here), subject: "Three: {{ headline }}"})

    assert boss.post(f"{here}/restore", **restore).status == 412
    assert Stage.own().templates.get("promo").version == 3
    assert boss.post(f"{here}/test", **{**test, "to": address}).said == "tested"
    pump.run()
    assert [letter["subject"].partition(":")[0] for letter in letters()] == ["One"]
    assert boss.post(f"{here}/restore", **opened(boss, first, f"{here}/restore")).said == "saved"
