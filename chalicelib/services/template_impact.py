"""Who would be refused by a new version of a template: services by what they sent lately, event rules, settings."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.errors import FieldError, InvalidError, Phrase
from chalicelib.pipeline.digest import TEMPLATE as DIGEST_TEMPLATE
from chalicelib.rendering.context import check_context
from chalicelib.rendering.dry_run import try_letter
from chalicelib.rendering.finishing import missing_content
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer
from chalicelib.storage.notifications import newest
from chalicelib.storage.requests import StoredRequest, read_requests

DAYS = 7  # what was sent within so many
_PAGES = 10  # of at most a hundred notifications of one day
_REQUESTS = 100  # one read
_MAX_SECONDS = 5.0  # of CPU time; a call must be answered within 29


class TemplateImpact(Composed):
    """The users of templates, apart from campaigns."""

    site: SiteSettings
    clock: Clock
    renderer: Renderer

    def using(self, key: str) -> Iterator[FieldError]:
        """Those of whom only the use is known, since their data come with an event. Raises: UnavailableError
        (retryable)."""
        site = self.site.current(fresh=True)
        for event, rule in site.event_rules.items():
            for n, step in enumerate(rule.steps):
                if step.template == key:
                    yield FieldError(f"event_rules.{event}.steps[{n}]", Phrase("this rule sends it"))
        if site.confirmation_again.template == key:
            yield FieldError("confirmation_again", Phrase("this setting sends it"))
        if key == DIGEST_TEMPLATE:
            yield FieldError("digest", Phrase("the digest is made with it"))

    def refused(self, before: Template, after: Template) -> Iterator[FieldError]:
        """Those who would be refused if they repeated what they sent lately. Raises: UnavailableError (retryable)."""
        asked: Counter[str] = Counter()
        bad: Counter[str] = Counter()
        deadline = time.thread_time() + _MAX_SECONDS
        for row in self._lately(after.key):
            if time.thread_time() > deadline:
                break  # what is told is of those that were tried
            asked[row.caller] += 1
            context = row.letter["context"]
            bad[row.caller] += self._refuses(after, context) and not self._refuses(before, context)
        for caller, n in asked.most_common():
            if bad[caller]:
                yield FieldError(
                    f"callers.{caller}",
                    Phrase("{bad} of its last {all} requests would be refused", bad=bad[caller], all=n),
                )

    def _refuses(self, template: Template, context: Mapping[str, Any]) -> bool:
        try:
            check_context(template, context)
        except InvalidError:
            return True
        missing = missing_content(template, context)
        return bool(missing or try_letter(template, context, channels=template.channels, renderer=self.renderer))

    def _lately(self, key: str) -> list[StoredRequest]:
        end, place, ids = self.clock(), None, dict[str, None]()
        for _ in range(_PAGES):
            heads, place = newest(end - timedelta(days=DAYS), end, place)
            ids |= dict.fromkeys(str(head.request_id) for head in heads if head.template == key)
            if place is None or len(ids) >= _REQUESTS:
                break
        return read_requests(list(ids)[:_REQUESTS])
