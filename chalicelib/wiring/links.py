"""Links in letters and what a visit does."""

from email.utils import parseaddr
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.control import site_settings
from chalicelib.wiring.signing import address_hashes, signer, tokens

if TYPE_CHECKING:
    from chalicelib.pipeline.letter_links import LetterLinkMaker
    from chalicelib.storage.short_links import LinkBook


@cache
def links() -> "LinkBook":
    """Short links."""
    from chalicelib.storage.short_links import LinkBook

    return LinkBook(clock=now)


@cache
def link_maker() -> "LetterLinkMaker":
    """The links in letters."""
    from chalicelib.pipeline.letter_links import LetterLinkMaker

    return LetterLinkMaker(
        public_url=settings().public_url,
        reply_address=parseaddr(settings().mail_from)[1],
        signer=signer(),
        tokens=tokens(),
        owner=address_hashes().owner,
        site=site_settings(),
        clock=now,
    )
