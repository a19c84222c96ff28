"""Links in letters and what a visit does."""

from email.utils import parseaddr
from functools import cache

from chalicelib.clock import now
from chalicelib.pipeline.letter_links import LetterLinkMaker
from chalicelib.pipeline.links import LinkBook
from chalicelib.pipeline.visit import Visit
from chalicelib.settings import settings
from chalicelib.wiring.control import site_settings
from chalicelib.wiring.ledger import ledger
from chalicelib.wiring.people import directory
from chalicelib.wiring.signing import signer, tokens


@cache
def links() -> LinkBook:
    """Short links."""
    return LinkBook(clock=now)


@cache
def link_maker() -> LetterLinkMaker:
    """The links in letters."""
    return LetterLinkMaker(
        public_url=settings().public_url,
        reply_address=parseaddr(settings().mail_from)[1],
        signer=signer(),
        tokens=tokens(),
        site=site_settings(),
        clock=now,
    )


@cache
def visit() -> Visit:
    """The visits of short links."""
    return Visit(links=links(), directory=directory(), site=site_settings(), ledger=ledger())
