"""The table *state × ways × guard* of docs/security.md: every way is in it, and each is tried without its guard."""

import ast
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import pyotp
import pytest

from chalicelib.accounts.api_keys import create_key
from chalicelib.accounts.authentication import At
from chalicelib.accounts.managers import Role
from chalicelib.admin.audit_entries import demand_proof
from chalicelib.admin.views import REGISTERED, Proof, Visit
from chalicelib.clock import now
from chalicelib.errors import ProofError
from chalicelib.stage.app import Stage
from chalicelib.storage.allowances import Allowances
from chalicelib.storage.rows.accounts import ManagerRow, SessionRow
from chalicelib.storage.rows.configuration import ApiKeyRow
from infra.paths import ROOT
from tests.integration.admin.conftest import PASSWORD, Visitor, signed_in
from tests.processes import compose

NEW = "another good password"
WHOLE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TABLE = WHOLE.partition("## The same guard")[2].partition("\n- **")[0]
ROW = re.compile(r"^\| (?!state|---)[^|]*\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
WAYS = {way: guard for ways, guard in ROW.findall(TABLE) for way in re.findall(r"`(POST [^`]+|infra[.\w]+)`", ways)}
PAGES = {way.removeprefix("POST "): guard for way, guard in WAYS.items() if way.startswith("POST ")}
# What changes such a state: the parts that hold it, as pages and commands call them.
HOLDERS = {"managers", "sessions", "authentication", "let_in", "api_keys", "create_key"}
ROWS = {"ManagerRow", "SessionRow", "ApiKeyRow"}
WRITES = {
    "add_account",
    "change_account",
    "use_code",
    "add_session",
    "note_seen",
    "delete_session",
    "save_key",
    "revoke_key",
}
KEY, VICTIM = "k1", "olga"
FORMS: Mapping[str, Mapping[str, Any]] = {
    "/admin/account": {"new": NEW},
    "/admin/account/second-factor": {},  # `forms` puts in what the app shows
    "/admin/account/second-factor/drop": {},
    "/admin/account/sign-out": {},
    "/admin/account/sessions/{key}/end": {},
    "/admin/managers": {"name": "ivan", "role": ["viewer"]},
    "/admin/managers/{name}/roles": {"role": ["editor"]},
    "/admin/managers/{name}/access": {"disabled": "yes"},
    "/admin/managers/{name}/password": {},
    "/admin/managers/{name}/code": {},
    "/admin/managers/{name}/sessions": {},
    "/admin/managers/{name}/sessions/{key}/end": {},
    "/admin/keys": {"name": "shop", "scope": ["users:read"]},
    "/admin/keys/{id}/revoke": {},
}
RECENT = [path for path in FORMS if "recent proof" in PAGES[path]]
PRESENT = [path for path in FORMS if "present proof" in PAGES[path]]
OTHERS = [path for path in FORMS if "administrator" in PAGES[path]]


def acts() -> Iterator[str]:
    """Every address whose form reaches a holder, according to the pages' code."""
    for source in (ROOT / "chalicelib" / "admin").glob("*.py"):
        for act in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(act, ast.FunctionDef) and HOLDERS & used_in(act):
                yield from (
                    str(one.value)
                    for decorator in act.decorator_list
                    for one in ast.walk(decorator)
                    if isinstance(one, ast.Constant) and str(one.value).startswith("/admin")
                )


def used_in(code: ast.AST) -> set[str]:
    """Functions by their names, and parts of the stage: `create_key(...)`, `stage().managers`."""
    nodes = list(ast.walk(code))
    parts = {one.attr for one in nodes if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Call)}
    return parts | {one.id for one in nodes if isinstance(one, ast.Name)}


def users(names: set[str], *folders: str) -> set[str]:
    """The modules that use one of these."""
    sources = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sources
        if names & used_in(ast.parse(path.read_text(encoding="utf-8")))
    }


def importers(names: set[str], *folders: str) -> set[str]:
    """The modules that import one of these by name."""
    sources = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and str(node.module).startswith("chalicelib.")
        and names & {one.name for one in node.names}
    }


def test_every_way_is_in_the_table() -> None:
    """Promise I2: a way that nobody has thought of fails here."""
    posts = {route.path for route in REGISTERED if route.method == "POST"} | {"/admin/sign-in"}
    assert set(acts()) & posts == set(PAGES)
    assert set(PAGES) == {*FORMS, "/admin/sign-in", "/admin/sign-out"}


def test_the_commands_are_in_the_table_and_no_call_of_the_api_is_a_way() -> None:
    assert users(HOLDERS, "infra", "functions", "tools", "layers") == {way for way in WAYS if "infra" in way}
    callers = users(HOLDERS - {"api_keys"}, "chalicelib/api", "chalicelib/public", "chalicelib/pipeline")
    assert callers == set()
    assert importers(ROWS, "chalicelib") == {
        f"chalicelib.storage.{part}" for part in ("api_keys", "managers", "sessions")
    }
    assert importers(WRITES, "chalicelib", "infra") == {
        "infra.smoke",
        *(f"chalicelib.accounts.{part}" for part in ("api_keys", "managers", "second_factor", "sessions")),
    }


def test_the_code_asks_for_what_the_table_says() -> None:
    asked = {route.path: route for route in REGISTERED if route.method == "POST"}
    for path in FORMS:
        words = {Proof.RECENT: "recent proof", Proof.PRESENT: "present proof"}[asked[path].proof]
        assert PAGES[path].endswith(words), path
        assert (asked[path].role is Role.ADMINISTRATOR) == ("administrator" in PAGES[path]), path
    assert {route.path for route in REGISTERED if route.proof is not Proof.NONE} == set(FORMS)


@pytest.fixture
def phone(boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> pyotp.TOTP:
    """The app of boss, who has signed in with it; olga and a key are there to be misused."""
    at = now()
    compose(allowances=Allowances(clock=lambda: at))  # in one window
    app = pyotp.TOTP(pyotp.random_base32())
    Stage.own().managers.set_second_factor("boss", app.secret, app.now())
    ManagerRow("boss").update(actions=[ManagerRow.totp_step.set(0)])
    assert boss.sign_in("boss", code=app.now()).status == 303
    boss.get("/admin/account")
    signed_in(VICTIM, Role.VIEWER)
    create_key("shop", ["users:read"], key_id=KEY)
    return app


def fresh(app: pyotp.TOTP) -> str:
    """A code that was not used: of a phone whose clock is half a minute ahead."""
    return app.at(now() + timedelta(seconds=30))


def address(path: str) -> str:
    """The address of something that exists."""
    owner = "boss" if "/account/" in path else VICTIM
    [*_, session] = [row.id_hash for row in SessionRow.scan() if row.manager == owner] or ["-"]
    return path.replace("{name}", VICTIM).replace("{id}", KEY).replace("{key}", session)


def form_of(path: str) -> dict[str, Any]:
    fields = dict(FORMS[path])
    if path == "/admin/account/second-factor":
        app = pyotp.TOTP(pyotp.random_base32())
        fields |= {"secret": app.secret, "code": app.now()}
    return fields


def state() -> list[str]:
    """All that the table is about, but when a session was seen."""
    rows = [*ManagerRow.scan(), *SessionRow.scan(), *ApiKeyRow.scan()]
    texts = [{name: value for name, value in row.attribute_values.items() if name != "seen_at"} for row in rows]
    return sorted(map(str, texts))


def aged() -> None:
    """Makes every session's last proof eleven minutes old."""
    for row in SessionRow.scan():
        row.update(actions=[SessionRow.proved_at.set((now() - timedelta(minutes=11)).isoformat())])


@pytest.mark.parametrize("path", FORMS)
def test_no_way_is_open_without_a_session_or_the_token_of_a_form(boss: Visitor, phone: pyotp.TOTP, path: str) -> None:
    """Promise I2: each, tried on the real app."""
    before, proof = state(), {"old": PASSWORD, "present": fresh(phone)}
    stranger = Visitor().post(address(path), **form_of(path), **proof)
    assert stranger.status == 401
    assert "Your session has ended." in stranger.text
    for token in ("", "forged", signed_in(f"x{len(path)}", Role.ADMINISTRATOR).token):
        assert boss.post(address(path), token=token, **form_of(path), **proof).status == 403
    boss.site = "cross-site"
    assert boss.post(address(path), **form_of(path), **proof).status == 403
    assert [one for one in state() if f"x{len(path)}" not in one] == before


@pytest.mark.parametrize("path", OTHERS)
def test_what_an_administrator_does_is_refused_to_all_others(boss: Visitor, phone: pyotp.TOTP, path: str) -> None:
    other = signed_in("other", *(role for role in Role if role is not Role.ADMINISTRATOR))
    before = state()
    assert other.post(address(path), **form_of(path)).status == 403
    assert state() == before


@pytest.mark.parametrize("path", RECENT)
def test_an_open_page_is_not_enough(boss: Visitor, phone: pyotp.TOTP, path: str) -> None:
    """Promise I2: password and code are asked for once more."""
    aged()
    before = state()
    asked = boss.post(address(path), **form_of(path))
    assert asked.status == 401
    assert "Your password again" in asked.text
    assert "boss" in asked.text
    assert state() == before


def test_whoever_asks_the_guard_itself_is_refused(boss: Visitor) -> None:
    asked = next(route for route in REGISTERED if route.path == "/admin/keys" and route.proof is Proof.RECENT)
    aged()
    session = Stage.own().sessions.find(boss.cookies["__Host-vestnik_session"])
    visit = Visit(session, {}, {}, {}, {}, "en", At("192.0.2.1"), fresh=True)
    with pytest.raises(ProofError):
        demand_proof(asked, visit)


@pytest.mark.parametrize("path", PRESENT)
def test_neither_a_password_nor_a_code_alone_is_enough(boss: Visitor, phone: pyotp.TOTP, path: str) -> None:
    """Promise I2: both are needed, and a code counts once."""
    before, code = state(), fresh(phone)
    for proof in (
        {},
        {"old": PASSWORD},
        {"old": PASSWORD, "present": "000000"},
        {"old": PASSWORD, "present": phone.now()},  # it was used to sign in
        {"old": "wrong password!", "present": code},
        {"present": code},
    ):
        assert boss.post(address(path), **form_of(path), **proof).status == 422, proof
    assert state() == before
    assert boss.post(address(path), **form_of(path), old=PASSWORD, present=code).said == "saved"


@pytest.mark.parametrize("path", PRESENT)
def test_guesses_inside_a_session_use_up_the_allowance_of_signing_in(
    boss: Visitor, phone: pyotp.TOTP, path: str
) -> None:
    """Promise I2: an open page is no place to guess at."""
    form = form_of(path)
    tries = [boss.post(address(path), **form, old="wrong password!").status for _ in range(11)]
    assert tries == [422] * 10 + [429]
    before = state()
    assert boss.post(address(path), **form, old=PASSWORD, present=fresh(phone)).status == 429
    assert boss.sign_in("boss").status == 429
    assert state() == before


def test_codes_that_come_with_the_right_password_are_counted_for_a_day(
    boss: Visitor, phone: pyotp.TOTP, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise I2: by password, so that no stranger uses up the owner's."""
    at = now().replace(hour=1)
    tried = []
    for quarter in range(3):
        compose(allowances=Allowances(clock=partial(at.__add__, timedelta(minutes=16 * quarter))))
        drop = "/admin/account/second-factor/drop"
        tried += [boss.post(drop, old=PASSWORD, present="000000").status for _ in range(10)]
    assert tried == [422] * 20 + [429] * 10


@pytest.mark.parametrize("path", RECENT)
def test_with_the_guard_it_is_done_and_the_session_goes_on_under_a_new_id(
    boss: Visitor, phone: pyotp.TOTP, path: str
) -> None:
    old = dict(boss.cookies)
    aged()
    where = address(path) if "{key}" not in path else ""
    if not where:  # of another session than the one that is renewed
        owner = "boss" if "/account/" in path else VICTIM
        other = Visitor()
        other.sign_in(owner, code=fresh(phone) if owner == "boss" else "")
        ours = {row.id_hash: row.proved_at for row in SessionRow.scan() if row.manager == owner}
        where = path.replace("{name}", VICTIM).replace("{key}", max(ours, key=lambda one: ours[one]))
    asked = boss.post(where, **form_of(path))
    token = re.findall(r'name="token" value="([^"]*)"', asked.text)[0]
    typed = {"typed": "{}", "name": "boss"}
    step = boss.post(where, token=token, **typed, password=PASSWORD)
    state_of_step = re.findall(r'name="step" value="([^"]*)"', step.text)[0]
    ManagerRow("boss").update(actions=[ManagerRow.totp_step.set(0)])  # a minute later
    code = phone.now()
    proved = boss.post(where, token=token, **typed, step=state_of_step, code=code)
    assert "Nothing is done yet" in proved.text
    assert Visitor(cookies=old).get("/admin").place == "/admin/sign-in"
    boss.get("/admin/account")
    assert boss.post(where, **form_of(path)).status in (200, 303)
    assert boss.get("/admin").status == 200
