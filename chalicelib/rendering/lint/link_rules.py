"""Links: what their texts promise, and how many there are."""

import re
from collections.abc import Iterator

from chalicelib.errors import Phrase
from chalicelib.rendering.lint.addresses_in_page import host_of, hosted
from chalicelib.rendering.lint.model import Hit, LintedLetter

MOST_LINKS = 40
_VAGUE = frozenset({"click", "click here", "here", "this link", "link"}) | frozenset(
    {"нажмите здесь", "нажмите сюда", "здесь", "тут", "сюда", "по ссылке", "ссылка", "эта ссылка", "по этой ссылке"}
)
_OUTER = " \t\n.,:;!…→»«\"'()[]"
# A text that shows an address: with a scheme, `www.`, or a host of a common ending and nothing else.
_SHOWN = re.compile(
    r"(?:https?://|www\.)(?P<host>[^\s/?#:@]+)\S*|(?P<bare>(?:[\w-]+\.)+(?:com|net|org|ru|рф|su|io|tv|app|online|cinema|example))(?:/\S*)?",
    re.IGNORECASE,
)


def vague_link_text(letter: LintedLetter) -> Iterator[Hit]:
    """ "Click here" says nothing to those who hear a list of links, and filters count it."""
    for one in letter.page.links:
        if one.text.strip(_OUTER).lower() in _VAGUE:
            yield Hit(Phrase("expected a link's text that says where it leads, not “{text}”", text=one.text), one.text)


def link_shows_another_host(letter: LintedLetter) -> Iterator[Hit]:
    """As letters of thieves do."""
    for one in letter.page.links:
        found = _SHOWN.fullmatch(one.text)
        shown = _bare(found["host"] or found["bare"]) if found else ""
        leads = _bare(host_of(one.address))
        if shown and leads and not f".{leads}".endswith(f".{shown}") and not f".{shown}".endswith(f".{leads}"):
            yield Hit(
                Phrase(
                    "the text shows {shown}, and the link leads to {leads}: filters take it for fraud",
                    shown=shown,
                    leads=leads,
                ),
                one.address,
            )


def too_many_links(letter: LintedLetter) -> Iterator[Hit]:
    """Of servers, each once."""
    count = len(hosted(letter.page))
    if count > MOST_LINKS:
        yield Hit(
            Phrase("expected at most {most} different links and pictures, not {count}", most=MOST_LINKS, count=count)
        )


def _bare(host: str) -> str:
    return host.lower().rstrip(".").removeprefix("www.")
