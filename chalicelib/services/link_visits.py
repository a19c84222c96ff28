"""What a visit of a short link does: counts it, confirms an address, says where to go.

Known programs are redirected and counted separately; they confirm nothing and have clicked nothing. The visit is
counted and judged by one conditional write; an unknown, expired or revoked link changes nothing.
"""

from collections.abc import Collection

from chalicelib.composed import Composed
from chalicelib.configuration.site_settings import VISIT_SECONDS, SiteSettings, SiteValues
from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.pipeline.bot_detection import is_bot
from chalicelib.profiles.directory import Directory
from chalicelib.security.redirects import allowed_redirect
from chalicelib.states import Engagement
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.short_links import ShortLink, ShortLinks


class LinkVisits(Composed):
    """Visits of short links."""

    links: ShortLinks
    directory: Directory
    site: SiteSettings
    ledger: Ledger

    def visit(self, code: str, *, user_agent: str | None, purpose: str = "") -> str:
        """Does what the link is for, and returns where to send the visitor: always a URL on the allow-list. `purpose`:
        the purpose in the request's headers. Raises: NotFoundError (permanent: unknown, expired, revoked, or for an
        address that the user has since left; nothing was confirmed), UnavailableError (retryable)."""
        bot = is_bot(user_agent, purpose=purpose)
        site = self.site.current(seconds=VISIT_SECONDS)
        link = self.links.visit(code, bot=bot)
        if link.kind == "confirm" and not bot:
            self._confirm(link)
        first = int(link.bot_visits if bot else link.visits) == 1
        if first and link.notification_id and link.channel:
            key = DeliveryKey(link.notification_id, link.channel)
            self.ledger.engage(key, Engagement.MACHINE_CLICKED if bot else Engagement.CLICKED)
        return _target(link, site)

    def look(self, code: str) -> str:
        """Where a visit would lead; changes nothing. Raises: as `visit`."""
        return _target(self.links.peek(code), self.site.current(seconds=VISIT_SECONDS))

    def _confirm(self, link: ShortLink) -> None:
        if not (link.user_id and link.email and self.directory.confirm(link.user_id, email=link.email)):
            raise NotFoundError(Phrase("this link is for an address that the user no longer has"))
        if link.confirmed_at is None:
            self.links.note_confirmed(link.code)


def _target(link: ShortLink, site: SiteValues) -> str:
    hosts: Collection[str] = site.hosts
    own = allowed_redirect(link.redirect_url, hosts)
    if own is not None:
        return own
    if link.kind != "confirm":
        raise NotFoundError(Phrase("this link leads to a place that is no longer allowed"))
    following = allowed_redirect(site.redirect_url, hosts)
    if following is None:
        raise NotFoundError(Phrase("the redirect leads to a place that is not allowed"))
    return following
