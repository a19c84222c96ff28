"""The pages that people open from their letters, as people see them."""

import re
import uuid
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e
LONG_NAME = "Аполлинария-Констанция Преображенская-Вознесенская " * 2
SAY = {
    "ru": {
        "missing": "Такой ссылки нет",
        "unsubscribe": "Отписаться",
        "unsubscribed": "Вы отписаны",
        "save": "Сохранить",
        "saved": "Сохранено",
        "marketing": "Премьеры и предложения",
        "nothing": "Кроме писем об учётной записи",
        "email": "Почта",
        "quiet_from": "С",
        "quiet_to": "До",
        "not_saved": "не сохранены",
    },
    "en": {
        "missing": "There is no such link",
        "unsubscribe": "Unsubscribe",
        "unsubscribed": "You are unsubscribed",
        "save": "Save",
        "saved": "Saved",
        "marketing": "Premieres and offers",
        "nothing": "But letters about the account",
        "email": "E-mail",
        "quiet_from": "From",
        "quiet_to": "To",
        "not_saved": "were not saved",
    },
}
CONTROLS = ", ".join(f"{one}:visible" for one in ("button", "a.button", "label.switch", "select", "input[type=time]"))
PROMO = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}


@pytest.fixture
def say(window: Window) -> dict[str, str]:
    """The texts in the window's language."""
    return SAY[window.device.locale[:2]]


@pytest.fixture
def links(vestnik: Vestnik) -> dict[str, str]:
    """The links in a marketing letter to a user; `user` is who it was sent to."""
    name = f"b-{uuid.uuid4().hex[:12]}"
    profile = {"email": f"{name}@viewers.example", "name": LONG_NAME.strip(), "timezone": "America/New_York"}
    vestnik.call("PUT", f"/v1/users/{name}", profile)
    body = {"template": "promo", "recipients": [{"user_id": name}], "context": PROMO}
    assert vestnik.call("POST", "/v1/notifications", body).status_code == 202
    letter = eventually(lambda: vestnik.letters(profile["email"]))[0]
    found = re.findall(rf"{re.escape(vestnik.cloud.api_url)}/(unsubscribe|preferences)/[A-Za-z0-9_.-]+", letter["html"])
    whole = re.findall(rf"{re.escape(vestnik.cloud.api_url)}/[up][a-z]+/[A-Za-z0-9_.-]+", letter["html"])
    return {**dict(zip(found, whole, strict=True)), "user": name}


def preferences(vestnik: Vestnik, links: dict[str, str]) -> dict[str, Any]:
    kept: dict[str, Any] = vestnik.call("GET", f"/v1/users/{links['user']}/preferences").json()
    return kept


def assert_looks_well(window: Window, name: str) -> None:
    window.shoot(name)
    assert window.overflow_px() <= 0
    assert window.troubles == []
    assert all(box["height"] >= 44 for box in window.boxes(CONTROLS))  # what a thumb needs


def test_a_link_that_is_over_says_so(vestnik: Vestnik, window: Window, say: dict[str, str]) -> None:
    answer = window.page.goto(f"{vestnik.cloud.api_url}/s/{'A' * 27}")

    assert answer is not None
    assert answer.status == 404
    expect(window.page.get_by_role("heading", level=1)).to_have_text(say["missing"])
    window.troubles.clear()  # Chromium calls a 404 of the page itself an error
    assert_looks_well(window, "missing")


def test_the_button_unsubscribes(vestnik: Vestnik, window: Window, say: dict[str, str], links: dict[str, str]) -> None:
    window.page.goto(links["unsubscribe"])
    expect(window.page.get_by_text(say["marketing"])).to_be_visible()
    assert_looks_well(window, "unsubscribe")
    assert preferences(vestnik, links)["categories"]["marketing"]["email"] is True

    window.page.get_by_role("button", name=say["unsubscribe"], exact=True).click()

    expect(window.page.get_by_role("heading", level=1)).to_have_text(say["unsubscribed"])
    assert_looks_well(window, "unsubscribed")
    assert preferences(vestnik, links)["categories"]["marketing"]["email"] is False


def test_the_preference_page_shows_and_saves(
    vestnik: Vestnik, window: Window, say: dict[str, str], links: dict[str, str]
) -> None:
    page = window.page
    page.goto(links["preferences"])
    expect(page.get_by_text("America/New York")).to_be_visible()
    page.get_by_role("group", name=say["marketing"]).get_by_role("checkbox", name=say["email"]).uncheck()
    page.get_by_label(say["quiet_from"], exact=True).fill("22:30")
    page.get_by_label(say["quiet_to"], exact=True).fill("07:15")
    assert_looks_well(window, "preferences")
    page.get_by_role("button", name=say["save"]).click()

    expect(page.get_by_role("status")).to_contain_text(say["saved"])
    assert_looks_well(window, "preferences-saved")
    kept = preferences(vestnik, links)
    assert (kept["everything"], kept["categories"]["marketing"]["email"]) == (True, False)
    assert kept["quiet_hours"] == {"from": "22:30", "to": "07:15"}
    expect(
        page.get_by_role("group", name=say["marketing"]).get_by_role("checkbox", name=say["email"])
    ).not_to_be_checked()


def test_a_mistake_on_the_preference_page_is_told(
    vestnik: Vestnik, window: Window, say: dict[str, str], links: dict[str, str]
) -> None:
    page = window.page
    page.goto(links["preferences"])
    page.get_by_label(say["quiet_from"], exact=True).fill("22:30")
    page.get_by_role("button", name=say["save"]).click()

    expect(page.get_by_role("alert")).to_contain_text(say["not_saved"])
    window.troubles.clear()  # Chromium calls a 422 of the page itself an error
    assert_looks_well(window, "preferences-mistake")
    assert preferences(vestnik, links)["quiet_hours"] is None


def test_the_page_can_be_used_from_the_keyboard(
    vestnik: Vestnik, window: Window, say: dict[str, str], links: dict[str, str]
) -> None:
    page = window.page
    page.goto(links["preferences"])
    nothing = page.get_by_role("checkbox", name=say["nothing"])
    nothing.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_contain_text(say["saved"])
    assert preferences(vestnik, links)["everything"] is False


def test_the_language_can_be_switched(window: Window, links: dict[str, str]) -> None:
    window.page.goto(links["preferences"])
    other = "English" if window.device.locale.startswith("ru") else "Русский"
    window.page.get_by_role("link", name=other).click()

    expect(window.page.locator("html")).to_have_attribute("lang", "en" if other == "English" else "ru")
    expect(window.page.get_by_role("button")).to_have_text(SAY["en" if other == "English" else "ru"]["save"])
