"""A manager at the browser: signs in, opens pages, presses buttons that ask. Used by the tests of the page."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from infra.local.seed import FIRST_MANAGER
from tests.e2e.conftest import Vestnik, eventually

MORE_TIME_MS = 60_000
MOST_TABS = 150
READERS = 5


class Desk:
    """A manager's browser."""

    def __init__(self, context: BrowserContext, vestnik: Vestnik) -> None:
        self._vestnik = vestnik
        self.address = f"{vestnik.cloud.api_url}/admin"
        self.troubles: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(MORE_TIME_MS)
        self.page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def see_it_completed(self) -> None:
        """The campaign that is shown ends, and its page says so by itself."""
        badge = self.page.locator("#live .badge").first
        eventually(lambda: self._vestnik.tick() and badge.inner_text() == "completed")

    def write_to_readers(self, path: str) -> None:
        """Makes them the audience of the campaign whose check page is shown."""
        ids = [f"reader-{n}" for n in range(READERS)]
        audience = {"rule": {"attribute": "id", "op": "in", "value": ids}}
        answer = self._vestnik.call("PATCH", f"/v1{path}", {"audience": audience})
        assert answer.ok, answer.text
        self.page.goto(f"{self.address}{path}/check")

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def ask(self, label: str, yes: str) -> None:
        """Presses a button that explains itself first, then confirms."""
        box = self.page.locator("details", has=self.page.locator("summary", has_text=label)).first
        box.locator("summary").click()
        box.get_by_role("button", name=yes).click()

    def close(self) -> None:
        self.page.context.close()


def let_run(page: Page) -> bool:
    """Playwright hears of sockets and dialogs only while it is asked something. True, to stand in a condition."""
    page.wait_for_timeout(100)
    return True


def tab_to(page: Page, wanted: Locator) -> None:
    """Presses Tab until it has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {wanted}")


def sign_in(desk: Desk, *, name: str = FIRST_MANAGER, password: str) -> None:
    """Signs in through the page, as a person does."""
    page = desk.open("")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    heading = page.get_by_role("heading", name=re.compile("Overview|Your password"))
    expect(heading).to_be_visible(timeout=MORE_TIME_MS)


def choose_password(desk: Desk, *, made: str, own: str) -> None:
    """What somebody does first whose password an administrator has made."""
    page = desk.page
    page.get_by_label("Current password").fill(made)
    page.get_by_label("New password").fill(own)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible(timeout=MORE_TIME_MS)


def signed_in(browser: Browser, vestnik: Vestnik, cookies: Any, **how: Any) -> Desk:
    """A window of its own in which a manager is signed in already; `how` is Playwright's of a context."""
    return Desk(browser.new_context(locale="en-GB", storage_state=cookies, **how), vestnik)


def written(desk: Desk, name: str, *, template: str = "promo") -> str:
    """A campaign to the readers, on its check page; its name is its headline. Its address."""
    page = desk.open(f"/campaigns/new?template={template}")
    page.get_by_label("Name of the campaign").fill(name)
    page.get_by_label("Headline", exact=True).fill(name)
    page.get_by_label("Text", exact=True).fill("All November.")
    page.get_by_label("Link", exact=True).fill("https://cinema.example/promo")
    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_role("heading", name="Who gets it")).to_be_visible()
    path = page.url.partition("/check")[0].removeprefix(desk.address)
    desk.write_to_readers(path)
    return path
