"""Makes the letters of a job: renders them, and makes the links that they hold.

Rendering stays pure: the codes of links follow from the signing key, the notification and the day, so that a letter
that is rendered again holds the same links. What a letter wished for is written in one go for a whole batch, before it
is sent.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.channels.port import AttachedFile, Message
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryKey, run_tag
from chalicelib.errors import NotFoundError, RenderError
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, key_of
from chalicelib.pipeline.letter_links import JobLinks, LetterLinkMaker, LetterLinks
from chalicelib.pipeline.letter_parts import in_language
from chalicelib.reasons import Reason
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Rendered, Renderer
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.storage.new_links import Link


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
        shared = JobLinks.of(self.link_maker, job, template)

        def make(recipient: DeliverRecipient) -> Letter:
            links = LetterLinks(shared, recipient)
            named = {"service": links.service(), "links": links.pages}
            rendered = self._render(job, recipient, template, layout=layout, shorten=links.shorten, **named)
            return _letter(job, recipient, links.counting(rendered.parts), links, files)

        return make

    def shown(self, job: DeliverJob) -> Rendered:
        """A job's first letter for a browser, whoever looks: without the links that are its reader's alone. Raises:
        NotFoundError, RenderError (permanent), UnavailableError (retryable)."""
        [recipient, *_] = job.recipients
        template = self.templates.get(job.letter.template, job.letter.template_version)
        layout = self.templates.layout(job.letter.layout)
        shorten = LetterLinks(JobLinks.of(self.link_maker, job, template), recipient).shorten
        return self._render(job, recipient, template, layout=layout, shorten=shorten)

    def _render(self, job: DeliverJob, recipient: DeliverRecipient, template: Template, **more: Any) -> Rendered:
        locale, texts = in_language(job.letter.languages, template, recipient.locale, job.letter.locale)
        return self.renderer.render(
            template,
            channel=job.channel,
            locale=locale,
            context={**job.letter.context, **texts, **(recipient.context or {})},
            user=recipient.user,
            categories=job.letter.categories,
            subject=job.letter.languages.subjects.get(locale) if job.letter.languages else None,
            **more,
        )


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
