"""What may not be in a letter at all: mail programs drop it, filters take it for an attack, or the law forbids it."""

import re
from collections.abc import Iterator

from chalicelib.errors import Phrase
from chalicelib.rendering.lint.addresses_in_page import addresses, host_of, hosted, scheme_of
from chalicelib.rendering.lint.model import Hit, LintedLetter

_FORBIDDEN = frozenset(
    {"applet", "audio", "base", "button", "embed", "form", "frame", "frameset", "iframe", "input", "object", "select"}
) | frozenset({"textarea", "video"})
_LEADS = frozenset({"http", "https", "mailto", "tel", "sms"})
_DANGEROUS = frozenset({"data", "javascript", "vbscript", "file", "blob", "about"})


def unsubscribe_link_missing(letter: LintedLetter) -> Iterator[Hit]:
    """Readers can unsubscribe from its category, and no link that they can see does it."""
    wanted = letter.unsubscribe
    if wanted and not any(one.address == wanted and one.text for one in letter.page.links):
        yield Hit(Phrase("expected a link to unsubscribe that readers can see: `links.unsubscribe`"))


def text_unsubscribe_missing(letter: LintedLetter) -> Iterator[Hit]:
    """A text part of its own without the address to unsubscribe at."""
    if letter.unsubscribe and letter.own_text and letter.unsubscribe not in letter.text:
        yield Hit(
            Phrase("expected the address to unsubscribe at in the text part, too: `links.unsubscribe`"), part="text"
        )


def unsafe_address(letter: LintedLetter) -> Iterator[Hit]:
    """`data:`, `javascript:` and the like."""
    for address in addresses(letter.page):
        if scheme_of(address) in _DANGEROUS:
            yield Hit(Phrase("expected an https address instead of {address}", address=_short(address)), address)


def relative_address(letter: LintedLetter) -> Iterator[Hit]:
    """A link or picture without a host: a letter has no address of its own that it could be relative to."""
    for address in addresses(letter.page):
        if not scheme_of(address) and (not address.startswith("#") or address == "#"):
            said = Phrase(
                "expected a whole address that begins with https://, not `{address}`", address=_short(address)
            )
            yield Hit(said, f'"{address}"')


def unattached_picture(letter: LintedLetter) -> Iterator[Hit]:
    """`cid:` of no inline attachment."""
    known = letter.cids
    for address in addresses(letter.page) if known is not None else ():
        if scheme_of(address) == "cid" and address.strip()[4:].strip() not in (known or ()):
            said = Phrase("expected {address} to be an inline attachment of the letter", address=_short(address))
            yield Hit(said, address)


def forbidden_element(letter: LintedLetter) -> Iterator[Hit]:
    """Forms, frames, films and the like."""
    for tag in dict.fromkeys(one.tag for one in letter.page.elements if one.tag in _FORBIDDEN):
        yield Hit(
            Phrase("`<{tag}>` does not work in letters: expected a link or a picture instead", tag=tag), f"<{tag}"
        )


def meta_refresh(letter: LintedLetter) -> Iterator[Hit]:
    """A letter that leads elsewhere by itself."""
    for one in letter.page.elements:
        if one.tag == "meta" and one.attributes.get("http-equiv", "").strip().lower() == "refresh":
            yield Hit(
                Phrase("a letter may not lead elsewhere by itself: expected no `<meta http-equiv=refresh>`"), "<meta"
            )
            return


def event_handler(letter: LintedLetter) -> Iterator[Hit]:
    """Attributes such as `onclick`."""
    found = {name for one in letter.page.elements for name in one.attributes if re.fullmatch("on[a-z]+", name)}
    for name in sorted(found):
        yield Hit(Phrase("no mail program runs scripts: expected no attribute `{name}`", name=name), name)


def unusual_scheme(letter: LintedLetter) -> Iterator[Hit]:
    """Addresses of applications, which mail programs drop."""
    for address in addresses(letter.page):
        scheme = scheme_of(address)
        if scheme and scheme not in _LEADS | _DANGEROUS | {"cid"}:
            yield Hit(Phrase("many mail programs drop {address}: expected https", address=_short(address)), address)


def insecure_address(letter: LintedLetter) -> Iterator[Hit]:
    """http instead of https."""
    for address in addresses(letter.page):
        if scheme_of(address) == "http":
            yield Hit(Phrase("expected https:// instead of http:// in {address}", address=_short(address)), address)


def reserved_host(letter: LintedLetter) -> Iterator[Hit]:
    """Addresses that books use as examples (RFC 2606)."""
    for address in hosted(letter.page):
        host = host_of(address)
        if any(f".{host}".endswith(f".example.{ending}") for ending in ("com", "net", "org")):
            yield Hit(Phrase("{host} is a placeholder: expected a real address", host=host), address)


def _short(address: str) -> str:
    return address if len(address) <= 80 else f"{address[:79]}…"
