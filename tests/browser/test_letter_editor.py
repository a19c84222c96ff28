"""A manager makes a letter of blocks in a real browser: on a desk and on a phone, by pointer, by finger, by keyboard
alone, without scripts. What arrives is what the preview said. Screenshots are in build/screens/."""

import base64
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, expect

from tests.browser.conftest import SCREENS
from tests.browser.desk import Desk, signed_in
from tests.browser.test_every_admin_page import NARROWEST, PHONE, WIDE, mistakes
from tests.e2e.conftest import Vestnik, eventually
from tests.pictures import drawn

pytestmark = pytest.mark.e2e
READER = {"id": "editor-1", "email": "editor-1@admin.example", "name": "Vera", "locale": "en"}
POSTER = "https://cinema.example/posters/solaris.png"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
LEAST_TARGET_PX = 24


@pytest.fixture
def wide(browser: Browser, vestnik: Vestnik, session: Any) -> Iterator[Desk]:
    """A desk with room for two languages and the letter."""
    desk = signed_in(browser, vestnik, session, viewport=WIDE)
    yield desk
    assert desk.troubles == []
    desk.close()


def begin(desk: Desk, title: str, *languages: str) -> Page:
    """The editor with a new letter in these languages; posters of the cinema are there."""
    desk.page.route("https://cinema.example/**", lambda asked: asked.fulfill(content_type="image/png", body=PIXEL))
    page = desk.open("/templates/new")
    page.get_by_label("Title").fill(title)
    for name in ("English", "Russian"):
        page.get_by_role("checkbox", name=name).set_checked(name in languages)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    page.wait_for_load_state()  # until its scripts are there, a key does what it does without them
    return page


def language(page: Page, code: str) -> Locator:
    return page.locator(f'[id="doc.{code}"]')


def add(page: Page, code: str, kind: str) -> Locator:
    """A block at the end; what it is made of is on the server."""
    whole = language(page, code)
    blocks = whole.locator("> .blocks > .slot > .block")
    before = blocks.count()
    whole.locator("> .blocks > .slot:last-child > .adder button").click()
    page.locator(".languages .kinds").get_by_role("button", name=kind, exact=True).click()
    expect(blocks).to_have_count(before + 1)
    return blocks.nth(before)


def kinds(page: Page, code: str) -> list[str]:
    return language(page, code).locator("> .blocks > .slot > .block > legend").all_inner_texts()


def save(page: Page) -> None:
    page.locator(".desk-bar").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()


def shown(page: Page) -> Locator:
    return page.frame_locator("iframe[name=letter-frame]").locator("body")


def lines(letter: Locator) -> list[str]:
    """Nothing while the frame loads: each change of the form shows the letter again."""
    with suppress(Error):
        return letter.locator("p:visible, h1:visible, a.button-link:visible").all_inner_texts()
    return []


def arrives_as_shown(vestnik: Vestnik, page: Page, subject: str) -> None:
    """She sends herself a test: it says what the preview says to the same reader."""
    page.locator("#shown").select_option("en")
    page.get_by_label("As the user with the id").fill(READER["id"])
    page.get_by_role("button", name="Preview").last.click()
    expect(shown(page)).to_contain_text("Vera")
    seen = eventually(lambda: lines(shown(page)))
    letters = len(vestnik.letters(READER["email"]))
    page.get_by_label(re.compile("To an address")).fill(READER["id"])
    page.get_by_role("button", name="Send one").click()
    letter = eventually(lambda: vestnik.letters(READER["email"])[letters:])[0]
    assert letter["subject"] == subject
    assert {"Good evening, Vera", "Book a seat"} <= set(seen)
    for part in seen:
        assert words(part) in words(letter["text"]), part
    assert POSTER in letter["html"]


def words(text: str) -> str:
    """Without what differs between a page and a text: spaces, case, marks of lists and headings."""
    return re.sub(r"\W+", " ", text).strip().casefold()


def test_a_bilingual_letter_with_pictures_is_made_by_pointer_and_arrives_as_shown(vestnik: Vestnik, wide: Desk) -> None:
    assert vestnik.call("PUT", f"/v1/users/{READER['id']}", {k: v for k, v in READER.items() if k != "id"}).ok
    page = begin(wide, "Night of Solaris", "English", "Russian")
    expect(language(page, "en")).to_be_visible()
    expect(language(page, "ru")).to_be_visible()

    picture = add(page, "en", "Picture")
    picture.get_by_label("Address of the picture").fill(POSTER)
    picture.get_by_label("What the picture shows").fill("The ocean of Solaris")
    text = add(page, "en", "Text")
    text.get_by_label("Text", exact=True).fill("Come and see it ")
    text.get_by_role("button", name="Bold").click()
    page.keyboard.type("tonight")
    button = add(page, "en", "Button")
    button.get_by_label("Text on the button").fill("Book a seat")
    button.get_by_label("Link", exact=True).fill("https://cinema.example/solaris")

    heading = language(page, "en").locator(".block").first.get_by_label("Text", exact=True)
    heading.fill("Good evening, ")
    heading.locator("xpath=..").get_by_role("button", name="Merge tags").click()
    page.get_by_role("dialog").get_by_label("Reader’s name").check()
    page.get_by_role("dialog").get_by_label("If there is none, write").fill("friend of cinema")
    page.get_by_role("dialog").get_by_role("button", name="Insert").click()
    expect(heading).to_have_value('Good evening, {{ user.name | "friend of cinema" }}')
    expect(shown(page)).to_contain_text("Good evening, Anna")

    # The button is dragged above the text, taken back, and brought again.
    text.evaluate("one => scrollTo(0, scrollY + one.getBoundingClientRect().top - 150)")
    grip, above = button.locator(".grip").bounding_box(), text.bounding_box()
    assert grip is not None and above is not None
    page.mouse.move(grip["x"] + 9, grip["y"] + 9)
    page.mouse.down()
    page.mouse.move(above["x"] + 60, above["y"] + 40, steps=6)
    page.mouse.move(above["x"] + 60, above["y"] + 8, steps=6)
    page.mouse.up()
    assert kinds(page, "en") == ["Heading", "Picture", "Button", "Text"]
    page.get_by_role("button", name="Undo").click()
    assert kinds(page, "en") == ["Heading", "Picture", "Text", "Button"]
    page.get_by_role("button", name="Redo").click()
    page.keyboard.press("Control+z")
    assert kinds(page, "en") == ["Heading", "Picture", "Text", "Button"]

    # Russian is a copy that is written over.
    language(page, "ru").get_by_text("Copy or delete this language").click()
    language(page, "ru").get_by_role("button", name="Copy", exact=True).click()
    expect(language(page, "ru").locator("> .blocks > .slot > .block")).to_have_count(4)
    language(page, "ru").get_by_label("Subject").fill("Ночь Соляриса")
    expect(shown(page)).to_contain_text("Ночь Соляриса")
    page.screenshot(path=SCREENS / "editor-desk-light.png", full_page=True)
    save(page)
    assert kinds(page, "ru") == ["Heading", "Picture", "Text", "Button"]
    arrives_as_shown(vestnik, page, "Night of Solaris")


def test_a_letter_is_made_by_keyboard_alone(wide: Desk) -> None:
    page = begin(wide, "By keyboard", "English")
    adder = language(page, "en").get_by_role("button", name="Add a block").last
    for keys in (["Tab", "Enter"], ["Tab", "Tab", "Tab", "Enter"]):  # the second kind, then the fourth
        before = language(page, "en").locator(".block").count()
        adder.focus()
        page.keyboard.press("Enter")
        for key in keys:
            page.keyboard.press(key)
        expect(language(page, "en").locator(".block")).to_have_count(before + 1)
    assert kinds(page, "en") == ["Heading", "Text", "Button"]
    expect(page.get_by_label("Text on the button")).to_be_focused()
    page.keyboard.type("Book")
    page.keyboard.press("Alt+ArrowUp")
    assert kinds(page, "en") == ["Heading", "Button", "Text"]
    expect(page.get_by_label("Text on the button")).to_be_focused()
    expect(page.locator("#announced")).to_have_text("Button: moved to place 2 of 3")

    page.get_by_role("button", name="Delete: Heading").focus()
    page.keyboard.press("Enter")
    assert kinds(page, "en") == ["Button", "Text"]
    assert page.evaluate("document.activeElement.matches('.block')")
    page.keyboard.press("Control+z")
    assert kinds(page, "en") == ["Heading", "Button", "Text"]
    expect(page.get_by_label("Text on the button")).to_have_value("Book")
    page.keyboard.press("Control+y")
    assert kinds(page, "en") == ["Button", "Text"]

    text = language(page, "en").get_by_label("Text", exact=True)
    text.focus()
    page.keyboard.type("Films ")
    page.keyboard.press("Control+k")
    page.keyboard.type("here")
    expect(text).to_have_value("Films [here](https://)")
    page.keyboard.press("Control+z")  # in a text, the browser's own
    expect(text).not_to_have_value("Films [here](https://)")
    expect(language(page, "en").locator(".block")).to_have_count(2)
    page.once("dialog", lambda asked: asked.accept())


def test_a_phone_shows_one_language_and_moves_blocks_by_finger(
    browser: Browser, vestnik: Vestnik, session: Any
) -> None:
    desk = signed_in(browser, vestnik, session, viewport=PHONE, has_touch=True, is_mobile=True, color_scheme="dark")
    page = begin(desk, "On the way", "English", "Russian")
    for chosen, other in (("English", "ru"), ("Russian", "en"), ("English", "ru")):
        page.get_by_role("group", name="Languages on the screen").get_by_role("button", name=chosen).tap()
        expect(language(page, other)).to_be_hidden()
    add(page, "en", "Divider")
    assert kinds(page, "en") == ["Heading", "Divider"]
    divider, heading = (language(page, "en").locator(".block").nth(n) for n in (1, 0))
    divider.scroll_into_view_if_needed()
    grip, above = divider.locator(".grip").bounding_box(), heading.bounding_box()
    assert grip is not None and above is not None
    touch = page.context.new_cdp_session(page)

    def finger(kind: str, x: float, y: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", grip["x"] + 9, grip["y"] + 9)
    for n in range(1, 9):
        finger("touchMove", grip["x"] + 9, grip["y"] + 9 - n * (grip["y"] - above["y"]) / 8)
    finger("touchEnd", 0, 0)
    assert kinds(page, "en") == ["Divider", "Heading"]
    small = page.locator("#letter button:visible, #letter .grip:visible").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).filter(box => Math.min(box.width, box.height) < 24).length"
    )
    assert small == 0, f"smaller than {LEAST_TARGET_PX} px"
    page.set_viewport_size({"width": NARROWEST, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST
    page.screenshot(path=SCREENS / "editor-phone-dark.png", full_page=True)
    save(page)
    assert desk.troubles == []
    desk.close()


def test_the_same_letter_is_made_without_scripts(browser: Browser, vestnik: Vestnik, session: Any) -> None:
    desk = signed_in(browser, vestnik, session, java_script_enabled=False, viewport=WIDE)
    page = begin(desk, "Without scripts", "English", "Russian")
    language(page, "en").get_by_label("Subject").fill("Half written")
    language(page, "en").get_by_role("button", name="Add a block").last.click()
    page.get_by_role("group", name="Add a block").get_by_role("button", name="Picture", exact=True).click()
    expect(language(page, "en").get_by_label("Subject")).to_have_value("Half written")
    picture = language(page, "en").locator(".block").last
    picture.get_by_label("Address of the picture").fill(POSTER)
    picture.get_by_role("button", name="Move up").click()
    assert kinds(page, "en") == ["Picture", "Heading"]
    page.locator(".desk-bar").get_by_role("button", name="Save").click()
    page.get_by_role("link", name=re.compile("block 1 · What the picture shows")).click()
    expect(language(page, "en").get_by_label("What the picture shows")).to_have_attribute("aria-invalid", "true")
    language(page, "en").get_by_label("What the picture shows").fill("The ocean")
    page.locator("#shown").select_option("en")
    page.get_by_role("button", name="Preview").last.click()
    expect(shown(page)).to_contain_text("Half written")
    save(page)
    assert kinds(page, "en") == ["Picture", "Heading"]
    desk.close()


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_the_editor_is_fit_for_everybody(wide: Desk, width: Any, theme: str) -> None:
    page = begin(wide, f"For everybody {theme}", "English", "Russian")
    page.get_by_role("button", name="Russian", exact=True).click()  # English is left
    page.set_viewport_size(width)
    for kind in ("Columns", "Several films", "Event"):
        add(page, "en", kind)
    page.locator("[data-tags]:visible").first.click()
    assert mistakes(page, f"editor-tags-{theme}") == []
    page.keyboard.press("Escape")
    assert mistakes(page, f"editor-{theme}") == []
    page.once("dialog", lambda asked: asked.accept())


def test_a_picture_is_chosen_from_the_library(vestnik: Vestnik, wide: Desk) -> None:
    """Described there, and put into the block with its description."""
    sent = {"file": base64.b64encode(drawn(size=(400, 300))).decode(), "alt": {"en": "The ocean"}}
    picture = vestnik.call("POST", "/v1/media", sent).json()["id"]
    eventually(lambda: vestnik.call("GET", f"/v1/media/{picture}").json()["state"] == "ready")
    page = begin(wide, "From the library", "English")
    block = add(page, "en", "Picture")
    block.get_by_role("link", name="Choose from the library").click()
    chosen = page.get_by_role("dialog").locator("[data-media]")
    expect(chosen.first).to_be_visible()
    page.screenshot(path=SCREENS / "editor-library.png")
    chosen.first.click()
    expect(block.get_by_label("Address of the picture")).to_have_value(re.compile("^https?://"))
    expect(block.get_by_label("What the picture shows")).to_have_value("The ocean")
    page.once("dialog", lambda asked: asked.accept())
