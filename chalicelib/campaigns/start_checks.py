"""What must be right before a campaign is accepted, and before it starts: everything that can be known to be wrong is
reported while the caller listens, with the field's name."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.campaigns.campaign_files import CampaignFiles
from chalicelib.campaigns.content_source import Content
from chalicelib.campaigns.languages import text_errors
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.recipient_sources import Sources
from chalicelib.campaigns.schedule import RECIPIENT
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.errors import FieldError, InvalidError, NotFoundError, Phrase, phrase_of
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.letter_plan import check_letter
from chalicelib.pipeline.requests import NotificationRequest, Recipient
from chalicelib.rendering.checks import check
from chalicelib.rendering.model import Template, Version
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.security.public_addresses import check_url
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.states import ListState, state_word
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.recipient_lists import RecipientLists

if TYPE_CHECKING:
    from chalicelib.rendering.lint.lint import Occasion

_PAGE = 500
_MAX_PAGES = 200  # how far a start looks for the first recipient


class StartChecks(Composed):
    """With `private_addresses`, content sources may be in the internal network."""

    templates: TemplateStore
    renderer: Renderer
    lists: RecipientLists
    campaigns: Campaigns
    sources: Sources
    files: CampaignFiles
    clock: Clock
    private_addresses: bool

    def check(
        self,
        spec: Campaign,
        *,
        known_start: datetime | None = None,
        version: Version | None = None,
        sight: Sight = EVERYTHING,
    ) -> None:
        """`known_start` was a future time when it was written, and may have passed since; `version` is the template's
        that is sent (None: the newest); lists and campaigns outside `sight` do not exist. Raises: InvalidError
        (permanent) with every bad field, UnavailableError (retryable)."""
        errors = [
            *self._letter_errors(spec, version),
            *self._time_errors(spec, known_start),
            *self._audience_errors(spec, sight),
            *self._source_errors(spec.content),
        ]
        if errors:
            names = ", ".join(dict.fromkeys(error.field for error in errors))
            raise InvalidError(Phrase("the campaign is not as expected: {names}", names=names), errors)

    def check_start(self, spec: Campaign, *, version: Version | None = None) -> None:
        """All of `check`, and that the audience is not empty. Raises: InvalidError (permanent), UnavailableError
        (retryable)."""
        # A periodic campaign runs from `start_at` on, which may have passed.
        self.check(spec, known_start=spec.start_at if spec.schedule is not None else None, version=version)
        self.files.require(spec.attachments)
        # Who matches a rule on the day of a run is known only on that day (birthdays).
        if spec.schedule is None and not self._means_somebody(spec):
            raise InvalidError.of("audience", Phrase("expected at least one recipient: nobody is in this audience"))

    def template(self, key: str, version: Version | None = None) -> Template:
        """The template of a campaign. Raises: InvalidError (permanent), UnavailableError (retryable)."""
        try:
            return self.templates.get(key, version)
        except NotFoundError as error:
            known = ", ".join(self.templates.keys())
            raise InvalidError.of("template", Phrase("expected the key of a template: {known}", known=known)) from error

    def _letter_errors(self, spec: Campaign, version: Version | None) -> list[FieldError]:
        try:
            template = self.template(spec.template, version)
        except InvalidError as error:
            return list(error.errors)
        errors = [
            FieldError(
                "template",
                Phrase("it fails its check: {why}", why=mistake.said),
            )
            for mistake in check(template, renderer=self.renderer, channels=CHANNELS)
        ]
        errors += letter_errors(spec, template, renderer=self.renderer)
        return errors or lint_errors(spec, template, renderer=self.renderer)

    def _time_errors(self, spec: Campaign, known_start: datetime | None) -> list[FieldError]:
        errors = []
        if spec.start_at is not None and spec.start_at != known_start and spec.start_at < self.clock():
            errors.append(FieldError("start_at", Phrase("expected a time in the future")))
        if spec.timezone == RECIPIENT:
            if spec.start_at is None and spec.schedule is None:
                errors.append(FieldError("timezone", Phrase("{own} needs a time: start_at or schedule", own=RECIPIENT)))
            if spec.canary_percent is not None:
                errors.append(
                    FieldError("canary_percent", Phrase("it cannot be held for each time zone ({own})", own=RECIPIENT))
                )
        if spec.best_hour and spec.canary_percent is not None:
            errors.append(FieldError("canary_percent", Phrase("it cannot be held for each recipient's best hour")))
        if spec.best_hour and spec.audience.list_id is not None:
            errors.append(
                FieldError("best_hour", Phrase("an uploaded list has no attributes: expected a rule or everyone"))
            )
        return errors

    def _audience_errors(self, spec: Campaign, sight: Sight) -> list[FieldError]:
        errors = []
        if spec.audience.list_id is not None:
            try:
                state = self.lists.get(spec.audience.list_id, sight=sight).state
                if state != ListState.READY:
                    errors.append(
                        FieldError(
                            "audience.list_id",
                            Phrase("the list is {state}: expected one that is ready", state=state_word(state)),
                        )
                    )
            except NotFoundError as error:
                errors.append(FieldError("audience.list_id", error.detail))
        for n, campaign_id in enumerate(spec.audience.exclude_campaigns):
            try:
                self.campaigns.get(campaign_id, sight=sight)
            except NotFoundError as error:
                errors.append(FieldError(f"audience.exclude_campaigns[{n}]", error.detail))
        for campaign_id in sorted(spec.audience.rule.campaigns) if spec.audience.rule else ():
            try:
                self.campaigns.get(campaign_id, sight=sight)
            except NotFoundError as error:
                errors.append(FieldError("audience.rule", error.detail))
        return errors

    def _source_errors(self, content: Content | None) -> list[FieldError]:
        if content is None or self.private_addresses:
            return []
        try:
            check_url(content.url)
        except ValueError as error:
            return [FieldError("content.url", phrase_of(error))]
        return []

    def _means_somebody(self, spec: Campaign) -> bool:
        source = self.sources.of_spec(spec, run_id="preview", scheduled=self._scheduled(spec))
        cursor: dict[str, Any] | None = None
        for _ in range(_MAX_PAGES):
            page = source.page(shard=0, shards=1, cursor=cursor, limit=_PAGE)
            if page.targets:
                return True
            if page.cursor is None:
                return False
            cursor = page.cursor
        return True  # a large directory with few of them, or none: the run will show

    def _scheduled(self, spec: Campaign) -> datetime:
        return spec.start_at or self.clock()


def check_occasion(spec: Campaign, template: Template) -> "Occasion":
    """What the rules look at: the campaign's own texts; a content source's value is the sample's."""
    from chalicelib.rendering.lint.lint import Occasion

    return Occasion(
        context=_as_request(spec, template).context,
        translations=spec.translations,
        category=spec.category,
        cids=[one.inline for one in spec.attachments if one.inline],
    )


def lint_errors(spec: Campaign, template: Template, *, renderer: Renderer) -> list[FieldError]:
    """What readers must not get, in its letters in each language."""
    from chalicelib.rendering.lint.lint import lint
    from chalicelib.rendering.lint.severity import Severity

    letters = lint(template, renderer=renderer, occasion=check_occasion(spec, template))
    found = [one for letter in letters for one in letter.findings if one.severity is Severity.ERROR]
    return [
        one.mistake
        if one.place.startswith(("context", "translations"))
        else FieldError("template", Phrase("it fails its check: {why}", why=one.mistake.said))
        for one in found
    ]


def letter_errors(spec: Campaign, template: Template, *, renderer: Renderer) -> list[FieldError]:
    """Why no letter of a campaign can be made with a template."""
    errors = text_errors(spec, template)
    try:
        request, translations = _as_request(spec, template), spec.translations
        check_letter(request, template, renderer=lambda: renderer, translations=translations)
    except InvalidError as error:
        errors += error.errors or [FieldError("context", error.detail)]
    return errors + (_content_errors(spec.content, spec, template) if spec.content else [])


def _as_request(spec: Campaign, template: Template) -> NotificationRequest:
    """The campaign as one letter; the content source's value is taken from the template's sample."""
    context = dict(spec.context)
    if spec.content is not None and spec.content.name in template.sample.context:
        context[spec.content.name] = template.sample.context[spec.content.name]
    return NotificationRequest(
        template=spec.template,
        recipients=(Recipient(user_id="anyone"),),
        context=context,
        category=spec.category,
        channels=spec.channels,
        attachments=tuple(one.given for one in spec.attachments),
        lane="bulk",
    )


def _content_errors(content: Content, spec: Campaign, template: Template) -> list[FieldError]:
    errors = []
    variable = (template.variables or {}).get(content.name)
    if template.variables is not None and variable is None:
        errors.append(
            FieldError(
                "content.name", Phrase("the template {key} has no variable {name}", key=template.key, name=content.name)
            )
        )
    if content.name in spec.context:
        errors.append(FieldError("content.name", Phrase("the context has it already")))
    errors += [
        FieldError(f"translations.{locale}.{content.name}", Phrase("its value comes from the content source"))
        for locale, texts in spec.translations.items()
        if content.name in texts
    ]
    if content.on_failure == "send_without" and variable is not None and variable.required:
        errors.append(
            FieldError(
                "content.on_failure", Phrase("the template needs {name}: expected skip or retry", name=content.name)
            )
        )
    return errors
