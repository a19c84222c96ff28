"""What keeps the managers' page safe: who gets in, who may do what, and what the browser is told."""

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest

from chalicelib.admin.frame import REGISTERED, Registered
from chalicelib.clock import now
from chalicelib.control import audit_reading as audits
from chalicelib.control import managers as accounts
from chalicelib.control.managers import Role
from chalicelib.storage.managers import AuditRow, ManagerRow, SessionRow
from chalicelib.wiring.admin import managers
from chalicelib.wiring.audit import audit_reader
from chalicelib.wiring.signing import sealer
from tests.integration.admin.conftest import PASSWORD, Visitor, signed_in

ROW = re.compile(r'<tr><td>[^<]+</td><td>[^<]+</td><td>[^<]+<span class="soft">([^<]+)</span></td>')
OLDER = re.compile(r'href="(/admin/audit[^"]+cursor=[^"]+)"')
FIELD = re.compile(r'name="secret" value="([A-Z2-7]+)"')


@pytest.fixture
def nobody(stage: None) -> Visitor:
    return Visitor()


def path_of(route: Registered) -> str:
    return "/".join("x" if part.startswith("{") else part for part in route.path.split("/"))


def audit() -> list[tuple[str, str, str]]:
    entries, cursor = audit_reader().page(limit=1000, cursor=None)
    assert cursor is None
    return [(one.by, one.did, one.outcome) for one in entries]


def test_no_page_is_shown_to_nobody(nobody: Visitor) -> None:
    for route in REGISTERED:
        seen = nobody.get(path_of(route)) if route.method == "GET" else nobody.post(path_of(route))
        assert (seen.status, seen.place) == (303, "/admin/sign-in"), route


@pytest.mark.parametrize("role", list(Role))
def test_every_action_is_refused_to_whoever_lacks_its_role(stage: None, role: Role) -> None:
    visitor = signed_in("olga", role)
    for route in REGISTERED:
        if route.role in (role, Role.VIEWER):
            continue
        seen = visitor.get(path_of(route)) if route.method == "GET" else visitor.post(path_of(route))
        assert seen.status == 403, route


def test_every_action_is_refused_without_the_token_of_its_form(boss: Visitor) -> None:
    foreign = signed_in("other", *Role).token
    for route in REGISTERED:
        if route.method == "POST":
            for token in ("", "forged", foreign):
                assert boss.post(path_of(route), token=token).status == 403, (route, token)
    assert ManagerRow.get("boss").disabled is False


def test_the_session_cookie_is_out_of_reach_for_scripts_and_other_sites(nobody: Visitor) -> None:
    managers().add("olga", roles=[Role.VIEWER], by="test", password=PASSWORD)
    line = nobody.sign_in("olga").headers["set-cookie"]
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/admin"} <= {part.strip() for part in line.split(";")}


def test_the_table_holds_neither_passwords_nor_session_ids(boss: Visitor) -> None:
    session_id = boss.cookies["vestnik_session"].partition(".")[0]
    rows: list[Any] = [*ManagerRow.scan(), *SessionRow.scan()]
    stored = " ".join(str(row.attribute_values) for row in rows)
    assert PASSWORD not in stored
    assert session_id not in stored
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in stored


@pytest.mark.parametrize(("name", "password"), [("olga", "wrong password!"), ("nobody", PASSWORD), ("../x", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_look_alike(nobody: Visitor, name: str, password: str) -> None:
    managers().add("olga", roles=[Role.VIEWER], by="test", password=PASSWORD)
    seen = nobody.sign_in(name, password)
    assert seen.status == 422
    assert "The name, the password or the code is wrong." in seen.text
    assert "vestnik_session" not in nobody.cookies


@pytest.fixture
def phone(boss: Visitor) -> pyotp.TOTP:
    """The app of somebody who has turned the second factor on."""
    secret = FIELD.findall(boss.get("/admin/account").text)[0]
    app = pyotp.TOTP(secret)
    assert boss.post("/admin/account/second-factor", secret=secret, code="000000").status == 422
    assert boss.post("/admin/account/second-factor", secret="A" * 31, code=app.now()).status == 422
    before = now() - timedelta(seconds=30)  # a phone whose clock is half a minute late
    assert boss.post("/admin/account/second-factor", secret=secret, code=app.at(before)).said == "saved"
    return app


def test_a_second_factor_is_asked_for_and_no_code_works_twice(boss: Visitor, phone: pyotp.TOTP) -> None:
    assert Visitor().sign_in("boss").status == 422
    assert Visitor().sign_in("boss", code="000000").status == 422
    assert Visitor().sign_in("boss", "wrong password!", code=phone.now()).status == 422
    code = phone.now()
    assert Visitor().sign_in("boss", code=f"{code[:3]} {code[3:]}").status == 303
    assert Visitor().sign_in("boss", code=code).status == 422
    assert FIELD.findall(boss.get("/admin/account").text) == []


def test_a_second_factor_is_dropped_with_the_password_or_by_an_administrator(boss: Visitor, phone: pyotp.TOTP) -> None:
    assert boss.post("/admin/account/second-factor/drop", password="wrong password!").status == 422
    assert Visitor().sign_in("boss").status == 422
    assert boss.post("/admin/account/second-factor/drop", password=PASSWORD).said == "saved"
    assert Visitor().sign_in("boss").status == 303
    managers().set_second_factor("boss", phone.secret, phone.now())
    assert "Without the code" in boss.get("/admin/managers").text
    assert boss.post("/admin/managers/boss/code").said == "saved"
    assert Visitor().sign_in("boss").status == 303


def test_the_table_does_not_tell_the_secret_of_a_second_factor(boss: Visitor, phone: pyotp.TOTP) -> None:
    """Promise I7: nor does it work for another account."""
    kept = ManagerRow.get("boss").totp_secret
    assert phone.secret not in str(ManagerRow.get("boss").attribute_values)
    assert sealer().unseal(kept, about="totp#boss") == phone.secret
    managers().add("olga", roles=[Role.VIEWER], by="test", password=PASSWORD)
    ManagerRow("olga").update(actions=[ManagerRow.totp_secret.set(kept), ManagerRow.totp_step.set(0)])
    assert Visitor().sign_in("olga", code=phone.now()).status == 422


def test_a_secret_that_was_kept_in_the_clear_works_once_more_and_is_sealed(boss: Visitor, phone: pyotp.TOTP) -> None:
    ManagerRow("boss").update(actions=[ManagerRow.totp_secret.set(phone.secret)])
    assert Visitor().sign_in("boss", code="000000").status == 422
    assert Visitor().sign_in("boss", code=phone.now()).status == 303
    assert sealer().unseal(ManagerRow.get("boss").totp_secret, about="totp#boss") == phone.secret
    assert phone.secret not in str(ManagerRow.get("boss").attribute_values)


def test_signing_out_everywhere_ends_the_other_browsers_too(boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Visitor()
    other.sign_in("boss")
    monkeypatch.setattr(accounts, "rfc3339", lambda at: f"{at.replace(year=at.year + 1):%Y-%m-%dT%H:%M:%SZ}")
    assert boss.post("/admin/account/sign-out").place == "/admin/sign-in"
    assert other.get("/admin").place == "/admin/sign-in"


def test_guessing_is_slowed_down_for_one_account(nobody: Visitor) -> None:
    managers().add("olga", roles=[Role.VIEWER], by="test", password=PASSWORD)
    tries = [nobody.sign_in("olga", "wrong password!").status for _ in range(11)]
    assert tries == [422] * 10 + [429]
    refused = nobody.sign_in("olga")  # the right one too: it may have been guessed
    assert refused.status == 429
    assert re.search(r"Try again in \d+ min", refused.text)


def test_signing_in_rightly_uses_no_try_up(nobody: Visitor) -> None:
    managers().add("olga", roles=[Role.VIEWER], by="test", password=PASSWORD)
    for _ in range(9):
        assert nobody.sign_in("olga", "wrong password!").status == 422
    assert {nobody.sign_in("olga").status for _ in range(35)} == {303}  # more than a name or an address may try
    assert nobody.sign_in("olga", "wrong password!").status == 422  # nor does it give any back
    assert nobody.sign_in("olga", "wrong password!").status == 429


def test_guessing_names_from_one_address_is_slowed_down(nobody: Visitor) -> None:
    tries = [nobody.sign_in(f"name{n}", PASSWORD).status for n in range(31)]
    assert tries == [422] * 30 + [429]
    assert Visitor(ip="192.0.2.2").sign_in("name1", PASSWORD).status == 422


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_forms_that_another_site_sends_are_refused(boss: Visitor, site: str) -> None:
    boss.site = site
    assert boss.post("/admin/managers", name="ivan", role=["viewer"]).status == 403
    assert boss.get("/admin/managers").status == 200  # a link from elsewhere; Strict cookies do not come along then
    assert Visitor(site=site).sign_in("boss").status == 422
    boss.site = "none"
    assert boss.post("/admin/managers", name="ivan", role=["viewer"]).status == 200


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "a" * 500, "%00.%00"])
def test_a_forged_cookie_opens_nothing(nobody: Visitor, cookie: str) -> None:
    nobody.cookies["vestnik_session"] = cookie
    assert nobody.get("/admin").place == "/admin/sign-in"


def test_signing_out_ends_the_session_on_the_server(boss: Visitor) -> None:
    kept = dict(boss.cookies)
    assert boss.post("/admin/sign-out").place == "/admin/sign-in"
    thief = Visitor(cookies=kept)
    assert thief.get("/admin").place == "/admin/sign-in"


def test_a_session_ends_by_itself(boss: Visitor) -> None:
    [row] = SessionRow.scan()
    row.update(actions=[SessionRow.expires_at_epoch.set(int(now().timestamp()) - 1)])
    assert boss.get("/admin").place == "/admin/sign-in"


def test_whoever_is_disabled_is_out_at_once(boss: Visitor) -> None:
    olga = signed_in("olga", Role.VIEWER)
    assert boss.post("/admin/managers/olga/access", disabled="yes").said == "saved"
    assert olga.get("/admin").place == "/admin/sign-in"
    assert olga.sign_in("olga").status == 422


def test_a_new_password_ends_the_sessions_and_works(boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert boss.post("/admin/account", old="not it at all", new="another good password").status == 422
    assert boss.post("/admin/account", old=PASSWORD, new="short").status == 422
    monkeypatch.setattr(accounts, "rfc3339", lambda at: f"{at.replace(year=at.year + 1):%Y-%m-%dT%H:%M:%SZ}")
    assert boss.post("/admin/account", old=PASSWORD, new="another good password").place == "/admin/sign-in"
    assert boss.get("/admin").place == "/admin/sign-in"


def test_roles_work_at_the_next_click(boss: Visitor) -> None:
    olga = signed_in("olga", Role.VIEWER)
    assert olga.get("/admin/campaigns/new").status == 403
    assert boss.post("/admin/managers/olga/roles", role=["editor"]).said == "saved"
    assert olga.get("/admin/campaigns/new").status == 200


def test_nobody_locks_themselves_out(boss: Visitor) -> None:
    assert boss.post("/admin/managers/boss/access", disabled="yes").status == 409
    assert boss.post("/admin/managers/boss/roles", role=["viewer"]).status == 409


def test_a_new_manager_gets_a_password_that_is_shown_once(boss: Visitor) -> None:
    seen = boss.post("/admin/managers", name="Olga", role=["viewer"])
    assert seen.status == 200
    password = seen.text.partition("<code>")[2].partition("</code>")[0]
    assert Visitor().sign_in("olga", password).status == 303
    assert boss.post("/admin/managers", name="olga", role=["viewer"]).status == 409
    assert boss.post("/admin/managers", name="ivan", role=["king"]).status == 422
    assert boss.post("/admin/managers", name="a b", role=["viewer"]).status == 422


def test_everything_done_is_in_the_audit_with_its_outcome(boss: Visitor) -> None:
    boss.post("/admin/managers", name="olga", role=["viewer"])
    boss.post("/admin/managers", name="olga", role=["viewer"])
    boss.post("/admin/managers", token="forged", name="ivan", role=["viewer"])
    assert sorted(audit()) == [
        ("boss", "manager.add", "conflict"),
        ("boss", "manager.add", "done"),
        ("boss", "manager.add", "forbidden"),
        ("boss", "sign-in", "done"),
    ]
    assert "manager.add" in boss.get("/admin/audit").text


def test_the_audit_names_whose_password_was_guessed_at_and_no_other_name(boss: Visitor) -> None:
    Visitor(ip="192.0.2.9").sign_in("boss", "wrong password!")
    Visitor(ip="192.0.2.9").sign_in("a password in the wrong field")
    lines = [(row.by, row.did, row.outcome) for row in AuditRow.scan() if row.ip == "192.0.2.9"]
    assert sorted(lines) == [("?", "sign-in", "unauthorized"), ("boss", "sign-in", "unauthorized")]


def test_the_audit_is_looked_through_by_who_what_and_outcome(boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in("olga", Role.EDITOR).post("/admin/settings/redirect_url", value="https://cinema.example/a")
    for n in range(3):
        boss.post("/admin/managers", name=f"m{n}", role=["viewer" if n else "king"])

    def did(**query: str) -> list[str]:
        return ROW.findall(boss.get(f"/admin/audit?{urlencode(query)}").text)

    assert did(by="olga") == ["setting.change", "sign-in"]
    assert did(did="manager.add") == ["manager.add"] * 3
    assert did(did="manager.add", outcome="invalid") == ["manager.add"]
    assert did(thing="redirect_url") == ["setting.change"]
    assert did(by="nobody") == []
    monkeypatch.setattr(audits, "_READ", 2)  # so few lines a request that what is wanted lies further back
    monkeypatch.setattr(audits, "_REQUESTS", 1)
    seen, found, path = 0, [], "/admin/audit?by=olga"
    while path:
        page = boss.get(path).text
        found += ROW.findall(page)
        path = unescape(OLDER.findall(page)[0]) if OLDER.findall(page) else ""
        seen += 1
    assert found == ["setting.change", "sign-in"]
    assert 3 <= seen < 20  # it ends with the months in which there is nothing


def test_every_page_forbids_scripts_styles_and_frames_from_elsewhere(boss: Visitor) -> None:
    for path in ("/admin", "/admin/sign-in", "/admin/campaigns", "/admin/campaigns/none"):
        headers = boss.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_a_name_from_outside_never_becomes_markup(boss: Visitor) -> None:
    evil = '"><script>alert(1)</script>'
    seen = boss.post("/admin/managers", name=evil, role=["viewer"])
    assert "<script>alert" not in seen.text
    assert "&lt;script&gt;" in seen.text


@pytest.mark.parametrize("back", ["//evil.example", "/\\evil.example", "https://evil.example", "/admin//evil"])
def test_the_look_leads_nowhere_else(nobody: Visitor, back: str) -> None:
    assert nobody.get(f"/admin/look?theme=dark&back={back}").headers["location"] == "/admin"


def test_a_form_that_is_too_large_or_of_another_kind_is_refused(boss: Visitor) -> None:
    assert boss.post("/admin/managers", name="x" * 300_000).status == 413
    seen = boss._call("POST", "/admin/managers", b"{}", {"content-type": "application/json"})
    assert seen.status == 422


def test_the_files_of_the_pages_may_be_kept_for_ever(nobody: Visitor) -> None:
    css = nobody.get("/admin/static/any/admin.css")
    assert (css.status, css.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in css.headers["cache-control"]
    assert nobody.get("/admin/static/any/other.py").status == 404
