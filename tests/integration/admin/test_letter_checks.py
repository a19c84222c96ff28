"""What managers see of a letter's check: on the pages of a template and of a campaign."""

from html import unescape

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.campaigns.model import Campaign
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor, signed_in
from tests.integration.used_up import use_up

TEMPLATE = "/admin/templates/promo"
ROUGH = '<p>Lorem ipsum</p><p><a href="http://kino.example/7">Click here</a></p>'
CAMPAIGN = Campaign.model_validate(
    {
        "name": "Autumn",
        "template": "promo",
        "audience": {"everyone": True},
        "context": {"headline": "ALL FILMS AT HALF PRICE", "text": "Lorem ipsum", "url": "http://kino.example/"},
    }
)


def stored(visitor: Visitor) -> str:
    """Stores a letter with warnings; the path of its checks."""
    assert visitor.post(TEMPLATE, **{"source.en.email.html": ROUGH, "confirm": "yes"}).said == "saved"
    return f"{TEMPLATE}/checks"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_whoever_sees_a_template_sees_what_its_check_has_found(boss: Visitor, role: Role) -> None:
    path = stored(boss)
    visitor = signed_in("olga", role)

    assert f'hx-get="{path}?version=1"' in visitor.get(TEMPLATE).text
    seen = unescape(visitor.get(f"{path}?version=1").text)

    assert "“Lorem ipsum” is a placeholder" in seen
    assert "says where it leads, not “Click here”" in seen
    assert ("Check links" in seen) is (role is Role.EDITOR)


def test_the_findings_are_in_the_managers_language_by_the_letters(boss: Visitor) -> None:
    path = stored(boss)
    boss.cookies["__Host-vestnik_language"] = "ru"

    seen = unescape(boss.get(path).text)

    assert "«Lorem ipsum» — заготовка" in seen
    assert "<h3>Английский</h3>" in seen


def test_a_letter_with_nothing_to_fix_says_so(boss: Visitor) -> None:
    assert "Nothing to fix." in boss.get("/admin/templates/welcome/checks").text


def test_an_error_is_said_where_the_template_is_saved_and_nothing_is_stored(boss: Visitor) -> None:
    refused = boss.post(TEMPLATE, **{"source.en.email.html": '<p><a href="javascript:a">a</a></p>'})

    assert refused.status == 422
    assert "expected an https address instead of javascript:a" in unescape(refused.text)
    assert str(Stage.own().templates.get("promo").version).startswith("shipped")


def test_a_button_tries_the_links_of_what_the_form_holds_and_saves_nothing(boss: Visitor) -> None:
    typed = {f"source.{locale}.email.html": "<p><a href='https://127.0.0.1/'>A film</a></p>" for locale in ("en", "ru")}

    seen = boss.post(f"{TEMPLATE}/checks", **typed)

    assert seen.status == 200
    assert "https://127.0.0.1/: " in seen.text
    assert "pictures: 0 of 1,000 KB" in seen.text
    assert "not measured" in seen.text
    assert str(Stage.own().templates.get("promo").version).startswith("shipped")


def test_whoever_tries_links_too_often_is_told_when_to_go_on(boss: Visitor) -> None:
    use_up("links", "manager:boss")

    refused = boss.post(f"{TEMPLATE}/checks")

    assert (refused.status, int(refused.headers["retry-after"]) >= 1) == (429, True)
    assert boss.get(f"{TEMPLATE}/checks").status == 200


def test_a_campaigns_check_shows_its_own_texts_by_language(boss: Visitor) -> None:
    page = f"/admin/campaigns/{Stage.own().campaign_commands.draft(CAMPAIGN, by='manager:boss').id}"

    assert f'hx-get="{page}/checks"' in boss.get(f"{page}/check").text
    seen = unescape(boss.get(f"{page}/checks").text)
    assert "looks like spam" in seen
    assert "context.url" in seen
