"""A manager's own account, and sessions: what ends them, what renews them, what they show."""

import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest

from chalicelib.accounts.managers import Role
from chalicelib.admin.views import REGISTERED
from chalicelib.clock import now
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.accounts import ManagerRow, SessionRow
from infra import managers as command
from tests.integration.admin.conftest import PASSWORD, Visitor, signed_in

NEW = "another good password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SECRET = re.compile(r'name="secret" value="([A-Z2-7]+)"')
MADE = re.compile(r"<code>([^<]+)</code>")


def other(name: str = "boss") -> Visitor:
    """Another browser of the same manager."""
    visitor = Visitor(ip="2001:db8::7", says={"user-agent": FIREFOX})
    assert visitor.sign_in(name).status == 303
    return visitor


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/admin").status == 200


def test_a_new_password_ends_the_other_sessions_and_renews_this_one(boss: Visitor) -> None:
    thief, old = other(), Visitor(cookies=dict(boss.cookies))
    for wrong in ({"old": "not it at all", "new": NEW}, {"old": PASSWORD, "new": "short"}):
        assert boss.post("/admin/account", **wrong).status == 422
    refused = boss.post("/admin/account", old=PASSWORD, new="Vestnik Cinema 2026!")
    assert "expected more than the names" in refused.text
    assert is_in(thief)
    assert boss.post("/admin/account", old=PASSWORD, new=f" {NEW} ").said == "saved"
    assert is_in(boss)
    assert not is_in(thief)
    assert not is_in(old)
    assert Visitor().sign_in("boss").status == 422
    assert Visitor().sign_in("boss", NEW).status == 422  # the spaces are part of it
    assert Visitor().sign_in("boss", f" {NEW} ").status == 303


def test_a_second_factor_is_set_moved_and_dropped_with_password_and_code(boss: Visitor) -> None:
    thief = other()
    app = pyotp.TOTP(SECRET.findall(boss.get("/admin/account").text)[0])
    path = "/admin/account/second-factor"
    assert boss.post(path, secret=app.secret, code=app.now()).status == 422
    assert boss.post(path, secret=app.secret, code="000000", old=PASSWORD).status == 422
    assert boss.post(path, secret="A" * 31, code=app.now(), old=PASSWORD).status == 422
    assert boss.post(path, secret=app.secret, code=app.now(), old=PASSWORD).said == "saved"
    assert is_in(boss)
    assert not is_in(thief)

    following = app.at(now() + timedelta(seconds=30))
    moved = pyotp.TOTP(SECRET.findall(boss.get("/admin/account").text)[0])
    assert boss.post(path, secret=moved.secret, code=moved.now(), old=PASSWORD).status == 422
    assert boss.post(path, secret=moved.secret, code=moved.now(), old=PASSWORD, present=following).said == "saved"
    following = moved.at(now() + timedelta(seconds=30))
    boss.get("/admin/account")
    assert boss.post(f"{path}/drop", old=PASSWORD).status == 422
    assert boss.post(f"{path}/drop", old=PASSWORD, present=following).said == "saved"
    assert Visitor().sign_in("boss").status == 303


def test_nobody_gets_round_the_proof_by_way_of_the_managers_page(boss: Visitor) -> None:
    assert boss.post("/admin/managers/boss/password").status == 409
    assert boss.post("/admin/managers/boss/code").status == 409


def test_an_administrator_drops_the_second_factor_of_another(boss: Visitor) -> None:
    olga, app = signed_in("olga", Role.VIEWER), pyotp.TOTP(pyotp.random_base32())
    Stage.own().managers.set_second_factor("olga", app.secret, app.now())
    assert "Without the code" in boss.get("/admin/managers").text
    assert boss.post("/admin/managers/olga/code").said == "saved"
    assert not is_in(olga)
    assert Visitor().sign_in("olga").status == 303


def test_every_session_is_listed_with_browser_network_and_times(boss: Visitor) -> None:
    other()
    shown = boss.get("/admin/account").text
    assert "Firefox, Linux" in shown
    assert "2001:db8::/64" in shown
    assert "192.0.2.1" in shown
    assert shown.count("this one") == 1
    assert shown.count("/end") == 1  # this one ends by signing out


def test_one_session_is_ended_or_all_others(boss: Visitor) -> None:
    first, second = other(), other()
    ends = re.findall(r'action="(/admin/account/sessions/[0-9a-f]{64}/end)"', boss.get("/admin/account").text)
    assert len(ends) == 2
    assert boss.post(ends[0]).said == "saved"
    assert [is_in(first), is_in(second)].count(True) == 1
    assert boss.post(ends[0]).status == 404
    assert boss.post("/admin/account/sign-out").said == "saved"
    assert not is_in(first)
    assert not is_in(second)
    assert is_in(boss)


def test_an_administrator_sees_and_ends_the_sessions_of_others(boss: Visitor) -> None:
    olga = signed_in("olga", Role.VIEWER)
    theirs = other("olga")
    shown = boss.get("/admin/managers/olga/sessions").text
    ends = re.findall(r'action="(/admin/managers/olga/sessions/[0-9a-f]{64}/end)"', shown)
    assert len(ends) == 2
    assert boss.post(ends[0].replace("/olga/", "/boss/")).status == 404
    for one in ends[:1]:
        assert boss.post(one).said == "saved"
    assert [is_in(olga), is_in(theirs)].count(True) == 1
    assert boss.post("/admin/managers/olga/sessions").said == "saved"
    assert not is_in(olga)
    assert not is_in(theirs)
    assert "Nowhere." in boss.get("/admin/managers/olga/sessions").text


def test_signing_out_ends_the_session_and_clears_what_the_browser_keeps(boss: Visitor) -> None:
    kept = dict(boss.cookies)
    left = boss.post("/admin/sign-out")
    assert left.place == "/admin/sign-in"
    assert left.headers["clear-site-data"] == '"cache", "storage"'
    assert boss.cookies["__Host-vestnik_session"] == ""
    assert boss.cookies["__Host-vestnik_known"]  # else a stranger could lock it out
    assert not is_in(Visitor(cookies=kept))


def test_signing_in_again_ends_the_session_that_the_browser_had(boss: Visitor) -> None:
    old = Visitor(cookies=dict(boss.cookies))
    assert boss.sign_in("boss").status == 303
    assert not is_in(old)
    assert is_in(boss)


def aged(**by: float) -> None:
    [row] = SessionRow.scan()
    row.update(actions=[SessionRow.seen_at.set((now() - timedelta(**by)).isoformat())])


def test_a_session_ends_when_nothing_is_asked_for_half_an_hour(boss: Visitor) -> None:
    aged(minutes=29)
    assert is_in(boss)
    aged(minutes=31)
    assert not is_in(boss)


def test_a_page_that_refreshes_itself_keeps_nobody_in(boss: Visitor) -> None:
    aged(minutes=29)
    boss.says = {"hx-request": "true"}
    assert boss.get("/admin").status == 200
    boss.says = {}
    [row] = SessionRow.scan()
    assert row.seen_at < (now() - timedelta(minutes=28)).isoformat()
    assert 'data-idle-seconds="1800"' in boss.get("/admin").text


def test_a_session_ends_after_twelve_hours(boss: Visitor) -> None:
    [row] = SessionRow.scan()
    assert row.expires_at_epoch <= (now() + timedelta(hours=12)).timestamp()
    row.update(actions=[SessionRow.expires_at_epoch.set(int(now().timestamp()) - 1)])
    assert not is_in(boss)


def test_a_session_from_before_rounds_were_counted_is_over(boss: Visitor) -> None:
    [row] = SessionRow.scan()
    row.update(actions=[SessionRow.round.remove(), SessionRow.seen_at.remove()])
    assert not is_in(boss)


@pytest.mark.parametrize("reset", [False, True])
def test_a_password_that_somebody_else_made_opens_nothing_but_its_change(boss: Visitor, reset: bool) -> None:
    Stage.own().managers.add("olga", roles=list(Role), by="test", password=PASSWORD)
    ivan: dict[str, Any] = {"name": "Ivan", "role": ["viewer", "administrator"]}
    made = boss.post("/admin/managers/olga/password") if reset else boss.post("/admin/managers", **ivan)
    name, password = "olga" if reset else "ivan", MADE.findall(made.text)[0]
    visitor = Visitor()
    assert visitor.sign_in(name, password).status == 303
    for route in REGISTERED:
        address = "/".join("x" if part.startswith("{") else part for part in route.path.split("/"))
        if not route.first:
            seen = visitor.get(address) if route.method == "GET" else visitor.post(address)
            assert (seen.status, seen.place) == (303, "/admin/account"), route
    shown = visitor.get("/admin/account").text
    assert "choose your own first" in shown
    assert "second-factor" not in shown
    assert "/admin/campaigns" not in shown
    assert visitor.post("/admin/account", old=password, new=NEW).said == "saved"
    assert is_in(visitor)
    assert {row.initial_until for row in ManagerRow.scan()} == {None}


def test_a_new_manager_gets_a_password_that_is_shown_once(boss: Visitor) -> None:
    made = boss.post("/admin/managers", name="Olga", role=["viewer"])
    assert made.status == 200
    assert "has to be changed at the first sign-in" in made.text
    assert boss.post("/admin/managers", name="olga", role=["viewer"]).status == 409
    assert boss.post("/admin/managers", name="ivan", role=["king"]).status == 422
    assert boss.post("/admin/managers", name="a b", role=["viewer"]).status == 422


def test_the_command_makes_accounts_whose_password_has_to_be_changed(
    boss: Visitor, capsys: pytest.CaptureFixture[str]
) -> None:
    for do in (["add", "olga", "--role", "viewer"], ["reset", "olga"], ["forget-code", "olga"]):
        assert command.main(["--stage", "dev", *do]) == 0
    password = capsys.readouterr().out.split("\n")[1]
    visitor = Visitor()
    assert visitor.sign_in("olga", password).status == 303
    assert visitor.get("/admin").place == "/admin/account"
