"""Settings that managers change: typed, checked, versioned."""

import pytest

from chalicelib.accounts.api_keys import Scope
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.configuration import SettingRow
from tests.integration.api.gateway import Gateway, gateway


def test_every_setting_has_a_default(api: Gateway) -> None:
    shown = {one["name"]: one for one in api.get("/v1/settings").body["settings"]}

    assert shown["redirect_url"] == {
        "name": "redirect_url",
        "value": "https://cinema.example",
        "version": 0,
        "updated_at": None,
        "updated_by": None,
    }
    assert shown["allowed_hosts"]["value"] == []
    assert "user.registered" in shown["event_rules"]["value"]


def test_a_change_is_kept_with_who_and_when(api: Gateway) -> None:
    changed = api.put("/v1/settings/redirect_url", {"value": "https://cinema.example/start"})

    assert changed.body["version"] == 1
    assert changed.body["updated_at"] is not None
    assert changed.body["updated_by"] in (api.key or "")
    assert api.get("/v1/settings/redirect_url").body == changed.body


def test_what_is_read_may_be_written_back(api: Gateway) -> None:
    for one in api.get("/v1/settings").body["settings"]:
        again = api.put(f"/v1/settings/{one['name']}", {"value": one["value"]})
        assert (again.status, again.body["value"]) == (200, one["value"])


def test_a_host_that_the_redirect_needs_cannot_leave_the_list(api: Gateway) -> None:
    api.put("/v1/settings/allowed_hosts", {"value": ["tv.example"]})
    api.put("/v1/settings/redirect_url", {"value": "https://tv.example/"})

    refused = api.put("/v1/settings/allowed_hosts", {"value": []})
    assert refused.status == 422
    assert "cinema.example" in refused.body["errors"][0]["message"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redirect_url", "https://evil.example"),
        ("redirect_url", None),
        ("redirect_url", 7),
        ("allowed_hosts", ["https://tv.example"]),
        ("allowed_hosts", ["*"]),
        ("allowed_hosts", ["tv.example/films"]),
        ("allowed_hosts", "tv.example"),
        ("sender", {"name": "Cinema", "address": "news@evil.example"}),
        ("sender", {"name": "\r\n", "address": "news@cinema.example"}),
        ("sender", {"name": "Cinema", "address": "news@cinema.example", "reply_to": "nobody"}),
        ("senders", {"account": {"name": "Cinema", "address": "account@evil.example"}}),
        ("senders", {"nobodys": {"name": "Cinema", "address": "account@cinema.example"}}),
        ("legal", {"en": {"address": "Somewhere"}}),
        ("legal", {"no language": {"company": "Cinema Ltd"}}),
        ("logo", {"url": "http://cinema.example/logo.png"}),
        ("logo", {"url": 'https://cinema.example/"onerror=x', "width": 100}),
        ("logo", {"url": "https://cinema.example/logo.png", "width": 5000}),
        ("age_mark", "adults"),
        ("quiet_hours", {"starts": "22:00", "ends": ""}),
        ("quiet_hours", {"starts": "22:00", "ends": "22:00"}),
        ("quiet_hours", {"starts": "25:00", "ends": "08:00"}),
        ("link_days", {"confirmation": 0}),
        ("link_days", {"confirmation": 1, "other": 1}),
        ("soft_bounces", {"letters": "many"}),
        ("confirmation_again", {"letters": 0}),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(api: Gateway, name: str, value: object) -> None:
    answer = api.put(f"/v1/settings/{name}", {"value": value})

    assert answer.status == 422
    assert all(field.startswith("value") for field in answer.bad_fields)
    assert list(SettingRow.scan()) == []


@pytest.mark.parametrize("template", ["no-such", "promo"])  # promo wants variables, which nobody gives
def test_a_confirmation_letter_that_could_not_be_sent_is_refused(api: Gateway, template: str) -> None:
    """Promise A4: a setting is refused to whoever stores it, not to every caller afterwards."""
    answer = api.put("/v1/settings/confirmation_again", {"value": {"template": template}})

    assert (answer.status, answer.bad_fields) == (422, ["value.template"])
    assert list(SettingRow.scan()) == []
    assert api.put("/v1/settings/confirmation_again", {"value": {"template": "confirm-reminder"}}).status == 200


def test_an_unknown_setting_is_not_found(api: Gateway) -> None:
    assert api.get("/v1/settings/colour").status == 404
    assert api.put("/v1/settings/colour", {"value": 1}).status == 404
    assert api.put("/v1/settings/site_host", {"value": "evil.example"}).status == 404
    assert api.put("/v1/settings/mail_domain", {"value": "evil.example"}).status == 404


def test_settings_have_scopes_of_their_own(stage: None) -> None:
    reader = gateway(Scope.SETTINGS_READ)

    assert reader.get("/v1/settings").status == 200
    assert reader.put("/v1/settings/redirect_url", {"value": "https://cinema.example"}).status == 403
    assert gateway(Scope.SEND).get("/v1/settings").status == 403


def test_a_stored_value_that_is_not_understood_gives_way_to_the_default(api: Gateway) -> None:
    api.put("/v1/settings/link_days", {"value": {"confirmation": 9}})
    row = SettingRow.get("link_days")
    row.value = {"of_another_version": True}
    row.save()

    assert Stage.own().site_settings.current(fresh=True).link_days.confirmation == 3


def test_what_a_newer_release_has_added_to_a_setting_is_read_over_and_hinders_no_other(api: Gateway) -> None:
    """Promise A5."""
    api.put("/v1/settings/caps", {"value": {"marketing": {"letters": 3, "days": 7}}})
    row = SettingRow.get("caps")
    row.update(actions=[SettingRow.value.set({"marketing": {"letters": 3, "days": 7, "spread": "even"}})])

    assert api.get("/v1/settings/caps").body["value"] == {"marketing": {"letters": 3, "days": 7}}
    assert api.put("/v1/settings/quiet_hours", {"value": {"starts": "23:00", "ends": "07:00"}}).status == 200
