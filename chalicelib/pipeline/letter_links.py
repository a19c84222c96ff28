"""The links of a letter: its reader's own pages, the one that confirms an address, and short ones.

Their codes follow from the signing key, the notification and the day, so that a letter that is made again holds the
same links.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.configuration.site_values import SiteValues
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient
from chalicelib.pipeline.letter_headers import headers_of
from chalicelib.pipeline.letter_targets import JobTargets, LinkTarget
from chalicelib.pipeline.requests import OwnerOf
from chalicelib.profiles.preferences import WRITTEN_TO
from chalicelib.rendering.letter_urls import with_urls
from chalicelib.rendering.model import Template
from chalicelib.security.link_codes import shared_code, whose
from chalicelib.security.signing import LetterClaims, Purpose, Signer, Tokens
from chalicelib.storage.new_links import Link, LinkKind
from chalicelib.storage.users import CONFIRMED_CHANNEL


class LetterLinkMaker(Composed):
    """What links are made with."""

    public_url: str
    signer: Signer
    tokens: Tokens
    owner: OwnerOf
    site: SiteSettings
    clock: Clock


class JobLinks(NamedTuple):
    """What the links of a job's letters share. `scope`: the letters that share their stored links."""

    make: LetterLinkMaker
    job: DeliverJob
    site: SiteValues
    targets: JobTargets
    links: dict[str, Link]  # by target, grows while letters render
    scope: str
    short_until: datetime
    confirmed_until: datetime
    confirmed_until_text: str

    @classmethod
    def of(cls, make: LetterLinkMaker, job: DeliverJob, template: Template) -> "JobLinks":
        """Raises: UnavailableError (retryable)."""
        site, now, letter = make.site.current(), make.clock(), job.letter
        confirmed = (now + timedelta(days=site.link_days.confirmation)).replace(second=0, microsecond=0)
        return cls(
            make,
            job,
            site,
            JobTargets(job, site, template, ours=make.public_url),
            {},
            letter.run_id or f"{letter.service or ''}#{letter.template}#{letter.template_version}",
            now + timedelta(days=site.link_days.short),
            confirmed,
            rfc3339(confirmed),
        )

    def url_of(self, code: str) -> str:
        """Where a link is visited."""
        return f"{self.make.public_url}/s/{code}"

    def shared(self, target: str, *, kind: LinkKind = "short") -> Link:
        """The link of all these letters to a target."""
        job, letter = self.job, self.job.letter
        return Link(
            code=shared_code(self.make.signer, self.scope, job.channel, target),
            kind=kind,
            user_id=None,
            email=None,
            redirect_url=target,
            notification_id=None,
            channel=job.channel,
            campaign_id=letter.campaign_id,
            valid_until=self.short_until,
            service=letter.service,
            scope=self.scope,
            anywhere=self.targets.anywhere,
        )


class LetterLinks:
    """What one letter may carry. `pages`: where it is seen in a browser, unsubscribed from, and its reader's
    preferences are; None where it has none."""

    def __init__(self, shared: JobLinks, recipient: DeliverRecipient) -> None:
        self._shared = shared
        self._recipient = recipient
        self._wished: dict[str, Link] = {}  # grows while the letter renders
        self._whose = whose(shared.make.signer, shared.scope, shared.job.channel, recipient.notification_id)
        self._confirmation: str | None = None
        if recipient.user_id is not None and shared.job.channel == CONFIRMED_CHANNEL:
            named = (recipient.notification_id, recipient.user_id, recipient.address)
            self._confirmation = shared.make.signer.code("confirm", *named)
        self.pages: dict[str, str | None] = {**dict.fromkeys(Purpose), **self._pages()}

    def service(self) -> dict[str, str]:
        """The address that confirms the recipient's own."""
        if self._confirmation is None:
            return {}
        return {
            "confirmation_url": self._shared.url_of(self._confirmation),
            "confirmation_expires_at": self._shared.confirmed_until_text,
        }

    def headers(self) -> dict[str, str]:
        """Those of the letter, if it is an e-mail."""
        letter, site = self._shared.job.letter, self._shared.site
        return headers_of(letter, unsubscribe=self.pages["unsubscribe"], site=site)

    def shorten(self, url: str) -> str:
        """The short form of an address that a template asks for; in a mailing's e-mail all get one (`counting`). Any
        other stays as it is: its visits would be refused."""
        target = None if self._shared.targets.is_mailing else self._shared.targets.of(url, self._recipient)
        if target is None or not target.counted:
            return url if target is None else target.url
        return self._own(target if self._shared.job.letter.run_id is None else target.with_pattern())

    def counting(self, parts: Mapping[str, str]) -> Mapping[str, str]:
        """The parts of the letter with the links that are counted."""
        return with_urls(parts, self._counted) if self._shared.targets.is_mailing else parts

    def _counted(self, url: str) -> str | None:
        target = self._shared.targets.of(url, self._recipient)
        if target is None or not target.counted:
            return None if target is None else target.url
        if target.pattern is not None or self._whose is None:
            return self._own(target)
        if target.url not in self._shared.links:
            self._shared.links[target.url] = self._shared.shared(target.url)
        link = self._shared.links[target.url]
        self._wished[link.code] = link
        return self._shared.url_of(f"{link.code}.{self._whose}")

    def _own(self, target: LinkTarget) -> str:
        """A link of this reader alone, beside what stands for it in the results of a run."""
        shared = self._shared
        code = shared.make.signer.code("short", self._recipient.notification_id, shared.job.channel, target.url)
        link = self._link("short", code, shared.short_until, redirect_url=target.url)
        link = link._replace(anywhere=shared.targets.anywhere)
        if target.pattern is not None and shared.job.letter.run_id is not None:
            pattern = shared.shared(target.pattern, kind="pattern")
            self._wished[pattern.code] = pattern
            link = link._replace(pattern=pattern.code)
        self._wished[code] = link
        return shared.url_of(code)

    def used_in(self, parts: Mapping[str, str]) -> list[Link]:
        """The links that the rendered letter really holds."""
        used = list(self._wished.values())
        if self._confirmation is not None:
            url = self._shared.url_of(self._confirmation)
            if any(url in text for text in parts.values()):
                until, email = self._shared.confirmed_until, self._recipient.address
                used.append(self._link("confirm", self._confirmation, until, email=email))
        return used

    def _link(
        self, kind: LinkKind, code: str, until: datetime, *, email: str | None = None, redirect_url: str | None = None
    ) -> Link:
        job, recipient = self._shared.job, self._recipient
        return Link(
            code=code,
            kind=kind,
            user_id=recipient.user_id or self._shared.make.owner(job.channel, recipient.address),
            email=email,
            redirect_url=redirect_url,
            notification_id=recipient.notification_id,
            channel=job.channel,
            campaign_id=job.letter.campaign_id,
            valid_until=until,
            service=job.letter.service,
        )

    def _pages(self) -> dict[str, str]:
        """An account letter cannot be unsubscribed from; only users have preferences. Seen in a browser is what can be
        made again: no account letter, whose links are secrets, and none with variables of its own, which nothing
        keeps."""
        job, recipient, make = self._shared.job, self._recipient, self._shared.make
        purposes = [] if CATEGORIES[job.letter.category].transactional else [Purpose.UNSUBSCRIBE]
        if purposes and job.channel == "email" and recipient.context is None:
            purposes.append(Purpose.VIEW)
        if recipient.user_id:
            purposes.append(Purpose.PREFERENCES)
        written_to: str | None = recipient.address
        if recipient.user_id is not None:  # by its hash: what is said by its links is for that address alone
            written_to = make.owner(job.channel, recipient.address) if job.channel in WRITTEN_TO else None
        categories = ",".join(job.letter.categories)
        claims = LetterClaims(recipient.user_id, written_to, job.channel, categories, recipient.notification_id)
        tokens = make.tokens.make(claims, *purposes)
        return {
            purpose.value: f"{make.public_url}/{purpose.value}/{token}"
            for purpose, token in zip(purposes, tokens, strict=True)
        }
