"""What was forgotten in the texts: placeholders, tags of other systems; and whether both parts say the same."""

import re
from collections.abc import Iterator

from chalicelib.errors import Phrase
from chalicelib.rendering.lint.addresses_in_page import hosted
from chalicelib.rendering.lint.model import Hit, LintedLetter

_PLACEHOLDER = re.compile(
    r"\blorem ipsum\b|\b(?:TODO|FIXME|TBD|XXX)\b|\b(?i:your (?:text|name|company) here)\b|(?i:\bтекст[- ]рыба\b)"
)
_LOREM = re.compile("lorem ipsum", re.IGNORECASE)
# Mailchimp, SendGrid and UniSender, ActiveCampaign, Salesforce, ERB, and Jinja, Handlebars or Liquid in a value.
_FOREIGN = re.compile(
    r"\*\|[A-Z][^|\n]{0,60}\|\*|%%?[A-Z][A-Z0-9_]{2,40}%%?|\[\[[\w .|-]{1,60}\]\]|<%=?[^%\n]{1,60}%>|\$\{[\w.]{1,60}\}"
    r"|\{\{[^{}\n]{1,80}\}\}|\{%[^%\n]{1,80}%\}"
)
_WORD = re.compile(r"[^\W\d_]{4,}")
_LEAST_SHARED = 0.5


def placeholder_text(letter: LintedLetter) -> Iterator[Hit]:
    """Lorem ipsum, TODO."""
    for part, text in _parts(letter):
        if found := _LOREM.search(text) or _PLACEHOLDER.search(text):
            yield Hit(Phrase("“{text}” is a placeholder: expected the real text", text=found[0]), found[0], part)


def foreign_merge_tag(letter: LintedLetter) -> Iterator[Hit]:
    """Readers would see it as it is."""
    for part, text in _parts(letter):
        for tag in list(dict.fromkeys(_FOREIGN.findall(text)))[:10]:
            yield Hit(Phrase("`{tag}` is a tag of another system, and would be sent as it is", tag=tag), tag, part)


def text_differs(letter: LintedLetter) -> Iterator[Hit]:
    """A text part of its own that lacks links of the HTML, or most of its words."""
    if not letter.own_text:
        return
    linked = {one.address for one in letter.page.links if one.text}
    missing = [
        one for one in hosted(letter.page) if one in linked and one not in letter.text and one != letter.unsubscribe
    ]
    if missing:
        yield Hit(
            Phrase("expected the links of the HTML in the text, too: {address} is missing", address=missing[0]),
            part="text",
        )
    words = {one.lower() for one in _WORD.findall(letter.page.text)}
    if words and len(words & {one.lower() for one in _WORD.findall(letter.text)}) < _LEAST_SHARED * len(words):
        yield Hit(Phrase("expected the text to say what the HTML says: most of its words are missing"), part="text")


def _parts(letter: LintedLetter) -> Iterator[tuple[str, str]]:
    yield "subject", letter.subject
    yield "html", f"{letter.page.preheader}\n{letter.page.text}"
    if letter.own_text:
        yield "text", letter.text
