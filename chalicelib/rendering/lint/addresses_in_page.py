"""Every address that a letter holds: of links, pictures, forms, and in its styles."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from chalicelib.rendering.lint.letter_page import LetterPage

_NAMES = ("href", "src", "action", "formaction", "background", "poster", "data", "longdesc", "xlink:href")
_IN_CSS = re.compile(r"\burl\(\s*+[\"']?([^\"')]*+)", re.IGNORECASE)
# Browsers drop control characters and white space before they read a scheme: `java\nscript:` (WHATWG URL, §4.4).
_DROPPED = re.compile("[\x00-\x20]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*+):", re.IGNORECASE)


def addresses(page: LetterPage) -> list[str]:
    """In their order, each once, as they are written."""
    return list(dict.fromkeys(_all(page)))


def hosted(page: LetterPage) -> list[str]:
    """Those of servers."""
    return [one for one in addresses(page) if scheme_of(one) in ("http", "https") and host_of(one)]


def scheme_of(address: str) -> str:
    """In small letters, without the colon; empty where there is none."""
    found = _SCHEME.match(_DROPPED.sub("", address))
    return found[1].lower() if found else ""


def host_of(address: str) -> str:
    """In small letters; empty where it cannot be read."""
    try:
        return (urlsplit(address.strip()).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _all(page: LetterPage) -> Iterator[str]:
    for one in page.elements:
        for name in _NAMES:
            if name in one.attributes:
                yield one.attributes[name]
        if "srcset" in one.attributes:
            yield from (part.split()[0] for part in one.attributes["srcset"].split(", ") if part.strip())
        if "url(" in one.attributes.get("style", "").lower():
            yield from _IN_CSS.findall(one.attributes["style"])
    yield from _IN_CSS.findall(page.css)
