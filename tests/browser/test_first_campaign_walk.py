"""By keyboard alone and by what a screen reader says: from an empty desk to what a campaign led to, and to why somebody
did not get it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.desk import MORE_TIME_MS, Desk, tab_to
from tests.e2e.conftest import Vestnik, eventually, started

pytestmark = pytest.mark.e2e
USERS = [{"id": "ada", "email": "ada@admin.example", "name": "Ada", "locale": "ru"}, {"id": "bob", "locale": "ru"}]


@pytest.fixture
def new(vestnik: Vestnik, tmp_path: Path) -> Iterator[Vestnik]:
    """A service that has no campaign yet: that of all tests, of which this one is the first (`conftest.py`); or one of
    its own, at a second try."""
    if vestnik.call("GET", "/v1/campaigns").json()["campaigns"]:
        with started(tmp_path) as running:
            yield running
    else:
        yield vestnik
        for one in USERS:  # whoever chooses among everybody finds none but their own
            assert vestnik.call("DELETE", f"/v1/users/{one['id']}").ok


def press(page: Page, role: Any, name: str | re.Pattern[str]) -> None:
    tab_to(page, page.get_by_role(role, name=name).first)
    page.keyboard.press("Enter")


def write(page: Page, name: str, text: str, *, within: Locator | None = None) -> None:
    tab_to(page, (within or page).get_by_label(name, exact=True))
    page.keyboard.type(text)


def heard(page: Page, heading: str | re.Pattern[str]) -> None:
    """A page that is opened names itself, and its controls can be used."""
    expect(page.get_by_role("heading", name=heading).first).to_be_visible(timeout=MORE_TIME_MS)
    page.wait_for_load_state()


def test_a_first_campaign_by_keyboard_alone(browser: Browser, new: Vestnik) -> None:
    assert new.call("POST", "/v1/users/batch", {"users": USERS}).ok
    desk = Desk(browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}), new)
    page = desk.open("")
    write(page, "Name", "admin")
    write(page, "Password", new.cloud.state.manager_password())
    page.keyboard.press("Enter")

    heard(page, "Your first campaign in four steps")
    press(page, "link", "Campaigns")
    heard(page, "Your first campaign in four steps")
    press(page, "link", "Write the campaign")
    heard(page, "New campaign")
    press(page, "link", re.compile("^Announcement"))
    heard(page, "When")
    write_the_campaign(page)
    check_and_start(page, new)
    read_what_came_of_it(page, new)
    assert desk.troubles == []
    desk.close()


def write_the_campaign(page: Page) -> None:
    """The letter, whom it is for, and when it goes."""
    write(page, "Name of the campaign", "Film night")
    write(page, "Headline", "All films at half price")
    write(page, "Text", "Until Sunday.")
    write(page, "Link", "https://cinema.example/night")
    tab_to(page, page.get_by_role("radio", name="Everybody"))
    page.keyboard.press("ArrowDown")
    condition = page.get_by_role("group", name="Condition 1")
    tab_to(page, condition.get_by_label("Attribute"))
    page.keyboard.press("l")
    expect(condition.get_by_label("Attribute")).to_have_value("locale")
    expect(condition.locator('option[value="before"]')).to_have_count(0)  # of languages none is before another
    write(page, "Value", "ru", within=condition)
    page.keyboard.press("Tab")
    expect(page.get_by_role("status").filter(has_text="People: 2")).to_be_visible()
    tab_to(page, page.get_by_role("radio", name="Once, as soon as it is started"))
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Every week")).to_be_checked()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    press(page, "button", "Save and check")
    heard(page, "Who gets it")


def check_and_start(page: Page, new: Vestnik) -> None:
    """A test letter comes first."""
    write(page, "To an address, or to a user's id", "me@desk.example")
    press(page, "button", "Send a test")
    heard(page, "Test letters")
    eventually(lambda: new.letters("me@desk.example"))
    press(page, "link", "Back to the check")
    heard(page, "Ready?")
    tab_to(page, page.locator("summary", has_text="Start"))
    page.keyboard.press("Enter")
    press(page, "button", "Yes, start")
    heard(page, "Progress")


def read_what_came_of_it(page: Page, new: Vestnik) -> None:
    """The page follows the campaign by itself; its results, and one who got nothing."""
    badge = page.locator("#live .badge").first
    eventually(lambda: new.tick() and badge.inner_text() == "completed")
    assert len(new.letters("ada@admin.example")) == 1
    press(page, "link", "Results")
    heard(page, "What readers did")
    press(page, "link", "Film night")
    heard(page, "Film night")
    press(page, "link", "Why didn’t they get it?")
    heard(page, "Why didn’t they get it?")
    tab_to(page, page.get_by_role("searchbox"))
    page.keyboard.type("bob")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("no address")
