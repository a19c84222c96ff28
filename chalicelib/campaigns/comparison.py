"""Campaigns side by side: what each has brought, and where they really differ."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from chalicelib.campaigns.approval import frozen_of
from chalicelib.campaigns.languages import own_locale
from chalicelib.campaigns.letter_inputs import LetterInputs
from chalicelib.campaigns.model import Campaign, shown_spec
from chalicelib.campaigns.proportions import SURE, p_of
from chalicelib.campaigns.rates import Counts, rates_of, share_of
from chalicelib.composed import Composed
from chalicelib.errors import NotFoundError, Phrase, RenderError
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaign_results import Results
from chalicelib.storage.campaigns import Campaigns

MOST_COMPARED = 4
COMPARED = ("delivered", "opened", "clicked", "unsubscribed", "complained")


class Compared(NamedTuple):
    """A campaign beside others: its counts by word as they were noted last, its rates from 0 to 1, and the subject of
    its letter (None: it has none, or cannot be made any more)."""

    id: str
    name: str
    state: str
    template: str
    subject: str | None
    counts: Counts
    rates: Mapping[str, float | None]


class Difference(NamedTuple):
    """One campaign has more of something than another, which is hardly chance."""

    measure: str
    more: Compared
    less: Compared


class CampaignComparison(Composed):
    campaigns: Campaigns
    inputs: LetterInputs
    renderer: Renderer

    def of(self, ids: Sequence[str], *, sight: Sight = EVERYTHING) -> list[Compared]:
        """In the order of `ids`. Raises: NotFoundError (permanent: one of them is not in sight), UnavailableError
        (retryable)."""
        heads = {one.id: one for one in self.campaigns.some(ids) if sight.has(one.service, by=one.created_by)}
        for one in ids:
            if one not in heads:
                raise NotFoundError(Phrase("there is no campaign {id}", id=one))
        known: dict[str, Template] = {}  # the newest version of each, read once
        return [self._compared(heads[one], known) for one in ids]

    def _compared(self, head: CampaignHead, known: dict[str, Template]) -> Compared:
        spec, counts = shown_spec(head), Results.of(head.results).total
        subject = self._subject(head, spec, known)
        return Compared(head.id, spec.name, head.state, spec.template, subject, counts, rates_of(counts))

    def _template(self, head: CampaignHead, spec: Campaign, known: dict[str, Template]) -> Template:
        frozen = frozen_of(head)
        if frozen is not None:
            return self.inputs.edition(spec, frozen).template
        if spec.template not in known:
            known[spec.template] = self.inputs.edition(spec, None).template
        return known[spec.template]

    def _subject(self, head: CampaignHead, spec: Campaign, known: dict[str, Template]) -> str | None:
        try:
            template = self._template(head, spec, known)
            made = self.renderer.render(
                template,
                channel="email",
                locale=own_locale(spec, template),
                context={**template.sample.context, **spec.context},
                user=template.sample.user,
                service=template.sample.service,
            )
        except (NotFoundError, RenderError):
            return None
        return made.parts.get("subject")


def differences(compared: Sequence[Compared]) -> list[Difference]:
    """Of each measure the highest against each that is surely lower (`proportions`)."""
    found = []
    pairs = len(list(combinations(compared, 2)))
    for measure in COMPARED:
        shares = [(one, share_of(one.counts, measure)) for one in compared]
        best, highest = max(shares, key=lambda pair: pair[1].rate, default=(None, None))
        for one, share in shares:
            if best is None or highest is None or one is best:
                continue
            p = p_of(highest, share)
            if p is not None and p * pairs < SURE:
                found.append(Difference(measure, best, one))
    return found
