"""Renders the letters of a job."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.channels.port import Message
from chalicelib.deliveries import DeliveryKey, run_tag
from chalicelib.errors import NotFoundError, RenderError
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient
from chalicelib.pipeline.letter_links import LetterLinkMaker, LetterLinks
from chalicelib.reasons import Reason
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.storage.short_links import Link


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


@dataclass(frozen=True, kw_only=True)
class Composer:
    """Makes letters."""

    templates: TemplateStore
    renderer: Renderer
    link_maker: LetterLinkMaker

    def compose(self, job: DeliverJob) -> tuple[list[Letter], list[Spoiled]]:
        """The letters, and the recipients whose letter can never be made. Raises: UnavailableError (retryable)."""
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

        makers = each(self._maker, [job], alone=spoil_all)
        return [letter for make in makers for letter in each(make, job.recipients, alone=spoil)], spoiled

    def _maker(self, job: DeliverJob) -> Callable[[DeliverRecipient], Letter]:
        """Makes a job's letters one after the other, from the same template."""
        template = self.templates.get(job.letter.template, job.letter.template_version)
        layout = self.templates.layout(job.letter.layout)
        links_of = self.link_maker.of(job.letter, channel=job.channel)

        def make(recipient: DeliverRecipient) -> Letter:
            links = links_of.make(recipient)
            rendered = self.renderer.render(
                template,
                channel=job.channel,
                locale=template.choose_locale(recipient.locale, job.letter.locale),
                context={**job.letter.context, **(recipient.context or {})},
                user=recipient.user,
                service=links.service,
                links=links.links,
                shorten=links.shorten,
                layout=layout,
                categories=job.letter.categories,
            )
            return _letter(job, recipient, rendered.parts, links)

        return make


def _letter(job: DeliverJob, recipient: DeliverRecipient, parts: Mapping[str, str], links: LetterLinks) -> Letter:
    key = DeliveryKey(recipient.notification_id, job.channel)
    for text in (recipient.address, *parts.values()):
        text.encode()  # a template may hold lone surrogates, which no provider accepts
    message = Message(
        delivery_id=key.id,
        address=recipient.address,
        parts=parts,
        headers=links.headers,
        tags=_tags(job, key),
        transactional=CATEGORIES[job.letter.category].transactional,
    )
    return Letter(recipient, key, message, links.used_in(parts))


def _tags(job: DeliverJob, key: DeliveryKey) -> Mapping[str, str]:
    tags = {"delivery": key.id, "template": job.letter.template, "category": job.letter.category}
    if job.letter.campaign_id:
        tags["campaign"] = job.letter.campaign_id
    if job.letter.run_id:
        tags["run"] = run_tag(job.letter.run_id)
    return tags
