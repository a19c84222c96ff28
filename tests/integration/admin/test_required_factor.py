"""Where the stage asks for a second factor, nothing but one's own account is open without one."""

import re

import pyotp
import pytest

from chalicelib.accounts.managers import Role
from chalicelib.admin.views import REGISTERED
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.accounts import ManagerRow
from infra.stages import environment_of
from tests.integration.admin.conftest import PASSWORD, Visitor, signed_in
from tests.processes import compose

SECRET = re.compile(r'name="secret" value="([A-Z2-7]+)"')


@pytest.fixture
def olga(monkeypatch: pytest.MonkeyPatch, stage: None) -> Visitor:
    """A manager with every role and no second factor, at a stage like production."""
    monkeypatch.setenv("VESTNIK_SECOND_FACTOR", "required")
    compose()
    return signed_in("olga", *Role)


def set_up(visitor: Visitor) -> pyotp.TOTP:
    app = pyotp.TOTP(SECRET.findall(visitor.get("/admin/account").text)[0])
    fields = {"secret": app.secret, "code": app.now(), "old": PASSWORD}
    assert visitor.post("/admin/account/second-factor", **fields).said == "saved"
    return app


def test_production_asks_for_it() -> None:
    asked = {stage: environment_of(stage).get("VESTNIK_SECOND_FACTOR") for stage in ("prod", "dev", "local")}
    assert asked == {"prod": "required", "dev": "offered", "local": "offered"}


def test_nothing_but_the_account_is_open_until_one_is_set_up(olga: Visitor) -> None:
    for route in REGISTERED:
        address = "/".join("x" if part.startswith("{") else part for part in route.path.split("/"))
        if not route.first and not address.startswith("/admin/account"):
            seen = olga.get(address) if route.method == "GET" else olga.post(address, typed="{}", name="olga")
            assert (seen.status, seen.place) == (303, "/admin/account"), route
    shown = olga.get("/admin/account").text
    assert "Every manager here needs a second factor" in shown
    assert "/admin/campaigns" not in shown
    olga.says = {"accept-language": "ru"}
    assert "второй фактор обязателен" in olga.get("/admin/account").text
    olga.says = {}
    set_up(olga)
    assert olga.get("/admin").status == 200
    assert "Every manager here" not in olga.get("/admin/account").text


def test_whoever_drops_it_has_to_set_one_up_again(olga: Visitor) -> None:
    app = set_up(olga)
    assert "before any other page opens" in olga.get("/admin/account").text
    ManagerRow("olga").update(actions=[ManagerRow.totp_step.set(0)])  # a minute later
    assert olga.post("/admin/account/second-factor/drop", old=PASSWORD, present=app.now()).said == "saved"
    assert olga.get("/admin").place == "/admin/account"
    set_up(olga)
    assert olga.get("/admin").status == 200


def test_a_password_that_somebody_else_made_comes_first(olga: Visitor) -> None:
    password = Stage.own().managers.add("ivan", roles=list(Role), by="test")
    ivan = Visitor()
    ivan.sign_in("ivan", password)
    assert "choose your own first" in ivan.get("/admin/account").text
    assert ivan.post("/admin/account/second-factor", old=password).place == "/admin/account"
    assert ManagerRow.get("ivan").totp_secret is None
    assert ivan.post("/admin/account", old=password, new=PASSWORD).said == "saved"
    assert "Every manager here needs a second factor" in ivan.get("/admin/account").text
