"""Nothing typed is lost, in a real browser: two managers at one thing, the end of a session, a form that is left, a
double click."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from infra.local.seed import FIRST_MANAGER
from tests.browser.conftest import SCREENS
from tests.browser.desk import Desk, let_run, signed_in
from tests.browser.test_every_admin_page import PHONE, WIDE, mistakes
from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e
HOSTS = "#v-allowed_hosts"


def save(page: Page, setting: str) -> None:
    page.locator(f"#{setting}").get_by_role("button", name="Save").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_two_managers_see_both_versions_and_nothing_is_lost(
    browser: Browser, vestnik: Vestnik, session: Any, desk: Desk, scripts: bool
) -> None:
    """Promise B3: side by side, by keyboard, with scripts or without."""
    other = signed_in(browser, vestnik, session, java_script_enabled=scripts)
    page, theirs = other.open("/settings"), desk.open("/settings")
    before = page.locator(HOSTS).input_value()
    theirs.locator(HOSTS).fill("one.example\ntwo.example")
    save(theirs, "allowed_hosts")
    expect(theirs.get_by_text("Saved.", exact=True)).to_be_visible()
    page.locator(HOSTS).fill("one.example\nthree.example")
    save(page, "allowed_hosts")
    expect(page.get_by_role("heading", name="Somebody else has changed this meanwhile")).to_be_visible()
    assert page.locator(".side", has_text="Mine").locator("mark").all_inner_texts() == ["three"]
    assert page.locator(".side", has_text="Theirs").locator("mark").all_inner_texts() == ["two"]
    page.get_by_label("Mine").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Theirs")).to_be_checked()
    page.get_by_label("Mine").check()
    page.get_by_role("button", name="Go on writing").click()
    expect(page.locator(HOSTS)).to_have_value("one.example\nthree.example")
    save(page, "allowed_hosts")
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    page.locator(HOSTS).fill(before)
    save(page, "allowed_hosts")
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    other.close()


def test_who_saves_after_the_sessions_end_goes_on_in_place(vestnik: Vestnik, desk: Desk) -> None:
    """Promise B5: the text is there after signing in, and is saved by one more click."""
    page = desk.open("/campaigns/new?template=promo")
    page.get_by_label("Name of the campaign").fill("Осень")
    page.get_by_label("Headline", exact=True).fill("Half price")
    page.get_by_label("Text", exact=True).fill('First "paragraph".\n\nSecond & last.')
    page.get_by_label("Link", exact=True).fill("https://cinema.example/p")
    page.context.clear_cookies(name="vestnik_session")
    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_role("heading", name="Sign in and go on")).to_be_visible()
    expect(page.get_by_text("Second & last.")).to_be_visible()
    page.get_by_label("Name").fill(FIRST_MANAGER)
    page.get_by_label("Password").fill(vestnik.cloud.state.manager_password())
    page.get_by_role("button", name="Sign in and go on").click()
    expect(page.get_by_text("not saved yet")).to_be_visible()
    expect(page.get_by_label("Text", exact=True)).to_have_value('First "paragraph".\n\nSecond & last.')
    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_role("heading", name="Who gets it")).to_be_visible()
    expect(page.get_by_role("heading", name="Осень")).to_be_visible()


def test_a_changed_form_asks_before_it_is_left(desk: Desk) -> None:
    """Promise B5: a link does not take what was typed away; an unchanged form, and one that is sent, ask nothing."""
    page, asked = desk.open("/settings"), list[str]()

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.locator(HOSTS).click()
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert asked == []

    desk.open("/settings")
    before = page.locator(HOSTS).input_value()
    page.locator(HOSTS).fill("left.example")
    page.get_by_role("link", name="Overview").click(no_wait_after=True)
    assert eventually(lambda: let_run(page) and asked) == ["beforeunload"]
    expect(page.locator(HOSTS)).to_have_value("left.example")
    save(page, "quiet_hours")  # another form of the page is sent: this one would be lost
    assert eventually(lambda: let_run(page) and asked[1:]) == ["beforeunload"]
    page.locator(HOSTS).fill(before)
    save(page, "allowed_hosts")
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    assert len(asked) == 2


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_double_click_makes_one_thing(
    browser: Browser, vestnik: Vestnik, session: Any, readers: None, scripts: bool
) -> None:
    """Promise B4: one copy of a template, one campaign, and no failure."""
    desk = signed_in(browser, vestnik, session, java_script_enabled=scripts)
    key = f"twice-{scripts}".lower()
    page = desk.open("/templates/new")
    page.get_by_label("Title").fill(key)
    page.get_by_label("Start from").select_option("promo")
    page.get_by_role("button", name="Create").dblclick()
    expect(page.get_by_role("heading", name=key)).to_be_visible()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    page = desk.open(f"/campaigns/new?template={key}")
    page.get_by_label("Name of the campaign").fill(key)
    page.get_by_label("Headline", exact=True).fill(key)
    page.get_by_label("Text", exact=True).fill("All November.")
    page.get_by_label("Link", exact=True).fill("https://cinema.example/p")
    page.get_by_role("button", name="Save and check").dblclick()
    expect(page.get_by_role("heading", name="Who gets it")).to_be_visible()
    page = desk.open("/campaigns")
    expect(page.get_by_role("link", name=key)).to_have_count(1)
    desk.close()


def test_the_conflict_and_the_door_are_fit_for_everybody(browser: Browser, vestnik: Vestnik, session: Any) -> None:
    """Promise B3: in both languages, light and dark, wide and on a phone; axe finds nothing serious."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    found: list[tuple[str, ...]] = []
    for language, size in (("en", WIDE), ("ru", PHONE)):
        mine, theirs = (signed_in(browser, vestnik, session, viewport=size) for _ in range(2))
        cookie = {"name": "vestnik_language", "value": language, "url": mine.address}
        mine.page.context.add_cookies([cookie])  # type: ignore[list-item]
        page, other = mine.open("/templates/promo"), theirs.open("/templates/promo")
        subject = '[name="source.en.email.subject"]'
        for one, text in ((other, f"Theirs {language}"), (page, "Моё {{ headline }}")):
            if not one.locator(subject).is_visible():
                one.locator("summary", has_text="English").click()
            one.locator(subject).fill(text)
        other.get_by_role("button", name="Save as a new version").click()
        expect(other.get_by_text("Saved.", exact=True)).to_be_visible()
        page.locator("form:has(iframe) .actions button").click()
        expect(page.locator(".versus")).to_have_count(1)
        found += [(language, *one) for one in mistakes(page, f"admin-conflict-{language}")]
        page.context.clear_cookies(name="vestnik_session")
        page.locator('button[value="look"]').click()
        expect(page.locator('[name="password"]')).to_be_visible()
        found += [(language, *one) for one in mistakes(page, f"admin-signing-in-{language}")]
        mine.close()
        theirs.close()
    assert found == []
