"""The figures of every shipped letter in every language, measured in a browser: contrast in both schemes, nothing
wider than the narrowest phone, text of twice the size, targets that a finger hits."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tools.letter_samples import Shown, shipped_letters
from tools.letters import TWICE, serve_posters

NARROWEST = 320
LEAST_CONTRAST, LEAST_TARGET_PX = 4.5, 24
LEAST_SHAPE_CONTRAST = 3.0  # WCAG 2.2, 1.4.11: of a button on what surrounds it
LETTERS = list(shipped_letters())
EACH = pytest.mark.parametrize("letter", LETTERS, ids=[f"{one.key} {one.locale}" for one in LETTERS])

CONTRASTS = """() => {
  const read = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = read(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement, said = texts.currentNode.textContent.trim();
    if (said && one.checkVisibility() && one.tagName !== "STYLE")
      found.push([said.slice(0, 40), ratio(read(getComputedStyle(one).color).slice(0, 3), ground(one))]);
  }
  const buttons = [...document.querySelectorAll(".button-cell")].map((cell) => [
    `button ${cell.textContent.trim()}`, ratio(ground(cell), ground(cell.closest("table").parentElement))]);
  return { texts: found, buttons };
}"""

OVERFLOW = """() => {
  const wide = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility())
    .map((one) => [one.className || one.tagName, one.getBoundingClientRect()])
    .filter(([, box]) => box.width > 1 && (box.right > innerWidth + 0.5 || box.left < -0.5));
  const over = document.documentElement.scrollWidth - innerWidth;
  return [over, wide.map(([name, box]) => `${name}: ${box.left}…${box.right}`)];
}"""

# A link inside a sentence is as high as its line (WCAG 2.2, 2.5.8).
TARGETS = """() => [...document.querySelectorAll("a")]
  .filter((link) => link.checkVisibility() && link.closest("p, td, div").textContent.trim().length
    < 3 * link.textContent.trim().length + 20)
  .map((link) => [link.textContent.trim() || link.querySelector("img")?.alt, link.getBoundingClientRect()])
  .map(([said, box]) => [said, Math.round(box.width * 10) / 10, Math.round(box.height * 10) / 10])"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One for all letters."""
    context = browser.new_context(viewport={"width": NARROWEST, "height": 700})
    page = context.new_page()
    serve_posters(page)
    yield page
    context.close()


def open_letter(page: Page, letter: Shown) -> None:
    page.emulate_media(color_scheme="light")
    page.set_content(letter.html, wait_until="load")


@EACH
def test_a_letter_can_be_read_by_everybody(page: Page, letter: Shown) -> None:
    open_letter(page, letter)
    wide, targets = page.evaluate(OVERFLOW), page.evaluate(TARGETS)
    pale = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(CONTRASTS)
        assert found["texts"]
        pale += [(scheme, *one) for one in found["texts"] if one[1] < LEAST_CONTRAST]
        pale += [(scheme, *one) for one in found["buttons"] if one[1] < LEAST_SHAPE_CONTRAST]
    page.evaluate(TWICE)
    wide_twice = page.evaluate(OVERFLOW)

    assert targets
    assert {
        "too pale": pale,
        "wider than the phone": wide,
        "with large text": wide_twice,
        "too small to hit": [one for one in targets if min(one[1:]) < LEAST_TARGET_PX],
    } == {"too pale": [], "wider than the phone": [0, []], "with large text": [0, []], "too small to hit": []}


def test_a_long_word_and_a_long_address_break_no_phone(page: Page) -> None:
    letter = next(one for one in LETTERS if one.key == "promo" and one.locale == "en")
    long = f"{'Donaudampfschifffahrt' * 20} https://cinema.example/?utm_campaign={'november' * 30}"

    open_letter(page, letter._replace(html=letter.html.replace("A month of films at half price", long)))

    assert page.evaluate(OVERFLOW) == [0, []]
