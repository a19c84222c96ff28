"""Stores a version of a template, for the API and the managers' pages; finds first who would be refused by it: services
by what they sent lately, event rules, settings, campaigns. Checks and previews are counted by manager or key: having
unsaved work rendered costs the most that a call may cost (ADR 0071)."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from pydantic import ValidationError

from chalicelib.campaigns.letter_mistakes import letter_errors
from chalicelib.campaigns.model import shown_spec
from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.errors import (
    FieldError,
    InvalidError,
    NotFoundError,
    Phrase,
    TooManyRequestsError,
    WouldBreakError,
    all_said,
)
from chalicelib.etags import Seen
from chalicelib.manifest import ChannelSpec
from chalicelib.pipeline.digest import TEMPLATE as DIGEST_TEMPLATE
from chalicelib.rendering.checks import check, narrowed
from chalicelib.rendering.context import check_context
from chalicelib.rendering.documents.document_sources import at_blocks, with_sources
from chalicelib.rendering.dry_run import try_letter
from chalicelib.rendering.finishing import missing_content
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.storage.allowances import Allowances
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.notifications import newest
from chalicelib.storage.requests import StoredRequest, read_requests
from chalicelib.storage.unfinished_campaigns import unfinished_campaigns
from chalicelib.validation import invalid

DAYS = 7  # what was sent within so many
_PAGES = 10  # of at most a hundred notifications of one day
_REQUESTS = 100  # one read
_MAX_SECONDS = 5.0  # of CPU time; a call must be answered within 29
_PAGE = 100
_LOOKED_AT = 500  # the newest ones
_DRAFT = 1  # every version that is not stored yet has this number

LINK_TIMES = 10  # each may call thirty servers
TIMES = 60  # as fast as a preview follows typing, for half of every minute
_MINUTES = 1


class DraftAllowance:
    """`by`: a manager's key or an API key's id."""

    def __init__(self, allowances: Allowances) -> None:
        self._allowances = allowances

    def preview(self, by: str) -> None:
        """Takes one preview. Raises: TooManyRequestsError (later), UnavailableError (retryable)."""
        self._take("preview", by)

    def check(self, by: str) -> None:
        """Takes one check of what is to be stored; previews do not use it up. Raises: as `preview`."""
        self._take("check", by)

    def links(self, by: str) -> None:
        """Takes one check that calls the servers of a letter's links. Raises: as `preview`."""
        self._take("links", by, times=LINK_TIMES)

    def _take(self, what: str, by: str, *, times: int = TIMES) -> None:
        try:
            self._allowances.take(f"{what}#{by}", times=times, minutes=_MINUTES)
        except TooManyRequestsError as error:
            seconds = error.retry_after_seconds
            if what == "preview":
                detail = Phrase(
                    "expected at most {times} previews a minute: try again in {seconds} seconds",
                    times=TIMES,
                    seconds=seconds,
                )
            else:
                detail = Phrase(
                    "expected at most {times} checks a minute: try again in {seconds} seconds",
                    times=times,
                    seconds=seconds,
                )
            raise TooManyRequestsError(detail, retry_after_seconds=seconds) from None


def read_draft(key: str, body: Mapping[str, Any]) -> Template:
    """A template in JSON, its documents compiled. Raises: InvalidError (permanent; every mistake by its place)."""
    documents, locales = body.get("documents") or {}, body.get("locales") or {}
    known = {**{locale: {} for locale in documents}, **locales}
    try:
        template = Template.model_validate({**body, "locales": known, "key": key, "version": _DRAFT})
    except ValidationError as error:
        raise invalid(error) from error
    return with_sources(template)


class TemplateChanges(Composed):
    """`new_renderer` makes one with an empty cache."""

    templates: TemplateStore
    impact: "TemplateImpact"
    new_renderer: Callable[[], Renderer]
    channels: Mapping[str, ChannelSpec]
    drafts: DraftAllowance

    def read(self, key: str, body: Mapping[str, Any]) -> Template:
        """A template that is not stored, with all the mistakes of its letters. Raises: InvalidError (permanent)."""
        template = read_draft(key, body)
        if template.category not in CATEGORIES:
            raise InvalidError.of("category", Phrase("expected one of {known}", known=", ".join(CATEGORIES)))
        return template

    def draft(self, key: str, body: Mapping[str, Any]) -> Template:
        """A template that is not stored, checked in every locale with its own sample. Raises: InvalidError (permanent;
        every mistake by its place)."""
        template = self.read(key, body)
        found = check(template, renderer=self.new_renderer(), channels=self.channels)
        if mistakes := at_blocks(found, template):
            raise InvalidError(Phrase("the template fails its check"), mistakes)
        return template

    def add(
        self, key: str, body: Mapping[str, Any], *, by: str, seen: Seen | None = None, confirmed: bool = False
    ) -> Template:
        """Stores a new version; not one that fails its check, nor one that accepts less than the previous one unless
        `confirmed`. Raises: InvalidError, ChangedError, WouldBreakError, ConflictError (permanent),
        TooManyRequestsError (later), UnavailableError (retryable)."""
        self.drafts.check(by)
        draft = self.draft(key, body)
        if not confirmed:
            self._require_no_less(draft, seen)
        return self.templates.add(draft, by=by, seen=seen)

    def _require_no_less(self, draft: Template, seen: Seen | None) -> None:
        try:
            before = self.templates.get(draft.key)
        except NotFoundError:
            return
        if seen is not None:  # a change meanwhile is reported first
            seen.require(before.fields, what=Phrase("the template {key}", key=draft.key))
        less = narrowed(before, draft) or self._refused_sample(before, draft)
        users = [*self.impact.refused_campaigns(before, draft), *self.impact.refused_callers(before, draft)]
        if less:
            users += self.impact.using(draft.key)
        if less or users:
            confirm = FieldError(
                "confirm", Phrase("it accepts less than the version in force: are those who use it ready?")
            )
            raise WouldBreakError(Phrase("those who use the template would be refused"), [confirm, *less, *users])

    def _refused_sample(self, before: Template, draft: Template) -> list[FieldError]:
        """What no declaration shows: a source uses a variable that callers need not send, or needs more of it."""
        given = draft.model_copy(update={"sample": before.sample})
        found = check(given, renderer=self.new_renderer(), channels=self.channels)
        return [
            FieldError(one.field, Phrase("with the sample of the version before: {why}", why=why))
            for one in found
            if (why := one.message)
        ]


class TemplateImpact(Composed):
    """Who uses a template: campaigns, of which it looks at the newest, event rules, settings, and services."""

    site: SiteSettings
    campaigns: Campaigns
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

    def refused_callers(self, before: Template, after: Template) -> Iterator[FieldError]:
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

    def refused_campaigns(self, before: Template, after: Template) -> Iterator[FieldError]:
        """Unfinished ones of which no letter could be made any more. A run that has begun keeps its version, as does an
        approved campaign. Raises: UnavailableError (retryable)."""
        for head in islice(unfinished_campaigns(self.campaigns), _LOOKED_AT):
            spec = shown_spec(head)
            if spec.template != after.key or head.approved is not None:
                continue
            errors = letter_errors(spec, after, renderer=self.renderer)
            if errors and not letter_errors(spec, before, renderer=self.renderer):
                why = Phrase("{field}: {why}", field=spec.name, why=all_said(errors))
                yield FieldError(f"campaigns.{head.id}", why)
