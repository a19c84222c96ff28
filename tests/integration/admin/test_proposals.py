"""Settings that could do harm need two managers where campaigns need two."""

import re

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor, signed_in
from tests.integration.api.conftest import api
from tests.integration.api.gateway import Gateway
from tests.processes import compose

__all__ = ["api"]

PAGE = "/admin/settings"
VALUES = {
    "allowed_hosts": {"value": "partner.example"},
    "redirect_url": {"value": "https://cinema.example/hello"},
    "logo": {"url": "https://cdn.cinema.example/logo.png", "width": "180"},
    "senders": {"account.address": "account@cinema.example", "account.name": "Account"},
    "sender": {"name": "Somebody", "address": "somebody@cinema.example", "reply_to": ""},
}


@pytest.fixture
def two_managers(stage: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage requires another manager's approval."""
    monkeypatch.setenv("VESTNIK_CAMPAIGN_APPROVAL", "true")
    compose()


@pytest.fixture
def olga(two_managers: None) -> Visitor:
    return signed_in("olga", Role.EDITOR, Role.APPROVER)


@pytest.fixture
def ivan(two_managers: None) -> Visitor:
    return signed_in("ivan", Role.EDITOR, Role.APPROVER)


def seen_on(page: str, name: str) -> str:
    """What the page says that it shows of the proposal."""
    found = re.search(rf'id="proposal-{name}".*?name="seen" value="([^"]+)"', page, re.DOTALL)
    assert found is not None
    return found[1]


def in_force(name: str) -> object:
    return Stage.own().site_settings.get(name).value


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_in_force_when_another_manager_has_approved_what_was_shown(
    olga: Visitor, ivan: Visitor, name: str
) -> None:
    """Promise I7: until then the old one holds."""
    before = in_force(name)
    assert olga.post(f"{PAGE}/{name}", **VALUES[name]).said == "proposed"
    assert in_force(name) == before
    page = ivan.get(PAGE).text
    assert "A change waits for approval" in page
    assert "olga" in page
    assert ivan.post(f"{PAGE}/{name}/approve", seen=seen_on(page, name)).said == "approved_setting"
    assert in_force(name) != before
    assert f'id="proposal-{name}"' not in ivan.get(PAGE).text
    lines = [(line.by, line.did, line.thing) for line in Stage.own().audit_log.page(limit=9, cursor=None)[0]]
    assert {("olga", "setting.change", name), ("ivan", "setting.approve", name)} <= set(lines)


def test_nobody_approves_what_they_proposed(olga: Visitor) -> None:
    """Promise I7: four eyes, and not two."""
    before = in_force("sender")
    olga.post(f"{PAGE}/sender", **VALUES["sender"])
    page = olga.get(PAGE).text
    assert f'action="{PAGE}/sender/approve"' not in page
    assert olga.post(f"{PAGE}/sender/approve", seen=seen_on(page, "sender")).status == 403
    assert in_force("sender") == before


def test_an_approval_is_of_what_was_seen(olga: Visitor, ivan: Visitor) -> None:
    olga.post(f"{PAGE}/redirect_url", **VALUES["redirect_url"])
    seen = seen_on(ivan.get(PAGE).text, "redirect_url")
    olga.post(f"{PAGE}/redirect_url", value="https://cinema.example/another")
    for tag in (seen, "", "0a1b"):
        assert ivan.post(f"{PAGE}/redirect_url/approve", seen=tag).status == 412
    assert in_force("redirect_url") == "https://cinema.example"


def test_a_proposal_for_a_value_that_is_over_cannot_be_approved(olga: Visitor, ivan: Visitor) -> None:
    olga.post(f"{PAGE}/redirect_url", **VALUES["redirect_url"])
    seen = seen_on(ivan.get(PAGE).text, "redirect_url")
    Stage.own().site_settings.put("redirect_url", "https://cinema.example/meanwhile", by="test")
    assert ivan.post(f"{PAGE}/redirect_url/approve", seen=seen).status == 412
    assert in_force("redirect_url") == "https://cinema.example/meanwhile"
    page = ivan.get(PAGE).text
    assert "The setting has changed since this was proposed" in page
    assert f'action="{PAGE}/redirect_url/approve"' not in page


def test_what_is_sent_back_stays_out_of_force_and_says_why(olga: Visitor, ivan: Visitor) -> None:
    olga.post(f"{PAGE}/allowed_hosts", **VALUES["allowed_hosts"])
    seen = seen_on(ivan.get(PAGE).text, "allowed_hosts")
    assert ivan.post(f"{PAGE}/allowed_hosts/send-back", seen=seen, comment=" ").status == 422
    assert ivan.post(f"{PAGE}/allowed_hosts/send-back", seen=seen, comment="Who is that?").said == "sent_back"
    assert in_force("allowed_hosts") == []
    assert "Who is that?" in olga.get(PAGE).text
    assert ivan.post(f"{PAGE}/allowed_hosts/approve", seen=seen).status == 409
    assert olga.post(f"{PAGE}/allowed_hosts", value="other.example").said == "proposed"
    assert "Who is that?" not in olga.get(PAGE).text


def test_one_takes_back_what_one_proposed_and_not_what_another_did(olga: Visitor, ivan: Visitor) -> None:
    olga.post(f"{PAGE}/redirect_url", **VALUES["redirect_url"])
    assert ivan.post(f"{PAGE}/redirect_url", value="https://cinema.example/mine").status == 409
    olga.post(f"{PAGE}/redirect_url", value="https://cinema.example")
    assert 'id="proposal-redirect_url"' not in ivan.get(PAGE).text
    assert ivan.post(f"{PAGE}/redirect_url", value="https://cinema.example/mine").said == "proposed"


def test_what_could_not_be_in_force_cannot_be_proposed(olga: Visitor) -> None:
    assert olga.post(f"{PAGE}/redirect_url", value="https://elsewhere.example/").status == 422
    assert olga.post(f"{PAGE}/sender", name="X", address="x@elsewhere.example", reply_to="").status == 422
    assert olga.post(f"{PAGE}/redirect_url", **VALUES["redirect_url"], seen="0a1b").status == 412
    assert Stage.own().settings_changes.proposed() == {}


def test_settings_without_harm_need_one_manager(olga: Visitor) -> None:
    assert olga.post(f"{PAGE}/link_days", confirmation="5", short="90").said == "saved"
    assert in_force("link_days") == {"confirmation": 5, "short": 90}


def test_a_service_changes_none_of_them(two_managers: None, api: Gateway) -> None:
    """Promise I7: whoever may make keys would be both managers."""
    for name, value in (
        ("allowed_hosts", ["partner.example"]),
        ("redirect_url", "https://cinema.example/hello"),
        ("sender", VALUES["sender"]),
    ):
        told = api.put(f"/v1/settings/{name}", {"value": value})
        assert (told.status, "two managers" in told.body["detail"]) == (403, True)
    assert api.put("/v1/settings/link_days", {"value": {"confirmation": 5, "short": 90}}).status == 200


def test_where_one_manager_is_enough_nothing_waits(stage: None) -> None:
    boss = signed_in("boss", *Role)
    assert boss.post(f"{PAGE}/redirect_url", **VALUES["redirect_url"]).said == "saved"
    assert in_force("redirect_url") == "https://cinema.example/hello"
    assert boss.post(f"{PAGE}/redirect_url/approve", seen="0a1b").status == 409


def test_an_approver_alone_may_decide_and_an_editor_may_not(olga: Visitor) -> None:
    olga.post(f"{PAGE}/redirect_url", **VALUES["redirect_url"])
    editor, approver = signed_in("eva", Role.EDITOR), signed_in("ada", Role.APPROVER)
    seen = seen_on(approver.get(PAGE).text, "redirect_url")
    assert f'action="{PAGE}/redirect_url/approve"' not in editor.get(PAGE).text
    assert editor.post(f"{PAGE}/redirect_url/approve", seen=seen).status == 403
    assert approver.post(f"{PAGE}/redirect_url/approve", seen=seen).said == "approved_setting"


def test_the_page_says_it_in_russian(olga: Visitor, ivan: Visitor) -> None:
    olga.post(f"{PAGE}/sender", **VALUES["sender"])
    ivan.cookies["__Host-vestnik_language"] = "ru"
    assert "Изменение ждёт одобрения" in ivan.get(PAGE).text
