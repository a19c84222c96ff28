"""Every page of the managers as people with and without good eyes see it: axe finds nothing serious in light and dark,
a phone shows it whole in Russian too, and screenshots are in build/screens/."""

from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from chalicelib.api.media import MediaBody
from chalicelib.api.openapi import example_of
from tests.browser.conftest import SCREENS
from tests.browser.desk import Desk, signed_in
from tests.browser.pages import ALSO, PAGES
from tests.e2e.conftest import Vestnik, eventually
from tests.integration.admin.stocked import LETTER

pytestmark = pytest.mark.e2e
SERIOUS = ("serious", "critical")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
NARROWEST = 360
SILENT = {
    "all": [
        {"attribute": "locale", "op": "equals", "value": "ru"},
        {"any": [{"attribute": "birthday", "op": "anniversary"}, {"attribute": "films", "op": "after", "value": 3}]},
        {"not": {"attribute": "any", "op": "got_letter", "value": 30}},
    ]
}
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
        "drafted": with_test(vestnik, "screen-4"),
        "tested": waiting_test(vestnik, "screen-5"),
        "ran": run_over(vestnik, "screen-2", "screen-3"),
        "code": link.rpartition("/")[2],
        "list": loaded_list(vestnik),
        "segment": vestnik.call("POST", "/v1/segments", {"name": "Молчат месяц", "rule": SILENT}).json()["id"],
        "picture": vestnik.call("POST", "/v1/media", example_of(MediaBody)).json()["id"],
        "notification": vestnik.call("GET", "/v1/users/screen-1/notifications").json()["notifications"][0]["id"],
    }


def loaded_list(vestnik: Vestnik) -> str:
    """The id of a list with people, and lines that were left out."""
    made = vestnik.call("POST", "/v1/lists", {"name": "Друзья кино"}).json()
    rows = [f"friend-{n}@admin.example;Имя {n};Нижний Новгород" if n % 7 else f"никто {n};;" for n in range(90)]
    file = "\r\n".join(["Эл. почта;Имя;Город", *rows]).encode("cp1251")
    upload = made["upload"]
    answer = requests.request(upload["method"], upload["url"], data=file, headers=upload["headers"], timeout=30)
    answer.raise_for_status()
    path = f"/v1/lists/{made['id']}"
    assert vestnik.call("POST", f"{path}/load").ok
    eventually(lambda: vestnik.call("GET", path).json()["state"] == "ready")
    return str(made["id"])


def with_test(vestnik: Vestnik, name: str) -> str:
    """The id of a draft that tries two subjects on half of ten readers, with a winner by hand."""
    readers = [f"{name}-{n}" for n in range(10)]
    users = [{"id": one, "email": f"{one}@admin.example", "locale": "ru"} for one in readers]
    assert vestnik.call("POST", "/v1/users/batch", {"users": users}).ok
    variants = [{}, {"name": "вопрос", "subject": "Попкорн или начос?"}]
    campaign = {"name": "Две темы письма", "template": "promo",
                "audience": {"rule": {"attribute": "id", "op": "in", "value": readers}},
                "context": {"headline": "H", "text": "T", "url": "https://cinema.example/p"},
                "experiment": {"share_percent": 50, "winner_by": "hand", "variants": variants}}  # fmt: skip
    answer = vestnik.call("POST", "/v1/campaigns", campaign)
    assert answer.ok, answer.text
    return str(answer.json()["id"])


def waiting_test(vestnik: Vestnik, name: str) -> str:
    """The id of one that waits for a person to choose its winner."""
    path = f"/v1/campaigns/{with_test(vestnik, name)}"
    assert vestnik.call("POST", f"{path}/start").ok
    eventually(lambda: vestnik.tick() and vestnik.call("GET", f"{path}/experiment").json()["waits_for_a_person"])
    return path.rpartition("/")[2]


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
        for route, address in {**PAGES, **ALSO}.items():
            page = desk.open(address.format(**ids))
            name = route.removeprefix("/admin").strip("/").translate(str.maketrans("/", "-", "{}")) or "overview"
            found += [(route, language, *mistake) for mistake in mistakes(page, f"admin-{name}-{language}")]
    desk.close()
    assert (found, desk.troubles) == ([], [])


def mistakes(page: Page, name: str) -> list[tuple[str, ...]]:
    """What axe finds serious in either theme, and whether the page sticks out of the window sideways; keeps what is
    seen, dark on a phone and light on a desk."""
    found: list[tuple[str, ...]] = []
    size = page.viewport_size
    assert size is not None
    is_phone = size["width"] == PHONE["width"]
    page.evaluate(Axe().axe_script)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        # In the dark the same page has other colours, and nothing else.
        rules = {"runOnly": {"type": "rule", "values": OF_COLOURS}} if theme == "dark" else {}
        # A frame has no axe in it, and each would be waited for.
        how = {"resultTypes": ["violations"], "iframes": False, **rules}
        violations = page.evaluate("how => axe.run(how)", how)["violations"]
        found += [(theme, one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in SERIOUS]
        if is_phone is (theme == "dark"):
            page.screenshot(path=SCREENS / f"{name}-{theme}.jpg", full_page=True, quality=80)
    if is_phone:
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

    for link, heading in (("Not sent: there is no address", "Recipients"), ("keyboard-2", "Announcement")):
        page.get_by_role("link", name=link).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()

    expect(page.locator("section .note")).to_have_text("there is no address")
    assert desk.troubles == []
    desk.close()


def test_the_header_of_a_phone_is_one_row_and_opens_by_finger_and_keyboard(
    browser: Browser, vestnik: Vestnik, session: Any
) -> None:
    desk = signed_in(browser, vestnik, session, viewport=PHONE, has_touch=True)
    page = desk.open("/campaigns")
    header, menu = page.get_by_role("banner"), page.get_by_role("navigation", name="Sections")
    button = page.get_by_role("button", name="Menu")
    assert header.evaluate("element => element.offsetHeight") < 2 * button.evaluate("element => element.offsetHeight")
    expect(menu).to_be_hidden()
    button.tap()
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    button.press("Enter")
    expect(menu.get_by_role("link", name="Campaigns").last).to_have_attribute("aria-current", "page")
    menu.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Settings", exact=True)).to_be_visible()
    assert desk.troubles == []
    desk.close()
