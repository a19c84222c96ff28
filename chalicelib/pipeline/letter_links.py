"""The links of one letter: confirmation, unsubscribe, preferences, and what the template shortens.

Rendering stays pure: the codes follow from the signing key, the notification and the day, so that a letter that is
rendered again holds the same links, and what a letter wished for is written in one go for a whole batch, before it is
sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock, rfc3339
from chalicelib.configuration.site_settings import SiteSettings, SiteValues
from chalicelib.pipeline.jobs import DeliverRecipient, LetterSpec
from chalicelib.pipeline.requests import OwnerOf
from chalicelib.profiles.preferences import WRITTEN_TO
from chalicelib.security.redirects import allowed_redirect
from chalicelib.security.signing import Signer
from chalicelib.security.tokens import LetterClaims, Purpose, Tokens
from chalicelib.storage.short_links import Link, LinkKind, valid_until
from chalicelib.storage.users import CONFIRMED_CHANNEL


@dataclass
class LetterLinks:
    """What one letter may carry; `wished` grows while it renders."""

    links: Mapping[str, str | None]
    service: Mapping[str, str]
    headers: Mapping[str, str]
    _job: "JobLinks"
    _recipient: DeliverRecipient
    _confirmation: str | None
    _wished: dict[str, Link] = field(default_factory=dict)

    def shorten(self, url: str) -> str:
        """The short form of an address on an allowed host; any other stays as it is: its visits would be refused."""
        target = allowed_redirect(url, self._job.site.hosts)
        if target is None:
            return url
        link = self._job.short_link(self._recipient, target)
        self._wished[link.code] = link
        return self._job.url_of(link.code)

    def used_in(self, parts: Mapping[str, str]) -> list[Link]:
        """The links that the rendered letter really holds."""
        used = list(self._wished.values())
        if self._confirmation is not None:
            url = self._job.url_of(self._confirmation)
            if any(url in text for text in parts.values()):
                used.append(self._job.confirmation_link(self._recipient, self._confirmation))
        return used


class JobLinks:
    """Makes the links of the letters of one job; what they share is made once."""

    def __init__(self, maker: "LetterLinkMaker", letter: LetterSpec, channel: str, *, since: datetime) -> None:
        self.site: SiteValues = maker.site.current()
        self._maker = maker
        self._letter = letter
        self._channel = channel
        self._short_until = valid_until(self.site.link_days.short, since=since)
        self._confirmed_until = _to_the_minute(valid_until(self.site.link_days.confirmation, since=since))
        self._confirmed_until_text = rfc3339(self._confirmed_until)
        self._transactional = CATEGORIES[letter.category].transactional

    def make(self, recipient: DeliverRecipient) -> LetterLinks:
        """The links of one recipient's letter. Raises: UnavailableError (retryable)."""
        links = self._own_say(recipient)
        confirmation = self._confirmation_code(recipient)
        return LetterLinks(
            links=links,
            service=self._service(confirmation),
            headers=self._headers(links["unsubscribe"], recipient.notification_id),
            _job=self,
            _recipient=recipient,
            _confirmation=confirmation,
        )

    def url_of(self, code: str) -> str:
        """Where a link is visited."""
        return f"{self._maker.public_url}/s/{code}"

    def short_link(self, recipient: DeliverRecipient, target: str) -> Link:
        """The link of a letter to `target`, the same at every rendering."""
        code = self._maker.signer.code("short", recipient.notification_id, self._channel, target)
        return self._link("short", code, recipient, redirect_url=target, valid_until=self._short_until)

    def confirmation_link(self, recipient: DeliverRecipient, code: str) -> Link:
        """The link by which the recipient confirms the address."""
        return self._link("confirm", code, recipient, email=recipient.address, valid_until=self._confirmed_until)

    def _link(
        self,
        kind: LinkKind,
        code: str,
        recipient: DeliverRecipient,
        *,
        valid_until: datetime,
        email: str | None = None,
        redirect_url: str | None = None,
    ) -> Link:
        return Link(
            code=code,
            kind=kind,
            user_id=recipient.user_id or self._maker.owner(self._channel, recipient.address),
            email=email,
            redirect_url=redirect_url,
            notification_id=recipient.notification_id,
            channel=self._channel,
            campaign_id=self._letter.campaign_id,
            valid_until=valid_until,
            service=self._letter.service,
        )

    def _confirmation_code(self, recipient: DeliverRecipient) -> str | None:
        if recipient.user_id is None or self._channel != CONFIRMED_CHANNEL:
            return None
        return self._maker.signer.code("confirm", recipient.notification_id, recipient.user_id, recipient.address)

    def _service(self, confirmation: str | None) -> dict[str, str]:
        if confirmation is None:
            return {}
        return {
            "confirmation_url": self.url_of(confirmation),
            "confirmation_expires_at": self._confirmed_until_text,
        }

    def _own_say(self, recipient: DeliverRecipient) -> dict[str, str | None]:
        """The addresses of the unsubscribe and the preference page. An account letter cannot be unsubscribed from; only
        users have preferences."""
        purposes = []
        if not self._transactional:
            purposes.append(Purpose.UNSUBSCRIBE)
        if recipient.user_id:
            purposes.append(Purpose.PREFERENCES)
        categories = ",".join(self._letter.categories)
        claims = LetterClaims(
            recipient.user_id, self._written_to(recipient), self._channel, categories, recipient.notification_id
        )
        tokens = self._maker.tokens.make(claims, *purposes)
        pages = {
            purpose.value: f"{self._maker.public_url}/{purpose.value}/{token}"
            for purpose, token in zip(purposes, tokens, strict=True)
        }
        return {"unsubscribe": None, "preferences": None, **pages}

    def _written_to(self, recipient: DeliverRecipient) -> str | None:
        """Of a user's letter by its hash: what is said by a link of it, or sent for it, is for that address alone."""
        if recipient.user_id is None:
            return recipient.address
        return self._maker.owner(self._channel, recipient.address) if self._channel in WRITTEN_TO else None

    def _headers(self, unsubscribe: str | None, notification_id: str) -> dict[str, str]:
        if unsubscribe is None:
            return {}
        mail = f"mailto:{self._maker.reply_address}?subject=unsubscribe%20{notification_id}"  # RFC 2369
        return {
            "List-Unsubscribe": f"<{unsubscribe}>, <{mail}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
        }


class LetterLinkMaker(NamedTuple):
    """What links in letters are made with. `reply_address` takes the letters of those who unsubscribe
    by mail."""

    public_url: str
    reply_address: str
    signer: Signer
    tokens: Tokens
    owner: OwnerOf
    site: SiteSettings
    clock: Clock

    def of(self, letter: LetterSpec, *, channel: str) -> JobLinks:
        """The links of one job's letters. Raises: UnavailableError (retryable)."""
        return JobLinks(self, letter, channel, since=self.clock())


def _to_the_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
