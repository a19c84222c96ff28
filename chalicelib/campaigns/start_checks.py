"""What must be right before a campaign is accepted, and before it starts: everything that can be known to be wrong is
reported while the caller listens, with the field's name."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.campaigns.audience_checks import AudienceChecks
from chalicelib.campaigns.audience_estimate import estimate
from chalicelib.campaigns.audience_sources import Sources
from chalicelib.campaigns.campaign_files import CampaignFiles
from chalicelib.campaigns.content_source import Content
from chalicelib.campaigns.experiment_checks import VARIANTS_FIELD, experiment_errors, variant_errors
from chalicelib.campaigns.letter_mistakes import letter_errors, lint_errors
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.schedule import RECIPIENT
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.errors import FieldError, InvalidError, NotFoundError, Phrase, phrase_of
from chalicelib.manifest import CHANNELS
from chalicelib.rendering.checks import check
from chalicelib.rendering.model import Template, Version
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.security.public_addresses import check_url
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage.audience_counts import audience_count
from chalicelib.storage.campaign_head import CampaignHead, HeadChanges

if TYPE_CHECKING:
    pass

_PAGE = 500
_MAX_PAGES = 200  # how far a start looks for the first recipient


class StartChecks(Composed):
    """With `private_addresses`, content sources may be in the internal network; without `opens_measured` openings of
    e-mails are not counted."""

    templates: TemplateStore
    renderer: Renderer
    audiences: AudienceChecks
    sources: Sources
    files: CampaignFiles
    clock: Clock
    private_addresses: bool
    opens_measured: bool

    def estimated(self, head: CampaignHead, spec: Campaign) -> HeadChanges:
        """About how many recipients it has, to be kept at its head: the calendar says it. Raises: UnavailableError
        (retryable)."""
        about = estimate(head, spec, self.sources)
        return {} if about is None else {"audience_count": audience_count(head, about)}

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
            *self.audiences.errors(spec.audience, sight=sight),
            *self._source_errors(spec.content),
            *self._experiment_errors(spec),
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

    def _experiment_errors(self, spec: Campaign) -> list[FieldError]:
        if spec.experiment is None:
            return []
        errors = experiment_errors(spec, spec.experiment, opens_measured=self.opens_measured)
        try:
            own = self.template(spec.template)
        except InvalidError:
            return errors  # which is told as the campaign's
        for n, one in enumerate(spec.experiment.variants):
            try:
                template = self.template(one.template) if one.template else own
            except InvalidError as error:
                errors += [mistake._replace(field=f"{VARIANTS_FIELD}[{n}].template") for mistake in error.errors]
            else:
                errors += variant_errors(spec, n, own, template, renderer=self.renderer)
        return errors

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
        if spec.best_hour and spec.audience.joined_lists:
            errors.append(
                FieldError("best_hour", Phrase("an uploaded list has no attributes: expected a rule or everyone"))
            )
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
