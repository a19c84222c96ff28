"""The addresses that a rendered e-mail leads to, found and replaced: `href` of links in its HTML, and addresses in its
text."""

import re
from collections.abc import Callable, Mapping
from html import escape, unescape

Change = Callable[[str], str | None]  # of an address as it is written; None: it stays

# Of links, image maps, and the buttons that Outlook draws (`v:roundrect`). What follows is the label: mail programs
# warn of a link that shows one address and leads to another.
_LINK = re.compile(
    r"""(?P<tag><(?:a|area|v:[a-z]+)\b[^<>]*?)(?P<space>\s)href\s*=\s*(?P<quote>["'])(?P<url>https?://[^"'<>]*)(?P=quote)"""
    r"""(?P<rest>[^<>]*>)(?P<shown>\s*(?:https?://|www\.))?""",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_BEHIND = ".,;:!?'»”’*_"  # of the sentence around an address


def with_urls(parts: Mapping[str, str], change: Change) -> dict[str, str]:
    """The parts of an e-mail with other addresses. A link whose label is an address keeps its own."""
    changed = dict(parts)
    if "html" in parts:
        changed["html"] = _LINK.sub(lambda found: _link(found, change), parts["html"])
    if "text" in parts:
        changed["text"] = _URL.sub(lambda found: _plain(found[0], change), parts["text"])
    return changed


def links_of(html: str) -> list[str]:
    """The addresses that `with_urls` would change in HTML, in order."""
    return [unescape(found["url"]) for found in _LINK.finditer(html) if not found["shown"]]


def with_labels(html: str, label: Callable[[str], str]) -> str:
    """The HTML with more HTML at the beginning of each of those links."""

    def labelled(found: re.Match[str]) -> str:
        if found["shown"]:
            return found[0]
        return f"{found[0]}{label(unescape(found['url']))}"

    return _LINK.sub(labelled, html)


def _link(found: re.Match[str], change: Change) -> str:
    new = None if found["shown"] else change(unescape(found["url"]))
    if new is None:
        return found[0]
    # On a line of its own: a letter's own address is all that differs from the other letters of a bulk send
    # (`channels/shared_lines.py`).
    rest = found["rest"]
    return f'{found["tag"]}\nhref="{escape(new)}"\n{rest.lstrip()}{found["shown"] or ""}'


def _plain(written: str, change: Change) -> str:
    url = written.rstrip(_BEHIND)
    while url.endswith((")", "]", "}")) and url.count(url[-1]) > url.count({")": "(", "]": "[", "}": "{"}[url[-1]]):
        url = url[:-1].rstrip(_BEHIND)
    new = change(url)
    return written if new is None else f"{new}{written[len(url) :]}"
