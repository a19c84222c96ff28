"""What a visit of a short link does: counts it, confirms an address, says where to go.

Known programs are redirected and counted separately; they confirm nothing and have clicked nothing. The visit is
counted and judged by one conditional write; an unknown, expired or revoked link changes nothing.
"""

from collections.abc import Collection

from chalicelib.composed import Composed
from chalicelib.configuration.site_settings import VISIT_SECONDS, SiteSettings
from chalicelib.configuration.site_values import SiteValues
from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import NotFoundError, Phrase, UnavailableError
from chalicelib.isolation import each, is_contained
from chalicelib.observability import log_failure
from chalicelib.pipeline.bot_detection import is_bot
from chalicelib.profiles.directory import Directory
from chalicelib.security.link_codes import read_whose
from chalicelib.security.redirects import allowed_redirect, plain_redirect
from chalicelib.security.signing import Signer
from chalicelib.states import Engagement
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.short_links import ShortLink, ShortLinks


class LinkVisits(Composed):
    links: ShortLinks
    directory: Directory
    site: SiteSettings
    signer: Signer
    ledger: Ledger

    def visit(self, name: str, *, user_agent: str | None, purpose: str = "") -> str:
        """Does what the link is for, and returns where to send the visitor. `purpose`: the purpose in the request's
        headers. A reader is led on though the visit could not be counted. Raises: NotFoundError (permanent: unknown,
        expired, revoked, or for an address that the user has since left; nothing was confirmed), UnavailableError
        (retryable)."""
        code, _, whose = name.partition(".")
        bot = is_bot(user_agent, purpose=purpose)
        site = self.site.current(seconds=VISIT_SECONDS)
        try:
            link = self.links.visit(code, bot=bot, whose=whose)
        except UnavailableError as error:
            log_failure("visit", error)
            link = self.links.peek(code, consistent=False)
        if link.kind == "confirm" and not bot:
            self._confirm(link)
        what = Engagement.MACHINE_CLICKED if bot else Engagement.CLICKED
        each(
            lambda one: self._note(one, whose, what),
            [link],
            alone=lambda _, error: log_failure("click", error),
            stays=is_contained,
        )
        return _target(link, site)

    def look(self, name: str) -> str:
        """Where a visit would lead; changes nothing. Raises: as `visit`."""
        return _target(self.links.peek(name.partition(".")[0]), self.site.current(seconds=VISIT_SECONDS))

    def _note(self, link: ShortLink, whose: str, what: Engagement) -> None:
        """That the letter was clicked, and in a run's where."""
        letter, channel = link.notification_id, link.channel
        if link.scope is not None and channel is not None:
            letter = read_whose(self.signer, whose, link.scope, channel)
        if letter is None or channel is None:
            return
        key = DeliveryKey(letter, channel)
        counted_as = link.code if link.scope is not None else link.pattern
        self.ledger.engage(key, what)
        if counted_as:
            self.ledger.note_link(key, what, counted_as)

    def _confirm(self, link: ShortLink) -> None:
        if not (link.user_id and link.email and self.directory.confirm(link.user_id, email=link.email)):
            raise NotFoundError(Phrase("this link is for an address that the user no longer has"))
        if link.confirmed_at is None:
            self.links.note_confirmed(link.code)


def _target(link: ShortLink, site: SiteValues) -> str:
    hosts: Collection[str] = site.hosts
    plain = plain_redirect(link.redirect_url) if link.anywhere and link.redirect_url else None
    own = plain[0] if plain is not None else allowed_redirect(link.redirect_url, hosts)
    if own is not None and link.kind != "pattern":
        return own
    if link.kind != "confirm":
        raise NotFoundError(Phrase("this link leads to a place that is no longer allowed"))
    following = allowed_redirect(site.redirect_url, hosts)
    if following is None:
        raise NotFoundError(Phrase("the redirect leads to a place that is not allowed"))
    return following
