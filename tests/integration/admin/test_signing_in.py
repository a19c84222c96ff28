"""Who gets in: password and code on two steps, allowances that no stranger can use up for others, and forms that no
other site can send."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

import pyotp
import pytest

from chalicelib.accounts.managers import Role
from chalicelib.clock import now
from chalicelib.stage.app import Stage
from chalicelib.storage.allowances import Allowances
from chalicelib.storage.rows.accounts import AuditRow, ManagerRow
from chalicelib.storage.rows.links import AllowanceRow
from tests.integration.admin.conftest import PASSWORD, Visitor
from tests.processes import compose

STEP = re.compile(r'name="step" value="([^"]+)"')
WRONG = "wrong password!"
NOON = f"{now():%Y-%m-%d}T12:01:00Z"


@pytest.fixture
def nobody(stage: None, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    compose(allowances=Allowances(clock=partial(datetime.fromisoformat, NOON)))  # in one window
    Stage.own().managers.add("olga", roles=[Role.VIEWER], by="test", password=PASSWORD)
    return Visitor()


@pytest.fixture
def phone(nobody: Visitor) -> pyotp.TOTP:
    """The app of olga, whose last code was of half a minute ago."""
    app = pyotp.TOTP(pyotp.random_base32())
    Stage.own().managers.set_second_factor("olga", app.secret, app.at(now() - timedelta(seconds=30)))
    return app


def strangers(count: int, *, networks: int) -> Iterator[Visitor]:
    """Browsers that nobody knows, in so many networks."""
    for n in range(count):
        yield Visitor(ip=f"198.51.100.{n % networks}")


@pytest.mark.parametrize(("name", "password"), [("olga", WRONG), ("nobody", PASSWORD), ("../x", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_look_alike(nobody: Visitor, name: str, password: str) -> None:
    seen = nobody.sign_in(name, password)
    assert seen.status == 422
    assert "The name or the password is wrong." in seen.text
    assert "__Host-vestnik_session" not in nobody.cookies


def test_the_code_is_asked_for_on_a_step_of_its_own_and_works_once(nobody: Visitor, phone: pyotp.TOTP) -> None:
    first = nobody.sign_in("olga")
    assert first.status == 200
    assert STEP.search(first.text)
    assert "__Host-vestnik_session" not in nobody.cookies
    wrong = nobody.post("/admin/sign-in", name="olga", step=STEP.findall(first.text)[0], code="000000")
    assert wrong.status == 422
    assert STEP.search(wrong.text)  # who mistypes it has not to begin again
    assert nobody.sign_in("olga", WRONG).status == 422
    code = phone.now()
    assert nobody.sign_in("olga", code=f"{code[:3]} {code[3:]}").status == 303
    assert Visitor().sign_in("olga", code=code).status == 422


def test_the_second_step_belongs_to_one_browser_for_five_minutes(
    nobody: Visitor, phone: pyotp.TOTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = STEP.findall(nobody.sign_in("olga").text)[0]
    thief = Visitor()
    thief.get("/admin/sign-in")
    assert thief.post("/admin/sign-in", name="olga", step=step, code=phone.now()).status == 422
    for forged in ("x", "x.y.z", step[:-1] + ("A" if step[-1] != "A" else "B"), f"b2xnYQ.{'9' * 40}.x"):
        assert nobody.post("/admin/sign-in", name="olga", step=forged, code=phone.now()).status == 422
    compose(clock=lambda: now() + timedelta(minutes=6))
    late = nobody.post("/admin/sign-in", name="olga", step=step, code=phone.now())
    assert late.status == 403
    assert not STEP.search(late.text)
    compose(clock=now)
    assert nobody.post("/admin/sign-in", name="olga", step=step, code=phone.now()).status == 303


def test_no_step_outlives_the_end_of_all_sessions(nobody: Visitor, phone: pyotp.TOTP) -> None:
    step = STEP.findall(nobody.sign_in("olga").text)[0]
    Stage.own().managers.end_sessions("olga")
    assert nobody.post("/admin/sign-in", name="olga", step=step, code=phone.now()).status == 422


def test_wrong_codes_are_limited_however_many_networks_they_come_from(nobody: Visitor, phone: pyotp.TOTP) -> None:
    seen = [stranger.sign_in("olga", code="000000").status for stranger in strangers(21, networks=50)]
    assert seen == [422] * 20 + [429]


def test_guessing_is_slowed_down_for_one_name_in_one_network(nobody: Visitor) -> None:
    tries = [nobody.sign_in("olga", WRONG).status for _ in range(11)]
    assert tries == [422] * 10 + [429]
    refused = nobody.sign_in("olga")  # the right one too: it may have been guessed
    assert refused.status == 429
    assert re.search(r"Try again in \d+ min", refused.text)
    assert Visitor(ip="192.0.2.2").sign_in("olga").status == 303  # the owner elsewhere


@pytest.mark.parametrize(
    ("ip", "same", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"),
    ],
)
def test_a_network_is_an_address_or_what_one_customer_has(nobody: Visitor, ip: str, same: str, other: str) -> None:
    for _ in range(10):
        Visitor(ip=ip).sign_in("olga", WRONG)
    assert Visitor(ip=same).sign_in("olga").status == 429
    assert Visitor(ip=other).sign_in("olga").status == 303


def test_no_stranger_locks_out_a_browser_that_has_signed_in(nobody: Visitor) -> None:
    assert nobody.sign_in("olga").status == 303
    for stranger in strangers(60, networks=9):
        stranger.sign_in("olga", WRONG)
    for _ in range(12):
        Visitor().sign_in("olga", WRONG)  # from the same network
    assert Visitor(ip="203.0.113.1").sign_in("olga").status == 429  # a browser that nobody knows has to wait
    assert nobody.sign_in("olga").status == 303


def test_a_known_browser_guesses_no_more_than_others_and_is_forgotten_with_the_password(nobody: Visitor) -> None:
    assert nobody.sign_in("olga").status == 303
    assert [nobody.sign_in("olga", WRONG).status for _ in range(11)] == [422] * 10 + [429]
    Stage.own().managers.change_password("olga", "another good password")
    assert nobody.sign_in("olga", WRONG).status == 422  # as a stranger in this network, who has tried nothing yet
    stranger = Visitor(cookies={"__Host-vestnik_known": nobody.cookies["__Host-vestnik_known"]})
    Stage.own().managers.add("ivan", roles=[Role.VIEWER], by="test", password=PASSWORD)
    for _ in range(10):
        stranger.sign_in("ivan", WRONG)
    assert stranger.sign_in("ivan", WRONG).status == 429  # it is known for olga alone


def test_a_browser_is_forgotten_when_all_sessions_end(nobody: Visitor) -> None:
    """Else somebody who had the password before there was a second factor would have tries at it of their own."""
    assert nobody.sign_in("olga").status == 303
    app = pyotp.TOTP(pyotp.random_base32())
    Stage.own().managers.set_second_factor("olga", app.secret, app.now())
    for _ in range(30):
        Visitor().sign_in("nobody", WRONG)  # the network has no tries left
    assert nobody.sign_in("olga").status == 429


@pytest.mark.parametrize("known", ["9" * 400, "9" * 5000 + ".x", "\u0663.x", "-1.x", ".", "x"])
def test_a_forged_sign_of_a_known_browser_is_passed_over(nobody: Visitor, known: str) -> None:
    nobody.cookies["__Host-vestnik_known"] = known
    assert nobody.sign_in("olga", WRONG).status == 422
    assert nobody.sign_in("olga").status == 303


def test_where_many_networks_have_guessed_a_code_still_lets_the_owner_in(nobody: Visitor, phone: pyotp.TOTP) -> None:
    for stranger in strangers(50, networks=50):
        assert stranger.sign_in("olga", WRONG).status == 422
    answers = [Visitor(ip="203.0.113.7").sign_in(name, word) for name, word in (("olga", WRONG), ("nobody", PASSWORD))]
    for n in range(50):
        Visitor(ip=f"203.0.113.{n}").sign_in("nobody", WRONG)
    answers.append(Visitor(ip="203.0.113.8").sign_in("nobody", PASSWORD))
    right = Visitor(ip="203.0.113.9")
    answers.append(right.sign_in("olga"))
    assert [one.status for one in answers] == [429, 422, 429, 429]
    assert all(STEP.search(one.text) for one in answers if one.status == 429)  # nothing tells which one was right
    assert Visitor(ip="203.0.113.10").sign_in("olga", WRONG, code=phone.now()).status == 422
    assert right.sign_in("olga", code=phone.now()).status == 303


def test_running_out_of_codes_tells_nothing_of_the_password(nobody: Visitor, phone: pyotp.TOTP) -> None:
    for _ in range(50):
        Stage.own().authentication._take_of_name("olga")
    for password in (PASSWORD, WRONG):
        answers = []
        for n in range(0, 21, 4):
            stranger = Visitor(ip=f"203.0.113.{n}")
            step = STEP.findall(stranger.sign_in("olga", password).text)[0]
            assert {row.outcome for row in AuditRow.scan()} >= {"toomanyrequests"}  # a line takes time, right or wrong
            form = {"name": "olga", "step": step, "code": "000000"}
            answers += [stranger.post("/admin/sign-in", **form).status for _ in range(4)]
        assert answers == [422] * 20 + [429] * 4, password


def test_signing_in_rightly_uses_no_try_up(nobody: Visitor) -> None:
    for _ in range(9):
        assert nobody.sign_in("olga", WRONG).status == 422
    assert {Visitor().sign_in("olga").status for _ in range(12)} == {303}  # more than a name may try
    assert nobody.sign_in("olga", WRONG).status == 422  # nor does it give any back
    assert nobody.sign_in("olga", WRONG).status == 429


def test_guessing_names_from_one_address_is_slowed_down(nobody: Visitor) -> None:
    tries = [nobody.sign_in(f"name{n}", PASSWORD).status for n in range(31)]
    assert tries == [422] * 30 + [429]
    assert Visitor(ip="192.0.2.2").sign_in("name1", PASSWORD).status == 422


@pytest.mark.parametrize(
    "said",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
        {"sec-fetch-site": "", "origin": "null"},
        {"sec-fetch-site": "", "referer": "https://evil.example/admin"},
    ],
)
def test_a_form_of_another_site_signs_nobody_in(nobody: Visitor, said: dict[str, str]) -> None:
    nobody.get("/admin/sign-in")
    nobody.says = said
    assert nobody.post("/admin/sign-in", name="olga", password=PASSWORD).status == 403
    nobody.says = {"sec-fetch-site": "", "origin": "https://notify.cinema.example"}
    assert nobody.post("/admin/sign-in", name="olga", password=PASSWORD).status == 303


def test_no_browser_signs_in_by_a_form_that_it_was_not_given(nobody: Visitor) -> None:
    other = Visitor()
    other.get("/admin/sign-in")
    nobody.says = {"sec-fetch-site": ""}  # a browser that says nothing of where the form is
    assert nobody.post("/admin/sign-in", token="", name="olga", password=PASSWORD).status == 403
    nobody.get("/admin/sign-in")
    assert nobody.post("/admin/sign-in", token=other.token, name="olga", password=PASSWORD).status == 403
    assert "no cookies" in nobody.post("/admin/sign-in", token="", name="olga", password=PASSWORD).text
    assert nobody.post("/admin/sign-in", name="olga", password=PASSWORD).status == 303


def test_a_password_that_somebody_else_made_works_for_a_week(nobody: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    password = Stage.own().managers.add("ivan", roles=[Role.VIEWER], by="test")
    compose(clock=lambda: now() + timedelta(days=8))
    assert nobody.sign_in("ivan", password).status == 422
    compose(clock=now)
    assert nobody.sign_in("ivan", password).status == 303


def test_a_refused_step_is_in_the_audit_with_the_name(nobody: Visitor, phone: pyotp.TOTP) -> None:
    nobody.sign_in("olga", code="000000")
    assert [(row.by, row.outcome) for row in AuditRow.scan()] == [("olga", "unauthorized")]


def test_what_is_counted_is_forgotten_in_days(nobody: Visitor, phone: pyotp.TOTP) -> None:
    nobody.sign_in("olga", code="000000")
    kept = [datetime.fromtimestamp(row.expires_at_epoch).astimezone() for row in AllowanceRow.scan()]
    assert kept
    assert max(kept) < now() + timedelta(days=3)


def test_the_table_does_not_tell_the_secret_of_a_second_factor(nobody: Visitor, phone: pyotp.TOTP) -> None:
    """Promise I7: nor does it work for another account."""
    kept = ManagerRow.get("olga").totp_secret
    assert phone.secret not in str(ManagerRow.get("olga").attribute_values)
    assert Stage.own().sealer.unseal(kept, about="totp#olga") == phone.secret
    Stage.own().managers.add("ivan", roles=[Role.VIEWER], by="test", password=PASSWORD)
    ManagerRow("ivan").update(actions=[ManagerRow.totp_secret.set(kept), ManagerRow.totp_step.set(0)])
    assert Visitor().sign_in("ivan", code=phone.now()).status == 422


def test_a_secret_that_was_kept_in_the_clear_works_once_more_and_is_sealed(nobody: Visitor, phone: pyotp.TOTP) -> None:
    ManagerRow("olga").update(actions=[ManagerRow.totp_secret.set(phone.secret)])
    assert Visitor().sign_in("olga", code="000000").status == 422
    assert Visitor().sign_in("olga", code=phone.now()).status == 303
    assert Stage.own().sealer.unseal(ManagerRow.get("olga").totp_secret, about="totp#olga") == phone.secret
    assert phone.secret not in str(ManagerRow.get("olga").attribute_values)
