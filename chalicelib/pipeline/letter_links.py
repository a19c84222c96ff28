"""The links of one letter: confirmation, unsubscribe, preferences, and what the template shortens. Called by
`deliver.py`.

Rendering stays pure: the codes follow from the signing key and the notification, so that a letter that is rendered
again holds the same links, and what a letter wished for is written in one go for a whole batch, before it is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock, rfc3339
from chalicelib.control.redirects import allowed_redirect
from chalicelib.control.signing import Signer
from chalicelib.control.site_settings import SiteSettings, SiteValues
from chalicelib.control.tokens import LetterClaims, Purpose, Tokens
from chalicelib.pipeline.jobs import DeliverRecipient, LetterSpec
from chalicelib.pipeline.links import Link, valid_until

CONFIRMED_CHANNEL = "email"


@dataclass
class LetterLinks:
    """What one letter may carry; `wished` grows while it renders."""

    links: Mapping[str, str | None]
    service: Mapping[str, str]
    headers: Mapping[str, str]
    _maker: "LetterLinkMaker"
    _letter: LetterSpec
    _recipient: DeliverRecipient
    _channel: str
    _confirmation: Link | None
    _site: SiteValues
    _wished: dict[str, Link] = field(default_factory=dict)

    def shorten(self, url: str) -> str:
        """The short form of an address on an allowed host; any other stays as it is: its visits would be refused."""
        target = allowed_redirect(url, self._site.hosts)
        if target is None:
            return url
        link = self._maker.short_link(self._letter, self._recipient, self._channel, target, self._site)
        self._wished[link.code] = link
        return self._maker.url_of(link)

    def used_in(self, parts: Mapping[str, str]) -> list[Link]:
        """The links that the rendered letter really holds."""
        used = list(self._wished.values())
        if self._confirmation is not None:
            url = self._maker.url_of(self._confirmation)
            if any(url in text for text in parts.values()):
                used.append(self._confirmation)
        return used


class LetterLinkMaker:
    """Makes the links of one stage's letters. `reply_address` takes the letters of those who unsubscribe by mail."""

    def __init__(
        self, *, public_url: str, reply_address: str, signer: Signer, tokens: Tokens, site: SiteSettings, clock: Clock
    ) -> None:
        self._public_url = public_url
        self._reply_address = reply_address
        self._signer = signer
        self._tokens = tokens
        self._site = site
        self._clock = clock

    def make(self, letter: LetterSpec, recipient: DeliverRecipient, *, channel: str) -> LetterLinks:
        """The links of one recipient's letter. Raises: UnavailableError (retryable)."""
        site = self._site.current()
        unsubscribe, preferences = self._own_say(letter, recipient, channel)
        confirmation = self._confirmation(letter, recipient, channel, site)
        return LetterLinks(
            links={"unsubscribe": unsubscribe, "preferences": preferences},
            service=self._service(confirmation),
            headers=self._headers(unsubscribe, recipient.notification_id),
            _maker=self,
            _letter=letter,
            _recipient=recipient,
            _channel=channel,
            _confirmation=confirmation,
            _site=site,
        )

    def url_of(self, link: Link) -> str:
        """Where a link is visited."""
        return f"{self._public_url}/s/{link.code}"

    def short_link(
        self, letter: LetterSpec, recipient: DeliverRecipient, channel: str, target: str, site: SiteValues
    ) -> Link:
        """The link of this letter to `target`, the same at every rendering."""
        return Link(
            code=self._signer.code("short", recipient.notification_id, channel, target),
            kind="short",
            user_id=recipient.user_id,
            email=None,
            redirect_url=target,
            notification_id=recipient.notification_id,
            channel=channel,
            campaign_id=letter.campaign_id,
            valid_until=valid_until(site.link_days.short, since=self._clock()),
        )

    def _confirmation(
        self, letter: LetterSpec, recipient: DeliverRecipient, channel: str, site: SiteValues
    ) -> Link | None:
        if recipient.user_id is None or channel != CONFIRMED_CHANNEL:
            return None
        return Link(
            code=self._signer.code("confirm", recipient.notification_id, recipient.user_id, recipient.address),
            kind="confirm",
            user_id=recipient.user_id,
            email=recipient.address,
            redirect_url=None,
            notification_id=recipient.notification_id,
            channel=channel,
            campaign_id=letter.campaign_id,
            valid_until=_to_the_minute(valid_until(site.link_days.confirmation, since=self._clock())),
        )

    def _service(self, confirmation: Link | None) -> dict[str, str]:
        if confirmation is None:
            return {}
        return {
            "confirmation_url": self.url_of(confirmation),
            "confirmation_expires_at": rfc3339(confirmation.valid_until),
        }

    def _own_say(self, letter: LetterSpec, recipient: DeliverRecipient, channel: str) -> tuple[str | None, str | None]:
        """The addresses of the unsubscribe and the preference page. An account letter cannot be unsubscribed from; only
        users have preferences."""
        address = None if recipient.user_id else recipient.address
        claims = LetterClaims(recipient.user_id, address, channel, letter.category, recipient.notification_id)
        unsubscribe = preferences = None
        if not CATEGORIES[letter.category].transactional:
            unsubscribe = f"{self._public_url}/unsubscribe/{self._tokens.make(Purpose.UNSUBSCRIBE, claims)}"
        if recipient.user_id:
            preferences = f"{self._public_url}/preferences/{self._tokens.make(Purpose.PREFERENCES, claims)}"
        return unsubscribe, preferences

    def _headers(self, unsubscribe: str | None, notification_id: str) -> dict[str, str]:
        if unsubscribe is None:
            return {}
        mail = f"mailto:{self._reply_address}?subject=unsubscribe%20{notification_id}"  # RFC 2369
        return {
            "List-Unsubscribe": f"<{unsubscribe}>, <{mail}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
        }


def _to_the_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
