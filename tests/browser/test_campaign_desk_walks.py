"""The desk of campaigns at work: searched, filtered, tagged, copied, put away, many at once, compared, by month; on a
phone and at a desk, in both languages, with and without scripts."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SCREENS
from tests.browser.desk import Desk, signed_in
from tests.browser.test_every_admin_page import PHONE, WIDE, run_over
from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e
WORDS = Path("templates/admin/words")
CONTEXT = {"headline": "H", "text": "T", "url": "https://cinema.example/p"}


def said(language: str) -> Any:
    """The words of the pages."""
    return json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))


def drafted(vestnik: Vestnik, name: str) -> str:
    """The id of a draft."""
    body = {"name": name, "template": "promo", "audience": {"everyone": True}, "context": CONTEXT}
    return str(vestnik.call("POST", "/v1/campaigns", body).json()["id"])


def rows(page: Page) -> list[str]:
    return [one.strip() for one in page.locator("#rows .name > a").all_inner_texts()]


def seen(page: Page, name: str) -> None:
    """Nothing sticks out of the window; kept to be looked at."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    page.screenshot(path=SCREENS / f"desk-{name}.png", full_page=True)


@pytest.mark.parametrize(
    ("language", "size", "scripts"), [("en", WIDE, True), ("ru", PHONE, True), ("en", PHONE, False)]
)
def test_campaigns_are_found_tagged_copied_and_put_away(
    browser: Browser, vestnik: Vestnik, session: Any, language: str, size: Any, scripts: bool
) -> None:
    word, mark = said(language), f"{language}{size['width']}{scripts}"
    say = word["desk"]
    names = [f"Премьера {mark} {n}" for n in range(3)]
    for name in names:
        drafted(vestnik, name)
    desk = signed_in(browser, vestnik, session, viewport=size, java_script_enabled=scripts, color_scheme="dark")
    desk.page.context.add_cookies([{"name": "vestnik_language", "value": language, "url": desk.address}])

    page = desk.open("/campaigns")
    page.get_by_label(say["find"]).fill(f"премьера {mark}".upper())
    page.get_by_role("button", name=word["find"]).click()
    expect(page.locator("#rows tr")).to_have_count(3)
    assert rows(page) == names[::-1]
    seen(page, f"found-{mark}") if scripts else None

    page.get_by_role("link", name=names[0]).click()
    page.get_by_label(say["tags"], exact=True).fill(f"{mark}, Осень")
    page.get_by_role("button", name=say["save_tags"]).click()
    expect(page.get_by_text(word["done"]["tagged"])).to_be_visible()
    page.get_by_role("link", name=mark, exact=True).click()
    expect(page.locator("#rows tr")).to_have_count(1)

    page.get_by_role("link", name=names[0]).click()
    page.get_by_role("button", name=say["make_copy"], exact=True).click()
    expect(page.get_by_text(word["done"]["copied"])).to_be_visible()
    copied = say["copy_of"].format(name=names[0])
    expect(page.locator("[name=name]")).to_have_value(copied)

    many_at_once(desk, word, mark, [copied, names[1], names[2]])
    assert desk.troubles == []
    desk.close()


def many_at_once(desk: Desk, word: Any, mark: str, names: list[str]) -> None:
    """Ticks some, and does with all of them what is asked."""
    say = word["desk"]
    page = desk.open(f"/campaigns?q={mark}")

    def choose(deed: str) -> None:
        for name in names:
            page.get_by_label(say["choose"].format(name=name), exact=True).check()
        page.get_by_role("button", name=say["deeds"][deed], exact=True).click()
        expect(page.get_by_text(say["means"][deed])).to_be_visible()

    choose("pause")
    page.get_by_role("button", name=say["deeds"]["pause"]).click()
    expect(page.get_by_text(say["refused"], exact=True)).to_have_count(3)
    page = desk.open(f"/campaigns?q={mark}")
    choose("archive")
    page.get_by_role("button", name=say["deeds"]["archive"]).click()
    expect(page.get_by_text(say["done"]["archive"], exact=True)).to_have_count(3)
    assert len(rows(desk.open(f"/campaigns?q={mark}"))) == 1
    page = desk.open(f"/campaigns?q={mark}&tab=archived")
    assert sorted(rows(page)) == sorted(names)
    choose("delete")
    page.get_by_role("button", name=say["deeds"]["delete"]).click()
    expect(page.get_by_text(say["done"]["delete"], exact=True)).to_have_count(3)
    expect(desk.open(f"/campaigns?q={mark}&tab=archived").get_by_text(say["nothing"])).to_be_visible()


@pytest.mark.parametrize(("language", "size"), [("en", WIDE), ("ru", PHONE)])
def test_what_was_sent_is_compared_and_stands_in_its_month(
    browser: Browser, vestnik: Vestnik, session: Any, language: str, size: Any
) -> None:
    word = said(language)
    say, prefix = word["desk"], f"side-{language}"
    ids = [run_over(vestnik, f"{prefix}-{n}", f"{prefix}-{n}-none") for n in range(2)]
    desk = signed_in(browser, vestnik, session, viewport=size)
    desk.page.context.add_cookies([{"name": "vestnik_language", "value": language, "url": desk.address}])
    page = desk.open("/campaigns?tab=completed")
    seen(page, f"completed-{language}")
    for one in ids:
        page.locator(f"#t-{one}").check()
    page.get_by_role("button", name=say["compare"], exact=True).click()
    expect(page.get_by_role("heading", name=say["compare_title"])).to_be_visible()
    expect(page.get_by_text(say["alike"])).to_be_visible()
    sent = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=word["campaign"]["funnel"]["sent"]))
    expect(sent.get_by_role("cell", name="1", exact=False)).to_have_count(2)
    seen(page, f"compare-{language}")

    def stands() -> bool:
        desk.open("/campaigns/trends")
        return page.locator("table.months tbody tr").count() == 1

    eventually(stands)
    expect(page.get_by_text(say["one_month"])).to_be_visible()
    assert page.locator("svg.chart").count() == 0
    seen(page, f"trends-{language}")
    assert desk.troubles == []
    desk.close()
