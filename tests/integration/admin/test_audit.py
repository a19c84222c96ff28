"""What the managers' pages record in the audit: acts before and after, refusals, readings of personal data."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from chalicelib.accounts.audit import Entry
from chalicelib.accounts.managers import Role
from chalicelib.clock import now, rfc3339
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.rows.accounts import AuditRow
from tests.integration.admin.conftest import PASSWORD, Visitor, signed_in
from tests.integration.api.gateway import REQUEST_ID
from tests.integration.faults import unreachable
from tests.processes import compose

HOST = "https://cinema.example"


def entries(**wanted: str) -> list[Entry]:
    return Stage.own().audit_log.page(limit=1000, cursor=None, wanted=wanted)[0]


def lines(did: str) -> list[str]:
    return [row.outcome for row in AuditRow.scan() if row.did == did]


def no_audit(when: Callable[[bytes], bool]) -> None:
    """Matching lines of the audit cannot be written."""

    def fail(request: Any, **rest: Any) -> None:
        if b"vestnik-test-audit" in request.body and when(request.body):
            unreachable(**rest)

    dynamodb().client.meta.events.register_first("before-send.dynamodb.PutItem", fail)


def test_an_act_is_one_entry_that_says_what_was_changed(boss: Visitor) -> None:
    boss.post("/admin/settings/redirect_url", value=f"{HOST}/hello")
    assert sorted(lines("setting.change")) == ["done", "intended"]
    [one] = entries(did="setting.change")
    assert (one.door, one.by, one.thing, one.outcome, one.ip) == ("page", "boss", "redirect_url", "done", "192.0.2.1")
    assert one.request == REQUEST_ID
    assert one.details == {"fields": ["value"], "before": HOST, "after": f"{HOST}/hello"}
    assert f"{HOST}/hello" in boss.get("/admin/audit").text


def test_an_act_whose_intention_cannot_be_written_does_not_happen(boss: Visitor) -> None:
    """Promise I4."""
    no_audit(lambda body: b"intended" in body)
    assert boss.post("/admin/settings/redirect_url", value=f"{HOST}/hello").status == 503
    assert Stage.own().site_settings.get("redirect_url").value == HOST


def test_nobody_is_let_in_without_a_line(boss: Visitor) -> None:
    no_audit(lambda body: b"sign-in" in body)
    assert Visitor().sign_in("boss").status == 503


def test_no_person_is_shown_without_a_line(boss: Visitor) -> None:
    Stage.own().directory.put("anna", UserBody(email="anna@example.com"))
    no_audit(lambda body: b"user.look" in body)
    seen = boss.get("/admin/users/anna")
    assert seen.status == 503
    assert "anna@example.com" not in seen.text


def test_an_act_that_has_no_end_has_an_unknown_outcome(boss: Visitor) -> None:
    no_audit(lambda body: b"#end" in body)
    boss.post("/admin/settings/redirect_url", value=f"{HOST}/hello")
    assert lines("setting.change") == ["intended"]
    assert [one.outcome for one in entries(did="setting.change")] == ["unknown"]
    assert [one.did for one in entries(outcome="unknown")] == ["setting.change"]


def test_an_act_that_nobody_expected_to_fail_has_failed(boss: Visitor) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boris@example.com")

    compose(settings_changes=SimpleNamespace(change=broken))
    assert boss.post("/admin/settings/redirect_url", value=HOST).status == 500
    assert [one.outcome for one in entries(did="setting.change")] == ["failed"]


@pytest.mark.parametrize(
    ("path", "did", "thing"),
    [
        ("/admin/users/anna", "user.look", "anna"),
        ("/admin/users?id=anna", "user.search", "anna"),
        ("/admin/notifications?id=anna", "notification.search", "anna"),
        ("/admin/notifications/n-1", "notification.look", "n-1"),
        ("/admin/templates/promo/letter?user=anna", "template.letter", "anna"),
    ],
)
def test_a_look_at_a_person_is_in_the_audit(boss: Visitor, path: str, did: str, thing: str) -> None:
    Stage.own().directory.put("anna", UserBody(email="anna@example.com"))
    boss.get(path)
    assert [(one.by, one.thing, one.outcome) for one in entries(did=did)] == [("boss", thing, "read")]


def test_an_address_is_in_the_audit_by_its_hash_and_is_found_by_itself(boss: Visitor) -> None:
    boss.get("/admin/users?id=Anna@example.com")
    boss.post("/admin/suppressions", address="anna@example.com")
    things = {one.thing for did in ("user.search", "suppression.add") for one in entries(did=did)}
    assert len(things) == 1
    assert "anna@" not in " ".join(str(row.attribute_values) for row in AuditRow.scan()).lower()
    page = boss.get("/admin/audit?thing=ANNA@example.com").text
    assert "suppressed an address" in page
    assert "looked for a user" in page
    assert "signed in" not in page.partition("<tbody>")[2]


@pytest.mark.parametrize("typed", ["+7 916 123-45-67", "+79161234567", "Анна Петрова", "hunter2 hunter2", "anna@\x00"])
def test_what_was_typed_where_an_id_belongs_is_in_the_audit_by_its_hash(boss: Visitor, typed: str) -> None:
    """Promise I4."""
    boss.get(f"/admin/users?id={quote(typed)}")
    boss.get(f"/admin/users/{quote(typed)}")
    boss.get(f"/admin/suppressions?address={quote(typed)}")
    boss.post("/admin/suppressions", address="79161234567")
    boss.post("/admin/managers", name=typed)
    things = {str(one.thing) for one in entries() if one.did != "sign-in"}
    assert all(one.startswith("#") for one in things)
    assert len(boss.get(f"/admin/audit?thing={quote(typed)}&by=boss").text.split("looked for a user")) > 1
    assert (
        "looked for a user" in boss.get(f"/admin/audit?thing={quote(entries(did='user.search')[0].thing or '')}").text
    )


def test_what_a_key_may_do_and_what_a_manager_is_are_in_the_audit(boss: Visitor) -> None:
    made = boss.post("/admin/keys", name="shop", scope=["users:write", "users:read"]).text
    boss.post("/admin/managers", name="boris", role=["viewer"])
    boss.post("/admin/managers/boris/roles", role=["editor", "viewer"])
    boss.post("/admin/managers/boris/access", disabled="yes")
    [key] = entries(did="key.create")
    assert (key.thing, key.details["after"]) == ("shop", ["users:read", "users:write"])
    assert f"vk_{key.details['things'][0]}_" in made
    afters = [one.details.get("after") for one in entries(thing="boris")]
    assert afters == ["disabled", ["editor", "viewer"], ["viewer"]]
    assert "users:write" in boss.get("/admin/audit").text


def test_whoever_lacks_a_role_is_in_the_audit_for_actions_and_for_pages(stage: None) -> None:
    olga = signed_in("olga", Role.VIEWER)
    olga.post("/admin/settings/redirect_url", value=HOST)
    olga.get("/admin/managers")
    refused = {(one.did, one.thing) for one in entries(by="olga", outcome="forbidden")}
    assert refused == {("setting.change", "redirect_url"), ("page.open", "/admin/managers")}
    assert lines("setting.change") == ["forbidden"]  # nothing was begun


def test_a_form_of_another_site_is_in_the_audit_and_names_nobody(stage: None) -> None:
    evil = Visitor(site="cross-site")
    evil.post("/admin/managers", token="any", name="mallory")
    [one] = entries(outcome="forbidden")
    assert (one.by, one.did, one.thing) == ("?", "manager.add", "/admin/managers")


@pytest.mark.parametrize("stranger", [Visitor(site="cross-site"), Visitor(token="forged")])
def test_a_forged_form_of_signing_in_is_in_the_audit_and_names_nobody(boss: Visitor, stranger: Visitor) -> None:
    assert stranger.post("/admin/sign-in", name="boss", password=PASSWORD).status == 403
    assert [(one.by, one.did) for one in entries(outcome="forbidden")] == [("?", "sign-in")]


def test_a_wrong_present_password_is_in_the_audit(boss: Visitor) -> None:
    boss.post("/admin/account", old="not the password", new="another password!")
    [one] = entries(did="password.change")
    assert one.outcome in ("unauthorized", "invalid", "forbidden")
    assert "another password!" not in str([row.attribute_values for row in AuditRow.scan()])


def test_nobody_fills_the_audit_by_hammering_and_what_was_left_out_is_counted(
    stage: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga = signed_in("olga", Role.VIEWER)
    for _ in range(30):
        olga.get("/admin/managers")
    assert len(entries(by="olga", outcome="forbidden")) == 20
    monkeypatch.setattr("chalicelib.accounts.audit._WINDOW", timedelta(0))
    olga.get("/admin/managers")
    assert entries(by="olga", outcome="forbidden")[0].details == {"left_out": 10}


def test_the_audit_is_looked_through_by_door_and_by_time(boss: Visitor) -> None:
    assert "signed in" in boss.get("/admin/audit?door=page&since=2020-01-01T00:00").text
    for nothing in ("door=api", "until=2020-01-01T00:00", "since=2099-01-01T00:00"):
        assert "No line fits." in boss.get(f"/admin/audit?{nothing}").text, nothing
    seen = boss.get("/admin/audit?since=yesterday")
    assert (seen.status, "expected a date and a time" in seen.text) == (422, True)


def test_an_act_is_one_entry_where_a_page_ends_between_its_lines(boss: Visitor) -> None:
    for n in range(3):
        boss.post("/admin/settings/redirect_url", value=f"{HOST}/{n}")
    seen: list[Entry] = []
    cursor: str | None = None
    while True:
        page, cursor = Stage.own().audit_log.page(limit=1, cursor=cursor, wanted={"did": "setting.change"})
        seen += page
        if cursor is None:
            break
    assert [one.outcome for one in seen] == ["done"] * 3


@pytest.mark.parametrize(
    "forged",
    [
        {},
        {"place": {"S": "zzz"}},
        {"details": {"S": "{"}},
        {"details": {"S": "[1]"}},
        {"details": {"S": '{"fields": 5, "things": "x", "left_out": []}'}},
        {"number": {"S": "x"}, "by": {"N": "5"}},
        {"outcome": {"M": {}}},
    ],
)
def test_a_line_that_is_not_ours_hides_none_of_those_beside_it(boss: Visitor, forged: dict[str, Any]) -> None:
    """Promise I4."""
    line = {
        "month": {"S": f"{now():%Y-%m}"},
        "place": {"S": f"{rfc3339(now())}#forged"},
        "door": {"S": "page"},
        **forged,
    }
    boto3.client("dynamodb").put_item(TableName="vestnik-test-audit", Item=line)
    for path in ("/admin/audit", "/admin/audit?door=page&thing=x"):
        assert boss.get(path).status == 200
    seen = boss.get("/admin/audit").text
    assert "not a line of ours" in seen
    assert "signed in" in seen.partition("<tbody>")[2]
