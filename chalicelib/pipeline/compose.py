"""Renders the letters of a job. Called by `deliver.py`, before anything is claimed: a letter that cannot be made
costs no claim.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.channels.base import Message
from chalicelib.errors import RenderError
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient
from chalicelib.pipeline.letter_links import LetterLinkMaker
from chalicelib.pipeline.links import Link
from chalicelib.pipeline.moves import DeliveryKey
from chalicelib.pipeline.tally import run_tag
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.store import TemplateStore


class Letter(NamedTuple):
    """A recipient with the rendered message, and the links that it holds."""

    recipient: DeliverRecipient
    key: DeliveryKey
    message: Message
    links: Sequence[Link]


class Composer:
    """Makes the letters of one stage."""

    def __init__(self, *, templates: TemplateStore, renderer: Renderer, link_maker: LetterLinkMaker) -> None:
        self._templates = templates
        self._renderer = renderer
        self._link_maker = link_maker

    def compose(self, job: DeliverJob) -> tuple[list[Letter], list[tuple[DeliverRecipient, str]]]:
        """The letters, and whose can never be made, with the reason. Raises: UnavailableError (retryable)."""
        template = self._templates.get(job.letter.template, job.letter.template_version)
        layout = self._templates.layout(job.letter.layout)
        links_of = self._link_maker.of(job.letter, channel=job.channel)
        letters, spoiled = [], []
        for recipient in job.recipients:
            links = links_of.make(recipient)
            try:
                rendered = self._renderer.render(
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
            except RenderError as error:
                spoiled.append((recipient, error.reason))
                continue
            key = DeliveryKey(recipient.notification_id, job.channel)
            message = Message(
                delivery_id=key.id,
                address=recipient.address,
                parts=rendered.parts,
                headers=links.headers,
                tags=_tags(job, key),
                transactional=CATEGORIES[job.letter.category].transactional,
            )
            letters.append(Letter(recipient, key, message, links.used_in(rendered.parts)))
        return letters, spoiled


def _tags(job: DeliverJob, key: DeliveryKey) -> Mapping[str, str]:
    tags = {"delivery": key.id, "template": job.letter.template, "category": job.letter.category}
    if job.letter.campaign_id:
        tags["campaign"] = job.letter.campaign_id
    if job.letter.run_id:
        tags["run"] = run_tag(job.letter.run_id)
    return tags
