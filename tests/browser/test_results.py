"""A manager reads what a mailing led to: clicks by link, the letter with its clicks, on a phone in Russian too."""

from html import unescape
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.browser.conftest import SCREENS
from tests.browser.desk import signed_in
from tests.e2e.conftest import Vestnik, eventually
from tests.integration.own_say.conftest import BROWSER

pytestmark = pytest.mark.e2e
PHONE = {"width": 390, "height": 844}
TICKETS = "https://tickets.example/two"
READERS = [f"results-{n}@{domain}" for n, domain in enumerate(("gmail.com", "bk.ru", "admin.example"))]
PROGRAM = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture(scope="module")
def sent(vestnik: Vestnik) -> str:
    """A campaign to three, of whom one followed its link twice, and a program the other's; its id."""
    for address in READERS:
        told = {"email": address, "locale": "en", "attributes": {"club": "results"}}
        assert vestnik.call("PUT", f"/v1/users/{address.partition('@')[0]}", told).ok
    campaign = {"name": "Two tickets for one", "template": "promo",
                "audience": {"rule": {"attribute": "club", "op": "equals", "value": "results"}},
                "context": {"headline": "Tonight", "text": "Two for one", "url": TICKETS}}  # fmt: skip
    made = vestnik.call("POST", "/v1/campaigns", campaign).json()["id"]
    assert vestnik.call("POST", f"/v1/campaigns/{made}/start").ok

    def delivered() -> bool:
        seen = vestnik.tick() and vestnik.call("GET", f"/v1/campaigns/{made}").json()
        return bool(seen and seen["progress"]["delivered"] == len(READERS))

    eventually(delivered)
    for address, agent in zip(READERS, (BROWSER, PROGRAM), strict=False):
        [letter] = vestnik.letters(address)
        for _ in range(2):
            answer = requests.get(
                link_to_tickets(letter), headers={"user-agent": agent}, allow_redirects=False, timeout=30
            )
            assert answer.headers["location"] == TICKETS
    return str(made)


def link_to_tickets(letter: dict[str, Any]) -> str:
    """Of the letter's links of ours the one that leads there."""
    ours = [unescape(one) for one in letter["html"].split('"') if "/s/" in one]
    targets = {one: requests.head(one, allow_redirects=False, timeout=30).headers["location"] for one in ours}
    return next(one for one, target in targets.items() if target == TICKETS)


def test_a_manager_reads_who_clicked_where(browser: Browser, vestnik: Vestnik, session: Any, sent: str) -> None:
    desk = signed_in(browser, vestnik, session)
    page = desk.open(f"/campaigns/{sent}")
    page.get_by_role("link", name="Results", exact=True).click()
    expect(page.get_by_role("heading", name="Results", level=1)).to_be_visible()

    link = page.locator("#links tr", has_text="https://tickets.example/two")
    expect(link.locator("td").nth(1)).to_have_text("1")
    expect(link.locator("td").nth(2)).to_have_text("100%")
    expect(link.locator("td").nth(3)).to_have_text("1")
    gmail = page.locator("#providers tr", has_text="gmail.com")
    expect(gmail.locator("td").last).to_contain_text("1")
    letter = page.frame_locator("#map iframe")
    expect(letter.locator('a[href="https://tickets.example/two"]').first).to_contain_text("1")
    expect(letter.locator("h1, h2").first).to_contain_text("Tonight")
    page.screenshot(path=SCREENS / "results-en-desktop.png", full_page=True)
    assert desk.troubles == []
    desk.close()


def test_it_fits_a_phone_in_russian_without_scripts(
    browser: Browser, vestnik: Vestnik, session: Any, sent: str
) -> None:
    how = {"viewport": PHONE, "color_scheme": "dark", "java_script_enabled": False}
    desk = signed_in(browser, vestnik, session, **how)
    cookie = {"name": "vestnik_language", "value": "ru", "url": desk.address}
    desk.page.context.add_cookies([cookie])  # type: ignore[list-item]
    page = desk.open(f"/campaigns/{sent}/results")
    expect(page.get_by_role("heading", name="Результаты", level=1)).to_be_visible()
    expect(page.locator("#links tr", has_text="tickets.example").locator("td").nth(1)).to_have_text("1")
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.locator("#map iframe").scroll_into_view_if_needed()
    expect(page.frame_locator("#map iframe").get_by_text("Two for one").first).to_be_visible()
    page.screenshot(path=SCREENS / "results-ru-phone.png", full_page=True)
    assert desk.troubles == []
    desk.close()
