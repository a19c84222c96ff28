"""Makes the letters of a job: renders them, and makes the links that they hold.

Rendering stays pure: the codes of links follow from the signing key, the notification and the day, so that a letter
that is rendered again holds the same links. What a letter wished for is written in one go for a whole batch, before it
is sent.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.channels.port import AttachedFile, Message
from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.configuration.site_values import SiteValues
from chalicelib.deliveries import DeliveryKey, run_tag
from chalicelib.errors import NotFoundError, RenderError
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, key_of
from chalicelib.pipeline.letter_headers import headers_of
from chalicelib.pipeline.letter_parts import in_language
from chalicelib.pipeline.requests import OwnerOf
from chalicelib.profiles.preferences import WRITTEN_TO
from chalicelib.reasons import Reason
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.security.redirects import allowed_redirect
from chalicelib.security.signing import LetterClaims, Purpose, Signer, Tokens
from chalicelib.storage.short_links import Link, LinkKind, valid_until
from chalicelib.storage.users import CONFIRMED_CHANNEL


class Spoiled(NamedTuple):
    """A recipient whose letter can never be made, the reason, and the place in the template if that is at fault."""

    recipient: DeliverRecipient
    reason: str
    place: str | None = None


class Letter(NamedTuple):
    """A recipient with the rendered message, and the links in it."""

    recipient: DeliverRecipient
    key: DeliveryKey
    message: Message
    links: Sequence[Link]


class LetterLinkMaker(Composed):
    """What links are made with."""

    public_url: str
    signer: Signer
    tokens: Tokens
    owner: OwnerOf
    site: SiteSettings
    clock: Clock


class Composer(Composed):
    """Makes letters."""

    templates: TemplateStore
    renderer: Renderer
    link_maker: LetterLinkMaker

    def compose(self, job: DeliverJob, files: Sequence[AttachedFile] = ()) -> tuple[list[Letter], list[Spoiled]]:
        """The letters, which carry these files, and the recipients whose letter can never be made. Raises:
        UnavailableError (retryable)."""
        spoiled: list[Spoiled] = []

        def spoil(recipient: DeliverRecipient, error: Exception) -> None:
            if isinstance(error, RenderError):
                spoiled.append(Spoiled(recipient, error.reason, error.place))
                return
            log_failure("letter", error, notification_id=recipient.notification_id)
            spoiled.append(Spoiled(recipient, Reason.UNREADABLE))

        def spoil_all(_: DeliverJob, error: Exception) -> None:
            log_failure("template", error, template=job.letter.template, version=job.letter.template_version)
            place = error.detail if isinstance(error, NotFoundError) else None
            spoiled.extend(Spoiled(one, Reason.TEMPLATE_ERROR, place) for one in job.recipients)

        makers = each(partial(self._maker, files=files), [job], alone=spoil_all)
        return [letter for make in makers for letter in each(make, job.recipients, alone=spoil)], spoiled

    def _maker(self, job: DeliverJob, *, files: Sequence[AttachedFile]) -> Callable[[DeliverRecipient], Letter]:
        """Makes a job's letters one after the other, from the same template."""
        template = self.templates.get(job.letter.template, job.letter.template_version)
        layout = self.templates.layout(job.letter.layout)
        shared = JobLinks.of(self.link_maker, job)

        def make(recipient: DeliverRecipient) -> Letter:
            links = LetterLinks(shared, recipient)
            locale, texts = in_language(job.letter.languages, template, recipient.locale, job.letter.locale)
            rendered = self.renderer.render(
                template,
                channel=job.channel,
                locale=locale,
                context={**job.letter.context, **texts, **(recipient.context or {})},
                user=recipient.user,
                service=links.service(),
                links=links.pages,
                shorten=links.shorten,
                layout=layout,
                categories=job.letter.categories,
            )
            return _letter(job, recipient, rendered.parts, links, files)

        return make


class JobLinks(NamedTuple):
    """What the links of a job's letters share."""

    make: LetterLinkMaker
    job: DeliverJob
    site: SiteValues
    short_until: datetime
    confirmed_until: datetime
    confirmed_until_text: str

    @classmethod
    def of(cls, make: LetterLinkMaker, job: DeliverJob) -> "JobLinks":
        """Raises: UnavailableError (retryable)."""
        site, now = make.site.current(), make.clock()
        confirmed = valid_until(site.link_days.confirmation, since=now).replace(second=0, microsecond=0)
        return cls(make, job, site, valid_until(site.link_days.short, since=now), confirmed, rfc3339(confirmed))

    def url_of(self, code: str) -> str:
        """Where a link is visited."""
        return f"{self.make.public_url}/s/{code}"


class LetterLinks:
    """What one letter may carry. `pages`: its unsubscribe and preference pages, None where it has none."""

    def __init__(self, shared: JobLinks, recipient: DeliverRecipient) -> None:
        self._shared = shared
        self._recipient = recipient
        self._wished: dict[str, Link] = {}  # grows while the letter renders
        self._confirmation: str | None = None
        if recipient.user_id is not None and shared.job.channel == CONFIRMED_CHANNEL:
            named = (recipient.notification_id, recipient.user_id, recipient.address)
            self._confirmation = shared.make.signer.code("confirm", *named)
        self.pages: dict[str, str | None] = {"unsubscribe": None, "preferences": None, **self._pages()}

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
        """The short form of an address on an allowed host; any other stays as it is: its visits would be refused."""
        target = allowed_redirect(url, self._shared.site.hosts)
        if target is None:
            return url
        code = self._shared.make.signer.code("short", self._recipient.notification_id, self._shared.job.channel, target)
        self._wished[code] = self._link("short", code, self._shared.short_until, redirect_url=target)
        return self._shared.url_of(code)

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
        """An account letter cannot be unsubscribed from; only users have preferences."""
        job, recipient, make = self._shared.job, self._recipient, self._shared.make
        purposes = [] if CATEGORIES[job.letter.category].transactional else [Purpose.UNSUBSCRIBE]
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


def _letter(
    job: DeliverJob,
    recipient: DeliverRecipient,
    parts: Mapping[str, str],
    links: LetterLinks,
    files: Sequence[AttachedFile],
) -> Letter:
    key = key_of(recipient, job.channel)
    for text in (recipient.address, *parts.values()):
        text.encode()  # a template may hold lone surrogates, which no provider accepts
    tags = {"delivery": key.id, "template": job.letter.template, "category": job.letter.category}
    if job.letter.campaign_id:
        tags["campaign"] = job.letter.campaign_id
    if job.letter.run_id:
        tags["run"] = run_tag(job.letter.run_id)
    if recipient.spot:
        tags["spot"] = recipient.spot
    message = Message(
        delivery_id=key.id,
        address=recipient.address,
        parts=parts,
        headers=links.headers(),
        tags=tags,
        transactional=CATEGORIES[job.letter.category].transactional,
        category=job.letter.category,
        files=files,
    )
    return Letter(recipient, key, message, links.used_in(parts))
