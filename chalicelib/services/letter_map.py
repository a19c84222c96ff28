"""The e-mail of a run as it was sent, to nobody, with the links that are counted in it."""

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.composed import Composed
from chalicelib.errors import NotFoundError, RenderError
from chalicelib.pipeline.compose import Composer
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, LetterSpec
from chalicelib.pipeline.letter_links import JobLinks, LetterLinkMaker
from chalicelib.rendering.letter_urls import links_of
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.schemas import recalled
from chalicelib.storage.runs import Run

CHANNEL = "email"
_NOBODY = "00000000-0000-0000-0000-000000000000"


class CountedLink(NamedTuple):
    """An address as the letter holds it, where it leads to for everybody, and the code under which it is counted."""

    written: str
    url: str
    code: str


class MappedLetter(NamedTuple):
    """`problem` says why there is none; `links` in the order of the letter."""

    subject: str = ""
    html: str = ""
    links: Sequence[CountedLink] = ()
    problem: str | None = None


class LetterMap(Composed):
    composer: Composer
    templates: TemplateStore
    link_maker: LetterLinkMaker

    def of(self, run: Run, *, locale: str | None = None) -> MappedLetter:
        """In the run's own language unless another is given; with the sample's reader. Raises: UnavailableError
        (retryable)."""
        if CHANNEL not in run.channels:
            return MappedLetter()
        letter = recalled(LetterSpec, run.letter)
        try:
            template = self.templates.get(letter.template, letter.template_version)
        except NotFoundError as error:
            return MappedLetter(problem=error.detail)
        sample = template.sample
        context = {**sample.context, **letter.context}  # the sample's values for what only a content source knows
        reader = DeliverRecipient(
            notification_id=_NOBODY,
            address="reader@example.com",
            locale=locale or letter.locale or template.default_locale,
            user=dict(sample.user),
        )
        job = DeliverJob(letter=letter.model_copy(update={"context": context}), channel=CHANNEL, recipients=(reader,))
        try:
            made = self.composer.shown(job)
        except RenderError as error:
            return MappedLetter(problem=error.detail)
        shared, html = JobLinks.of(self.link_maker, job, template), made.parts.get("html", "")
        links = []
        for written in dict.fromkeys(links_of(html)):
            target = shared.targets.of(written, reader)
            if target is not None and target.counted:
                place = target.pattern or target.url
                links.append(CountedLink(written, place, shared.shared(place).code))
        return MappedLetter(made.parts.get("subject", ""), html, links)
