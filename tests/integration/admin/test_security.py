"""What keeps the managers' page safe: who gets in, who may do what, and what the browser is told."""

import re
from html import unescape
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from chalice.app import Response

from chalicelib.accounts import audit as audits
from chalicelib.accounts.managers import Role
from chalicelib.admin.views import REGISTERED, Registered
from chalicelib.http_errors import PROTECTION, STRICT_TRANSPORT
from chalicelib.public import standalone_app as own_function
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.accounts import AuditRow, ManagerRow, SessionRow
from tests.integration.admin.conftest import PASSWORD, Visitor, signed_in

ROW = re.compile(r'<tr><td>[^<]+</td><td>[^<]+</td><td>[^<]+<span class="soft">([^<]+)</span></td>')
OLDER = re.compile(r'href="(/admin/audit[^"]+cursor=[^"]+)"')


@pytest.fixture
def nobody(stage: None) -> Visitor:
    return Visitor()


def path_of(route: Registered) -> str:
    return "/".join("x" if part.startswith("{") else part for part in route.path.split("/"))


def audit() -> list[tuple[str, str, str]]:
    entries, cursor = Stage.own().audit_log.page(limit=1000, cursor=None)
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
    Stage.own().managers.add("olga", roles=[Role.VIEWER], by="test", password=PASSWORD)
    lines = nobody.sign_in("olga").headers["set-cookie"].split("\n")
    assert {line.partition("=")[0] for line in lines} == {"__Host-vestnik_session", "__Host-vestnik_known"}
    for line in (*lines, nobody.get("/admin/look?theme=dark").headers["set-cookie"]):
        said = {part.strip() for part in line.split(";")}
        assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= said
        assert "Domain" not in line


def test_the_table_holds_neither_passwords_nor_session_ids(boss: Visitor) -> None:
    session_id = boss.cookies["__Host-vestnik_session"].partition(".")[0]
    rows: list[Any] = [*ManagerRow.scan(), *SessionRow.scan()]
    stored = " ".join(str(row.attribute_values) for row in rows)
    assert PASSWORD not in stored
    assert session_id not in stored
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in stored


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_forms_that_another_site_sends_are_refused(boss: Visitor, site: str) -> None:
    boss.site = site
    assert boss.post("/admin/managers", name="ivan", role=["viewer"]).status == 403
    assert boss.get("/admin/managers").status == 200  # a link from elsewhere; Strict cookies do not come along then
    boss.site = "none"
    assert boss.post("/admin/managers", name="ivan", role=["viewer"]).status == 200


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "a" * 500, "%00.%00"])
def test_a_forged_cookie_opens_nothing(nobody: Visitor, cookie: str) -> None:
    nobody.cookies["__Host-vestnik_session"] = cookie
    assert nobody.get("/admin").place == "/admin/sign-in"


@pytest.mark.parametrize("space", ["\xa0", "\x85", "\u2000", "\x0b", "\x1c"])
def test_no_other_site_of_the_domain_sets_our_cookies(boss: Visitor, space: str) -> None:
    """A browser keeps `__Host-` for us alone, and not a name that begins with an odd space."""
    boss.cookies = {f"{space}__Host-vestnik_session": boss.cookies["__Host-vestnik_session"]}
    assert boss.get("/admin").place == "/admin/sign-in"


def test_whoever_is_disabled_is_out_at_once(boss: Visitor) -> None:
    olga = signed_in("olga", Role.VIEWER)
    assert boss.post("/admin/managers/olga/access", disabled="yes").said == "saved"
    assert olga.get("/admin").place == "/admin/sign-in"
    assert olga.sign_in("olga").status == 422


def test_roles_work_at_the_next_click(boss: Visitor) -> None:
    olga = signed_in("olga", Role.VIEWER)
    assert olga.get("/admin/campaigns/new").status == 403
    assert boss.post("/admin/managers/olga/roles", role=["editor"]).said == "saved"
    assert olga.get("/admin/campaigns/new").status == 200


def test_nobody_locks_themselves_out(boss: Visitor) -> None:
    assert boss.post("/admin/managers/boss/access", disabled="yes").status == 409
    assert boss.post("/admin/managers/boss/roles", role=["viewer"]).status == 409


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
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/admin", "/admin/sign-in", "/admin/static/x/admin.css", "/s/none", "/v1/notifications"]
)
def test_every_answer_tells_browsers_to_come_by_tls_alone(boss: Visitor, path: str) -> None:
    seen = boss.get(path)
    assert seen.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/v1/users/anna"),
        ("DELETE", "/v1/notifications"),  # which has no such method
        ("GET", "/admin"),
        ("GET", "/admin/managers/none/sessions"),
        ("GET", "/admin/static/x/admin.css"),
        ("GET", "/admin/static/x/none"),
        ("POST", "/admin/sign-in"),
        ("GET", "/s/none"),
        ("HEAD", "/s/none"),
        ("POST", "/unsubscribe/none"),
    ],
)
def test_every_answer_is_protected(boss: Visitor, method: str, path: str) -> None:
    """Promise I7: errors, redirects, files and the answers to HEAD too."""
    headers = boss._call(method, path, b"", {}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert headers["cache-control"]


def test_the_answers_of_the_pages_own_function_are_protected_too(boss: Visitor) -> None:
    """Promise I7: whichever function answers."""
    asked = SimpleNamespace(context={"requestId": "5f1c9d2e"})
    answer = own_function._begun(asked, lambda _: Response("", headers={"Cache-Control": "no-cache"}))
    assert answer.headers == {**PROTECTION, **STRICT_TRANSPORT, "Cache-Control": "no-cache"}


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
