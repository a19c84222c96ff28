"""Accounts, sessions, keys, settings, templates and the audit: who is first writes, and nobody overwrites unseen."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.errors import BusyError, ConflictError, InvalidError, NotFoundError, TooManyRequestsError
from chalicelib.etags import Seen
from chalicelib.storage.allowances import Allowances, GuestAllowances
from chalicelib.storage.api_keys import StoredKey, find_key, page_of_keys, revoke_key, save_key, service_names
from chalicelib.storage.audit import END, AuditChain, lines_before
from chalicelib.storage.calls import BUSY_SECONDS, RecordedCalls, Turn
from chalicelib.storage.configuration import StoredSetting, TemplateVersions, find_setting, read_settings, save_setting
from chalicelib.storage.event_sources import read_wishes, save_wish
from chalicelib.storage.managers import (
    Account,
    add_account,
    change_account,
    find_account,
    find_account_and_settings,
    page_of_accounts,
    use_code,
)
from chalicelib.storage.sessions import (
    StoredSession,
    add_session,
    delete_session,
    find_session,
    note_seen,
    sessions_of,
)

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NOW = "2026-03-02T10:00:00Z"
ANNA = Account("anna", "argon2", ["editor", "viewer"], initial_until="2026-03-09T10:00:00Z")
SESSION = StoredSession("k1", "anna", NOW, 1_900_000_000, round=2, seen_at=NOW, browser="Firefox")


def test_an_account_is_read_as_it_was_added_and_its_name_is_taken(database: str) -> None:
    assert add_account(ANNA, by="boss", at=AT)
    assert not add_account(ANNA._replace(password_hash="other"), by="boss", at=AT)
    assert find_account("anna") == ANNA
    assert find_account("nobody") is None


def test_an_account_and_settings_are_read_in_one_request(database: str) -> None:
    add_account(ANNA, by="boss", at=AT)
    logo = StoredSetting({"url": "https://cinema.example/logo.png"}, 1, NOW, "anna")
    assert save_setting("logo", logo)
    assert find_account_and_settings("anna", ["logo", "caps"]) == (ANNA, {"logo": logo})
    assert find_account_and_settings("nobody", ["caps"]) == (None, {})


def test_a_change_of_an_account_sets_removes_and_ends_sessions(database: str) -> None:
    add_account(ANNA, by="boss", at=AT)
    assert change_account("anna", {"password_hash": "new", "initial_until": None})
    assert find_account("anna") == ANNA._replace(password_hash="new", initial_until=None, sessions_round=1)
    assert change_account("anna", {"roles": ["viewer"]}, ends_sessions=False, roles_were=ANNA.roles)
    assert not change_account("anna", {"roles": ["approver"]}, roles_were=ANNA.roles)
    assert not change_account("nobody", {"disabled": True})


def test_a_code_works_once(database: str) -> None:
    add_account(ANNA, by="boss", at=AT)
    change_account("anna", {"totp_secret": "sealed", "totp_step": 7})
    account = find_account("anna")
    assert account is not None
    assert not use_code(account, sealed_secret="again", step=7)
    assert use_code(account, sealed_secret="again", step=8)
    assert not use_code(account, sealed_secret="again", step=9)


def test_accounts_are_paged_by_name(database: str) -> None:
    for name in ("boris", "anna", "olga"):
        add_account(ANNA._replace(name=name), by="boss", at=AT)
    first, cursor = page_of_accounts(limit=2, cursor=None)
    second, _ = page_of_accounts(limit=2, cursor=cursor)
    assert [one.name for one in (*first, *second)] == ["anna", "boris", "olga"]
    with pytest.raises(InvalidError):
        page_of_accounts(limit=2, cursor="bm9uZQ")


def test_a_session_is_found_listed_and_ended_by_its_manager_alone(database: str) -> None:
    add_session(SESSION)
    add_session(SESSION._replace(key="k2", began_at="2026-03-02T11:00:00Z"))
    note_seen("k1", at="2026-03-02T10:05:00Z")
    note_seen("k3", at=NOW)
    assert find_session("k1") == SESSION._replace(seen_at="2026-03-02T10:05:00Z")
    assert find_session("k3") is None
    assert {one.key for one in sessions_of("anna", limit=50)} == {"k1", "k2"}
    assert not delete_session("k1", of="boris")
    assert delete_session("k1", of="anna")
    assert find_session("k1") is None


def test_keys_are_listed_without_their_hashes_the_revoked_ones_last(database: str) -> None:
    for n, name in enumerate(("shop", "player")):
        save_key(StoredKey(f"k{n}", name, ["users:read"], NOW, secret_hash="hash", made_by="anna"))
    revoke_key("k1")
    revoke_key("k1")
    keys, cursor = page_of_keys(limit=10, cursor=None)
    assert [(one.key_id, one.secret_hash, one.revoked_at is None) for one in keys] == [
        ("k0", "", True),
        ("k1", "", False),
    ]
    assert cursor is None
    assert service_names() == {"shop", "player"}
    found = find_key("k0")
    assert found is not None
    assert (found.secret_hash, found.made_by) == ("hash", "anna")
    assert find_key("k2") is None
    with pytest.raises(NotFoundError):
        revoke_key("k2")


def test_of_two_versions_of_a_setting_one_is_written(database: str) -> None:
    first = StoredSetting({"name": "Cinema"}, 1, NOW, "anna")
    assert save_setting("sender", first)
    assert not save_setting("sender", first._replace(updated_by="boris"))
    assert save_setting("sender", first._replace(value=["x"], version=2))
    assert not save_setting("sender", first._replace(version=4))
    assert find_setting("sender") == first._replace(value=["x"], version=2)
    assert read_settings(["sender", "caps"]) == {"sender": first._replace(value=["x"], version=2)}


def test_the_newest_version_of_a_template_hides_those_before(database: str) -> None:
    table = TemplateVersions(clock=lambda: AT)
    assert table.latest("promo") is None
    assert table.add("promo", 1, {"n": 1}, replaces=None, by="anna")
    assert not table.add("promo", 1, {"n": 9}, replaces=None, by="boris")
    assert table.add("promo", 2, {"n": 2}, replaces=1, by="anna")
    table.keep("promo", "shipped-0123456789ab", {"n": 0})
    table.keep("promo", "shipped-0123456789ab", {"n": 8})
    assert (table.latest("promo"), table.body("promo", 1), table.newest()) == (2, {"n": 1}, [{"n": 2}])
    assert table.body("promo", "shipped-0123456789ab") == {"n": 0}
    assert table.body("promo", 3) is None


def test_an_allowance_is_used_up_in_its_window_and_given_back(database: str) -> None:
    allowances = Allowances(clock=lambda: AT)
    taken = [allowances.take("sign-in#anna", times=2, minutes=15) for _ in range(2)]
    with pytest.raises(TooManyRequestsError):
        allowances.take("sign-in#anna", times=2, minutes=15)
    allowances.give_back(taken[0])
    allowances.take("sign-in#anna", times=2, minutes=15)
    GuestAllowances(clock=lambda: AT).take("sign-in#anna", times=1, minutes=15)  # in a table of its own


def test_one_process_does_a_call_and_others_have_its_answer(database: str) -> None:
    seconds = [AT.timestamp()]
    calls = RecordedCalls(clock=lambda: datetime.fromtimestamp(seconds[0], UTC))
    turn = calls.begin("call", body="digest")
    assert isinstance(turn, Turn)
    with pytest.raises(BusyError):
        calls.begin("call", body="digest")
    with pytest.raises(ConflictError):
        calls.begin("call", body="another")
    seconds[0] += BUSY_SECONDS
    later = calls.begin("call", body="digest")
    assert isinstance(later, Turn)
    calls.finish(turn, "too late")
    calls.finish(later, "the answer")
    assert calls.begin("call", body="digest") == "the answer"
    calls.forget(later)
    assert isinstance(calls.begin("call", body="another"), Turn)


def test_what_is_asked_of_an_event_source_is_changed_by_who_has_seen_it(database: str) -> None:
    seen = Seen((read_wishes(["retry"])["retry"].tag,))
    save_wish("retry", by="anna", at=AT, max_concurrency=5, seen=seen)
    save_wish("retry", by="anna", at=AT, paused=True)
    assert read_wishes(["retry", "load"])["retry"]._asdict() == {
        "paused": True,
        "max_concurrency": 5,
        "batch_size": None,
    }
    with pytest.raises(ConflictError):
        save_wish("retry", by="boris", at=AT, max_concurrency=8, seen=seen)


def test_lines_of_the_audit_are_read_newest_first_each_beside_its_end(database: str) -> None:
    chain = AuditChain(clock=lambda: AT)
    what: dict[str, Any] = {"door": "page", "by": "anna", "did": "look", "ip": "192.0.2.1"}
    begun = chain.add(**what, outcome="intended")
    chain.add(**what, outcome="read")
    chain.add(begun=begun, **what, outcome="done", details={"fields": ["name"]})
    lines = lines_before("2026-03", None, limit=10)
    assert [one["outcome"] for one in lines] == ["read", "done", "intended"]
    assert lines[1]["place"] == f"{lines[2]['place']}{END}"
    assert [one["outcome"] for one in lines_before("2026-03", lines[1]["place"], limit=10)] == ["intended"]
    assert len({one["digest"] for one in lines}) == 3
