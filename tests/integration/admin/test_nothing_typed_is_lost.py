"""What was typed stays, whatever keeps it from being saved: a mistake, the end of the session, a form of an earlier
session, a service that does not answer."""

import re
from collections.abc import Mapping
from html import unescape
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest

from chalicelib.accounts.managers import Role
from chalicelib.admin.forms import form_to
from chalicelib.errors import UnavailableError
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.accounts import ManagerRow, SessionRow
from chalicelib.storage.rows.campaigns import CampaignRow
from tests.integration.admin.conftest import PASSWORD, Seen, Visitor
from tests.integration.admin.test_pages import PROMO, written
from tests.processes import compose

TEXT = 'Two "paragraphs" & <b>more</b>.\r\n\r\nВсе фильмы ноября.'
TOKEN, STEP = re.compile(r'name="token" value="([^"]*)"'), re.compile(r'name="step" value="([^"]*)"')
KEPT = re.compile(r'name="typed" value="([^"]*)"')


def ended(visitor: Visitor) -> Visitor:
    """Ends the session on the server; the browser does not know."""
    for row in SessionRow.scan():
        row.delete()
    return visitor


def in_the_form(seen: Seen, path: str, typed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the browser would send from the form as shown."""
    form = form_to(seen.text, path, typed or {})
    assert form is not None, seen.text
    return {name: [text.replace("\r\n", "\n") for text in values] for name, values in form.values().items()}


def going_on(visitor: Visitor, path: str, door: Seen, *, name: str = "boss", **more: str) -> Seen:
    """Signs in on the page that replaces the form."""
    kept = unescape(KEPT.findall(door.text)[0])
    files = {"files": "yes"} if 'name="files"' in door.text else {}
    token = TOKEN.findall(door.text)[0]
    return visitor.post(path, token=token, typed=kept, **files, name=name, **{"password": PASSWORD, **more})


def test_who_saves_after_the_sessions_end_signs_in_and_goes_on(boss: Visitor) -> None:
    """Promise B5: a form that comes after the session's end is kept, and goes on after signing in."""
    path = f"/admin/campaigns/{written(boss)}/edit"
    form = in_the_form(boss.get(path), path)
    door = ended(boss).post(path, **{**form, "var_text": TEXT, "rate_per_second": "20", "exclude": ""})
    assert door.status == 401
    assert "All films." not in door.text
    assert "Все фильмы ноября." in door.text  # to see that nothing is lost
    assert "<b>more</b>" not in door.text

    again = going_on(boss, path, door)
    assert again.status == 200
    assert "not saved yet" in again.text
    assert "__Host-vestnik_session" in again.headers["set-cookie"]
    shown = in_the_form(again, path)
    assert shown["var_text"] == [TEXT.replace("\r\n", "\n")]
    assert shown["rate_per_second"] == ["20"]
    assert CampaignRow.get(path.split("/")[3], "head").version == 1  # nothing was saved by signing in
    assert boss.post(path, **shown).said == "saved"
    assert Stage.own().campaigns.get(path.split("/")[3]).version == 2


def test_every_form_of_every_section_is_kept(boss: Visitor) -> None:
    """Promise B5: the same for every form: nothing that was typed is missing from the page after signing in."""
    typed: Mapping[str, Mapping[str, Any]] = {
        "/admin/settings/sender": {"name": "Кино & co", "address": "x@y", "reply_to": ""},
        "/admin/settings/allowed_hosts": {"value": "one.example\r\ntwo.example"},
        "/admin/settings/caps": {"marketing.letters": "3", "marketing.days": "week"},
        "/admin/event-rules/new": {"event": "order.paid", "template": ["promo", ""], "delay": ["3", ""]},
        "/admin/templates/new": {"title": "Весна", "base": "password-reset", "locales": ["ru", "en"]},
        "/admin/templates/promo": {"source.ru.email.subject": "Весна"},
        "/admin/managers": {"name": "olga", "role": ["editor", "operator"]},
        "/admin/managers/boss/roles": {"role": ["editor"]},
        "/admin/keys": {"name": "shop", "scope": ["users:read"]},
        "/admin/suppressions": {"address": "anna@viewers.example"},
        "/admin/subsystems/limits/ses.bulk": {"rate_per_second": "12"},
        "/admin/subsystems/switches/ses": {"state": "open", "reason": "Учения"},
    }
    for path, fields in typed.items():
        again = going_on(boss, path, ended(boss).post(path, **fields))
        shown = in_the_form(
            again, path, {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
        )
        for name, value in fields.items():
            expected = value if isinstance(value, list) else [value.replace("\r\n", "\n")]
            assert shown[name][: len(expected)] == expected, (path, name)


def test_passwords_and_codes_are_never_given_back(boss: Visitor) -> None:
    """Promise B5: what is secret is typed again."""
    door = ended(boss).post("/admin/account", old=PASSWORD, new="another good password")
    again = going_on(boss, "/admin/account", door)
    for seen in (door, again):
        assert PASSWORD not in seen.text
        assert "another good password" not in seen.text
    assert "Passwords and codes" in door.text


def test_a_wrong_password_at_the_door_loses_nothing(boss: Visitor) -> None:
    """Promise B5: also when signing in takes two tries, a second factor or another manager."""
    path = "/admin/settings/redirect_url"
    door = ended(boss).post(path, value="https://cinema.example/autumn")
    door = going_on(boss, path, door, password="wrong password!")
    assert door.status == 422
    secret = pyotp.random_base32()
    Stage.own().managers.set_second_factor("boss", secret, pyotp.TOTP(secret).now())
    assert ManagerRow.get("boss").totp_secret
    door = going_on(boss, path, door)
    assert door.status == 401
    door = going_on(boss, path, door, step=STEP.findall(door.text)[0], code="000000")
    assert door.status == 422
    Stage.own().managers.forget_second_factor("boss")
    assert in_the_form(going_on(boss, path, door), path)["value"] == ["https://cinema.example/autumn"]


def test_whoever_signs_in_needs_the_role_of_the_form(boss: Visitor) -> None:
    """Promise B5: another manager goes on only with what is theirs to do."""
    Stage.own().managers.add("olga", roles=[Role.VIEWER], by="test", password=PASSWORD)
    path = "/admin/settings/redirect_url"
    door = ended(boss).post(path, value="https://cinema.example/autumn")
    refused = going_on(boss, path, door, name="olga")
    assert refused.status == 403
    assert "vestnik_session" not in refused.headers["set-cookie"]
    assert "olga may not do this" in refused.text
    assert in_the_form(going_on(boss, path, refused), path)["value"] == ["https://cinema.example/autumn"]


def test_a_form_of_another_site_is_not_kept(boss: Visitor) -> None:
    """Promise B5: nobody else's form is shown as one's own, and signing in does nothing but sign in."""
    before = Stage.own().site_settings.get("redirect_url")
    path = "/admin/settings/redirect_url"
    for row in SessionRow.scan():
        row.delete()
    boss.site = "cross-site"
    for fields in (
        {"value": "https://cinema.example/evil"},
        {"typed": '{"value": ["x"]}', "name": "boss", "password": PASSWORD},
    ):
        seen = boss.post(path, **fields)
        assert seen.status == 403
        assert "evil" not in seen.text
    boss.site = "same-origin"
    assert going_on(boss, path, boss.post(path, value="https://cinema.example/x")).status == 200
    assert Stage.own().site_settings.get("redirect_url") == before
    assert boss.post(path, token="", typed="[1]", name="boss", password=PASSWORD).status == 422


def test_a_form_of_an_earlier_session_is_shown_again_with_what_was_typed(boss: Visitor) -> None:
    """Promise B5: the token of a form may be old; nothing is done, nothing is lost."""
    path = "/admin/settings/redirect_url"
    old = boss.fresh_token()
    assert boss.sign_in("boss").status == 303
    seen = boss.post(path, token=old, value="https://cinema.example/autumn")
    assert seen.status == 403
    assert "earlier session" in seen.text
    assert in_the_form(seen, path)["value"] == ["https://cinema.example/autumn"]
    shown = in_the_form(seen, path)
    assert boss.post(path, **{**shown, "token": shown["token"][0]}).said == "saved"


def test_a_part_of_a_page_never_replaces_what_is_typed_by_the_door(boss: Visitor) -> None:
    """Promise B5: what refreshes itself is refused when the session is over, and the page stays."""
    assert ended(boss).get("/admin/campaigns", **{"hx-request": "true"}).status == 401
    seen = boss._call("POST", "/admin/templates/promo/preview", b"letter=ru", {"sec-fetch-dest": "iframe"})
    assert (seen.status, "What you typed stays here" in seen.text) == (401, True)


def test_a_file_has_to_be_chosen_again_and_the_page_says_so(boss: Visitor) -> None:
    """Promise B5: a file cannot be given back; its name in the form is."""
    door = ended(boss).upload("/admin/lists", "file", b"email\nanna@viewers.example\n", name="Осень")
    assert "file has to be chosen again" in door.text
    again = going_on(boss, "/admin/lists", door)
    assert "file has to be chosen again" in again.text
    assert in_the_form(again, "/admin/lists")["name"] == ["Осень"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/admin/settings/quiet_hours", {"starts": "22:00", "ends": ""}),
        ("/admin/settings/allowed_hosts", {"value": "one two\r\n///"}),
        ("/admin/settings/caps", {"marketing.letters": "many", "marketing.days": "7"}),
        ("/admin/managers", {"name": "a b", "role": ["editor", "operator"]}),
        ("/admin/subsystems/limits/ses.bulk", {"rate_per_second": "fast"}),
        ("/admin/templates/promo/test", {"to": "a b@"}),
        ("/admin/keys", {"name": "", "scope": ["users:read"]}),
        ("/admin/templates/promo", {"source.en.email.subject": "{{ broken", "variables": "{"}),
    ],
)
def test_a_mistake_shows_the_form_with_what_was_typed(boss: Visitor, path: str, fields: dict[str, Any]) -> None:
    """Promise B5: typed text survives a mistake, in every kind of form."""
    seen = boss.post(path, **fields)
    assert seen.status == 422
    shown = in_the_form(
        seen, path, {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    )
    for name, value in fields.items():
        assert shown[name] == (value if isinstance(value, list) else [value.replace("\r\n", "\n")]), name
    assert "data-unsaved" in seen.text


def test_what_was_typed_survives_a_service_that_does_not_answer(boss: Visitor) -> None:
    """Promise B5: a 503 shows what was typed, and sends it once more."""

    def fails(*_: object, **__: object) -> None:
        raise UnavailableError("the database did not answer")

    working = Stage.own().given
    compose(settings_changes=SimpleNamespace(change=fails))
    path = "/admin/settings/redirect_url"
    seen = boss.post(path, value="https://cinema.example/autumn")
    assert seen.status == 503
    Stage.begin(**working)
    shown = in_the_form(seen, path)
    assert shown["value"] == ["https://cinema.example/autumn"]
    assert boss.post(path, **{**shown, "token": shown["token"][0]}).said == "saved"


def test_a_form_sent_twice_is_done_once(boss: Visitor) -> None:
    """Promise B4: a double click is one click, with the first one's answer."""
    boss.get("/admin/campaigns/new?template=promo")
    one = boss.fresh_token()
    first, second = (boss.post("/admin/campaigns/new", token=one, **PROMO) for _ in range(2))
    assert (first.status, first.headers["location"]) == (second.status, second.headers["location"])
    assert len(Stage.own().campaigns.page(limit=10, cursor=None)[0]) == 1
    assert boss.post("/admin/campaigns/new", token=one, **{**PROMO, "name": "Another"}).place != first.place


def test_every_button_pressed_twice_shows_no_failure(boss: Visitor) -> None:
    """Promise B4: whatever is done by a form, sent twice it is success."""
    Stage.own().directory.put("anna", UserBody(email="anna@viewers.example", name="Anna", locale="ru"))
    campaign = written(boss)
    forms: list[tuple[str, dict[str, Any]]] = [
        ("/admin/templates/new", {"title": "Spring", "base": "promo", "locales": ["ru"]}),
        ("/admin/managers", {"name": "olga", "role": ["editor"]}),
        ("/admin/managers/olga/password", {}),
        ("/admin/managers/olga/access", {"disabled": "yes"}),
        ("/admin/keys", {"name": "shop", "scope": ["users:read"]}),
        ("/admin/suppressions", {"address": "anna@viewers.example"}),
        ("/admin/suppressions/remove", {"address": "anna@viewers.example"}),
        (
            "/admin/event-rules/new",
            {
                "event": "order.paid",
                "template": "promo",
                "delay": "",
                "unit": "days",
                "category": "",
                "channels": "",
                "attribute": "",
                "equals": "",
            },
        ),
        ("/admin/event-rules/order.paid/remove", {}),
        (f"/admin/campaigns/{campaign}/start", {}),
        (f"/admin/campaigns/{campaign}/pause", {}),
        (f"/admin/campaigns/{campaign}/resume", {}),
        (f"/admin/campaigns/{campaign}/cancel", {}),
    ]
    for path, fields in forms:
        one = boss.fresh_token()
        first, second = (boss.post(path, token=one, **fields) for _ in range(2))
        assert first.status in (200, 303), path
        assert (second.status, second.text, second.headers) == (first.status, first.text, first.headers), path
