"""Who would be refused if a template became another: services by what they sent lately, rules of events, settings."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from chalicelib.clock import Clock
from chalicelib.control.site_settings import SiteSettings
from chalicelib.errors import FieldError, InvalidError
from chalicelib.pipeline.by_day import Span, newest
from chalicelib.pipeline.digest import CALLER as DIGEST_CALLER
from chalicelib.rendering.context import check_context
from chalicelib.rendering.model import Template
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.ledger import REQUEST_PART, LedgerRow, RequestRow

DAYS = 7  # what was sent within so many
_PAGES = 10  # of at most a hundred notifications of one day
_REQUESTS = 100  # one read


class TemplateUsers:
    """Who uses the templates of one stage, but for campaigns."""

    def __init__(self, *, site: SiteSettings, clock: Clock) -> None:
        self._site = site
        self._clock = clock

    def refused(self, after: Template) -> Iterator[FieldError]:
        """Those who use the template now. Their data comes with an event, so that of rules only that they are there
        can be said. Raises: UnavailableError (retryable)."""
        site = self._site.current(fresh=True)
        for event, rule in site.event_rules.items():
            for n, step in enumerate(rule.steps):
                if step.template == after.key:
                    yield FieldError(f"event_rules.{event}.steps[{n}]", "this rule sends it")
        if site.confirmation_again.template == after.key:
            yield FieldError("confirmation_again", "this setting sends it")
        for caller, (bad, all_) in self._callers(after).items():
            if caller == DIGEST_CALLER:
                yield FieldError("digest", "the digest is made with it")
            elif bad:
                yield FieldError(f"callers.{caller}", f"{bad} of its last {all_} requests would be refused")

    def _callers(self, after: Template) -> dict[str, tuple[int, int]]:
        """Of each that sent it lately: how many of the requests that were looked at would be refused, and how many
        there were."""
        asked: Counter[str] = Counter()
        bad: Counter[str] = Counter()
        for row in self._lately(after.key):
            asked[row.caller] += 1
            try:
                check_context(after, row.letter["context"])
            except InvalidError:
                bad[row.caller] += 1
        return {caller: (bad[caller], n) for caller, n in asked.most_common()}

    def _lately(self, key: str) -> list[RequestRow]:
        end = self._clock()
        span, place, ids = Span(end - timedelta(days=DAYS), end), None, dict[str, None]()
        with reaching_dynamodb():
            for _ in range(_PAGES):
                heads, place = newest(span, place)
                ids |= dict.fromkeys(str(head.request_id) for head in heads if head.template == key)
                if place is None or len(ids) >= _REQUESTS:
                    break
            wanted = [(one, REQUEST_PART) for one in ids][:_REQUESTS]
            return [row for row in LedgerRow.batch_get(wanted) if isinstance(row, RequestRow)] if wanted else []
