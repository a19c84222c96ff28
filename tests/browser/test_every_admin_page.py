"""Every page of the managers as people with and without good eyes see it: axe finds nothing serious in light and dark,
a phone shows it whole in Russian too, and screenshots are in build/screens/."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from chalicelib.api.media import MediaBody
from chalicelib.api.openapi import example_of
from tests.browser.conftest import SCREENS
from tests.browser.desk import Desk, signed_in
from tests.browser.pages import OF_BLOCKS, PAGES
from tests.e2e.conftest import Vestnik, eventually
from tests.integration.admin.stocked import LETTER

pytestmark = pytest.mark.e2e
SERIOUS = ("serious", "critical")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
NARROWEST = 360
OF_COLOURS = ["color-contrast", "link-in-text-block"]  # axe's rules of WCAG AA that another theme may break


@pytest.fixture
def ids(vestnik: Vestnik) -> dict[str, str]:
    """Something to see: a user with a letter and its link, a campaign that runs, one that is over, a list."""
    user = {"id": "screen-1", "email": "screen-1@admin.example", "name": "Вера", "locale": "ru"}
    assert vestnik.call("POST", "/v1/events", {"type": "user.registered", "id": "screen-1", "user": user}).ok
    [letter] = eventually(lambda: vestnik.letters("screen-1@"))
    link = next(word.strip("()<>.") for word in letter["text"].split() if "/s/" in word)
    campaign = {"name": "Неделя премьер в кинотеатре и дома", "template": "promo", "audience": {"everyone": True},
                "schedule": {"every": "week", "on": "friday", "at": "18:00"},
                "context": {"headline": "H", "text": "T", "url": "https://cinema.example/p"}}  # fmt: skip
    assert vestnik.call("PUT", "/v1/templates/premiere", LETTER).ok
    campaign_id = vestnik.call("POST", "/v1/campaigns", campaign).json()["id"]
    assert vestnik.call("POST", f"/v1/campaigns/{campaign_id}/start").ok
    return {
        "campaign": campaign_id,
        "ran": run_over(vestnik, "screen-2", "screen-3"),
        "code": link.rpartition("/")[2],
        "list": vestnik.call("POST", "/v1/lists", {"name": "Друзья кино"}).json()["id"],
        "picture": vestnik.call("POST", "/v1/media", example_of(MediaBody)).json()["id"],
        "notification": vestnik.call("GET", "/v1/users/screen-1/notifications").json()["notifications"][0]["id"],
    }


def run_over(vestnik: Vestnik, reader: str, other: str) -> str:
    """A campaign that went to a reader, and not to another, who has no address; its id."""
    for user, email in ((reader, f"{reader}@admin.example"), (other, None)):
        told = {"email": email, "locale": "ru", "attributes": {"club": f"{reader}-and-{other}"}}
        assert vestnik.call("PUT", f"/v1/users/{user}", told).ok
    rule = {"attribute": "club", "op": "equals", "value": f"{reader}-and-{other}"}
    campaign = {"name": "Закрытый показ для членов клуба", "template": "promo", "audience": {"rule": rule},
                "context": {"headline": "H", "text": "T", "url": "https://cinema.example/p"}}  # fmt: skip
    path = f"/v1/campaigns/{vestnik.call('POST', '/v1/campaigns', campaign).json()['id']}"
    assert vestnik.call("POST", f"{path}/start").ok

    def over() -> bool:
        seen = vestnik.tick() and vestnik.call("GET", path).json()
        return bool(seen and seen["state"] == "completed" and seen["progress"]["delivered"] == 1)

    eventually(over)
    return path.rpartition("/")[2]


def test_every_page_is_fit_for_everybody(browser: Browser, vestnik: Vestnik, session: Any, ids: dict[str, str]) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    desk = signed_in(browser, vestnik, session)
    found: list[tuple[str, ...]] = []
    for language, size in (("en", WIDE), ("ru", PHONE)):
        cookie = {"name": "vestnik_language", "value": language, "url": desk.address}
        desk.page.context.add_cookies([cookie])  # type: ignore[list-item]
        desk.page.set_viewport_size(size)  # type: ignore[arg-type]
        for route, address in {**PAGES, **OF_BLOCKS}.items():
            page = desk.open(address.format(**ids))
            name = route.removeprefix("/admin").strip("/").translate(str.maketrans("/", "-", "{}")) or "overview"
            found += [(route, language, *mistake) for mistake in mistakes(page, f"admin-{name}-{language}")]
    desk.close()
    assert (found, desk.troubles) == ([], [])


def mistakes(page: Page, name: str) -> list[tuple[str, ...]]:
    """What axe finds serious in either theme, and whether the page sticks out of the window sideways; keeps what is
    seen."""
    found: list[tuple[str, ...]] = []
    page.evaluate(Axe().axe_script)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        # In the dark the same page has other colours, and nothing else.
        rules = {"runOnly": {"type": "rule", "values": OF_COLOURS}} if theme == "dark" else {}
        violations = page.evaluate("how => axe.run(how)", {"resultTypes": ["violations"], **rules})["violations"]
        found += [(theme, one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in SERIOUS]
        page.screenshot(path=SCREENS / f"{name}-{theme}.png", full_page=True)
    size = page.viewport_size
    assert size is not None
    if size["width"] == PHONE["width"]:
        page.set_viewport_size({"width": NARROWEST, "height": size["height"]})
        width = page.evaluate("document.documentElement.scrollWidth")
        found += [("wider than a phone", str(width))] if width > NARROWEST else []
        page.set_viewport_size(size)
    return found


def test_the_keyboard_reaches_the_content_first_and_shows_where_it_is(
    browser: Browser, vestnik: Vestnik, session: Any
) -> None:
    desk: Desk = signed_in(browser, vestnik, session)
    page = desk.open("/campaigns")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    focused = page.locator("main :focus")
    assert focused.count() == 1
    assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    desk.close()


def test_the_keyboard_goes_from_a_count_to_why_somebody_got_nothing(
    browser: Browser, vestnik: Vestnik, session: Any
) -> None:
    campaign = run_over(vestnik, "keyboard-1", "keyboard-2")
    desk: Desk = signed_in(browser, vestnik, session)
    page = desk.open(f"/campaigns/{campaign}")

    for link, heading in (("Not sent: there is no address", "Recipients"), ("keyboard-2", "promo")):
        page.get_by_role("link", name=link).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()

    expect(page.locator("section .note")).to_have_text("there is no address")
    assert desk.troubles == []
    desk.close()
