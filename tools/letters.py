"""`make letters`: every shipped letter in every language as pictures, into build/letters/, with a page that shows them
side by side: three widths, light and dark, and text of twice the size.

python -m tools.letters
"""

import html
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, Page, Route, sync_playwright

from infra.browser import REMEDY, chromium
from infra.local.films import FILMS
from infra.local.posters import poster
from infra.paths import BUILD
from tools.letter_samples import Shown, shipped_letters

FOLDER = BUILD / "letters"
TWICE = """() => {
  const sizes = [...document.querySelectorAll("body, body *")].map((one) => {
    const style = getComputedStyle(one);
    return [one, parseFloat(style.fontSize), parseFloat(style.lineHeight)];
  });
  for (const [one, size, line] of sizes) {
    one.style.setProperty("font-size", `${2 * size}px`, "important");
    if (line) one.style.setProperty("line-height", `${2 * line}px`, "important");
  }
}"""


class View(NamedTuple):
    """How somebody looks at a letter."""

    name: str
    width: int
    scheme: Literal["light", "dark"] = "light"
    twice: bool = False


VIEWS = (
    View("600", 640),
    View("600-dark", 640, "dark"),
    View("390", 390),
    View("390-dark", 390, "dark"),
    View("320", 320),
    View("390-twice", 390, twice=True),
)


def serve_posters(page: Page) -> None:
    """Posters are there, whatever the host; nothing else is loaded."""
    slugs = {film.slug for film in FILMS}

    def answer(route: Route) -> None:
        folder, _, name = route.request.url.rpartition("/")
        slug = name.removesuffix(".jpg")
        if folder.endswith("/posters") and slug in slugs:
            route.fulfill(body=poster(slug), content_type="image/jpeg")
        else:
            route.abort()

    page.route("**/*", answer)


def shoot(browser: Browser, letter: Shown, views: Sequence[View] = VIEWS, folder: Path = FOLDER) -> Iterator[Path]:
    """One picture for each view."""
    page = browser.new_page()
    serve_posters(page)
    for view in views:
        page.set_viewport_size({"width": view.width, "height": 700})
        page.emulate_media(color_scheme=view.scheme)
        page.set_content(letter.html, wait_until="load")
        if view.twice:
            page.evaluate(TWICE)
        place = folder / f"{letter.key}-{letter.locale}-{view.name}.png"
        page.screenshot(path=place, full_page=True)
        yield place
    page.close()


def sheet(letters: Sequence[Shown]) -> str:
    """The page with all of them."""
    rows = []
    for one in letters:
        pictures = "".join(
            f'<figure><img src="{one.key}-{one.locale}-{view.name}.png" width="{view.width // 2}" alt="">'
            f"<figcaption>{view.name}</figcaption></figure>"
            for view in VIEWS
        )
        told = html.escape(one.text)
        rows.append(
            f"<section><h2>{one.key} · {one.locale}</h2><p>{html.escape(one.subject)}</p>"
            f"<div>{pictures}<pre>{told}</pre></div></section>"
        )
    return f"<!doctype html><meta charset='utf-8'><title>Letters</title><style>{_STYLE}</style>{''.join(rows)}"


_STYLE = (
    "body{font:15px/1.5 system-ui;margin:24px;background:#ddd}div{display:flex;gap:16px;align-items:flex-start;"
    "overflow-x:auto}figure{margin:0}img{display:block;box-shadow:0 1px 6px #0006}pre{width:420px;flex:none;"
    "white-space:pre-wrap;background:#fff;padding:12px;margin:0;font-size:12px}"
)


def main() -> int:
    """The command."""
    found = chromium()
    if found is None:
        print(f"letters: there is no Chromium to show them in. Get one by: {REMEDY}", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    letters = list(shipped_letters())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for number, letter in enumerate(letters, start=1):
            taken = list(shoot(browser, letter))
            print(f"{number} of {len(letters)}: {letter.key} {letter.locale}, {len(taken)} pictures", flush=True)
        browser.close()
    place = FOLDER / "index.html"
    place.write_text(sheet(letters), encoding="utf-8")
    print(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
