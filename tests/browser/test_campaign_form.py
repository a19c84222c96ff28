"""A manager says when a campaign is sent, in words; sees what is wrong where it is wrong; and sends test letters."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SCREENS
from tests.browser.desk import Desk, signed_in, written
from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PLAIN: dict[str, Any] = {**DESKTOP, "java_script_enabled": False}
WAYS = pytest.mark.parametrize("how", [PHONE, DESKTOP, PLAIN], ids=["phone", "desktop", "no-scripts"])


def shoot(page: Page, name: str, how: dict[str, Any]) -> None:
    kind = f"{how['viewport']['width']}{'' if how.get('java_script_enabled', True) else '-plain'}"
    page.screenshot(path=SCREENS / f"{name}-{kind}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= how["viewport"]["width"]


@WAYS
@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_time_is_chosen_in_words_and_the_next_ones_are_shown(
    browser: Browser, vestnik: Vestnik, session: Any, how: dict[str, Any], language: str
) -> None:
    desk = signed_in(browser, vestnik, session, **how)
    desk.open(f"/look?language={language}&back=/admin")
    page = desk.open("/campaigns/new?template=promo")
    english = language == "en"
    page.get_by_label("Every week" if english else "Каждую неделю").check()
    for day in ("Monday", "Friday") if english else ("Понедельник", "Пятница"):
        page.get_by_label(day, exact=True).check()
    page.locator('[name="timezone"]').fill("Омск")
    page.locator('[name="timezone"]').blur()
    if how is PLAIN:
        page.get_by_role("button", name="Show the next times" if english else "Показать ближайшие").click()
    said = "Every week on Monday and Friday at 18:00, Omsk time"
    expect(page.locator("#next")).to_contain_text(said if english else "По понедельникам и пятницам в 18:00 по Омску")
    expect(page.locator("#next tbody tr")).to_have_count(5)
    row = page.locator("#next tbody tr").first
    expect(row).to_contain_text("18:00")
    expect(row).to_contain_text("15:00")  # in Moscow, the stage's own zone
    expect(page.locator('[name="weekday"]:checked')).to_have_count(2)
    shoot(page, f"campaign-when-{language}", how)
    assert desk.troubles == []
    desk.close()


def test_a_time_is_chosen_by_keyboard_alone(browser: Browser, vestnik: Vestnik, session: Any) -> None:
    desk = signed_in(browser, vestnik, session, java_script_enabled=False)
    page = desk.open("/campaigns/new?template=promo")
    page.get_by_label("Once, as soon as it is started").focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Every week")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # past what is folded for experts
    expect(page.get_by_role("checkbox", name="Monday")).to_be_focused()
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.get_by_label("Of each reader").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Show the next times").press("Enter")
    expect(page.locator("#next")).to_contain_text("Every week on Monday and Friday at 18:00 where each reader lives")
    expect(page.locator("#next thead")).to_contain_text("First readers (Moscow)")
    expect(page.get_by_label("City", exact=True)).to_be_hidden()
    desk.close()


@WAYS
def test_what_is_wrong_is_told_where_it_is_wrong(
    browser: Browser, vestnik: Vestnik, session: Any, how: dict[str, Any]
) -> None:
    desk = signed_in(browser, vestnik, session, **how)
    page = desk.open("/campaigns/new?template=promo")
    page.get_by_label("Headline", exact=True).fill("Half price")
    page.get_by_label("Every week").check()
    page.get_by_role("button", name="Save and check").evaluate("button => { button.form.noValidate = true }")
    page.get_by_role("button", name="Save and check").click()
    page.wait_for_load_state()
    listed = page.get_by_role("alert")
    expect(listed.get_by_role("link", name="Name of the campaign")).to_be_visible()
    expect(page.get_by_label("Name of the campaign")).to_be_focused()
    expect(page.get_by_label("Name of the campaign")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Headline", exact=True)).to_have_value("Half price")
    listed.get_by_role("link", name="On which days").click()
    expect(page).to_have_url(re.compile("#at-weekday$"))
    expect(page.get_by_role("group", name="On which days")).to_contain_text("expected one or more days of the week")
    shoot(page, "campaign-mistakes", how)
    desk.close()


def test_the_letter_beside_the_form_follows_what_is_written(desk: Desk) -> None:
    page = desk.open("/campaigns/new?template=promo")
    page.get_by_label("Headline", exact=True).fill("Autumn at half price")
    letter = page.frame_locator('iframe[name="letter-frame"]')
    expect(letter.get_by_role("heading", name="Autumn at half price")).to_be_visible()
    assert desk.troubles == []


@WAYS
def test_test_letters_go_to_remembered_addresses(
    browser: Browser, vestnik: Vestnik, session: Any, readers: None, how: dict[str, Any]
) -> None:
    desk = signed_in(browser, vestnik, session, **how)
    name = f"test{how['viewport']['width']}{len(how)}"
    here, address = written(desk, f"Tests {name}"), f"{name}@desk.example"
    page = desk.page
    page.get_by_label(re.compile("To others|To an address")).fill(address)
    page.get_by_label("Remember the addresses").check()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("heading", name="Test letters")).to_be_visible()
    eventually(lambda: vestnik.letters(address))
    if how is PLAIN:
        page.reload()
    expect(page.get_by_role("listitem").filter(has_text=address)).to_contain_text(re.compile("sent|delivered"))
    shoot(page, "campaign-tests", how)
    page.get_by_role("link", name="Back to the check").click()
    expect(page.get_by_role("checkbox", name=address)).to_be_visible()
    shoot(page, "campaign-check", how)
    page.get_by_role("button", name=f"Forget {address}").click()
    expect(page.get_by_role("checkbox", name=address)).to_have_count(0)
    assert here in page.url
    desk.close()


def test_start_stands_below_the_letter(desk: Desk) -> None:
    written(desk, "Read before it is sent")
    page = desk.page
    letter, start = page.locator("iframe.desktop").bounding_box(), page.locator("#go").bounding_box()
    assert letter is not None
    assert start is not None
    assert start["y"] > letter["y"] + letter["height"]


def test_letters_of_accounts_are_not_offered_for_mailings(desk: Desk) -> None:
    page = desk.open("/campaigns/new")
    expect(page.get_by_role("link", name=re.compile("Announcement"))).to_be_visible()
    assert page.locator('a[href*="template=password-reset"]').count() == 0
