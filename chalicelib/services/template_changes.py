"""Stores a version of a template, for the API and the managers' pages."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from chalicelib.accounts.draft_allowance import DraftAllowance
from chalicelib.categories import CATEGORIES
from chalicelib.composed import Composed
from chalicelib.errors import FieldError, InvalidError, NotFoundError, Phrase, WouldBreakError
from chalicelib.etags import Seen
from chalicelib.manifest import ChannelSpec
from chalicelib.rendering.checks import check
from chalicelib.rendering.compatibility import narrowed
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.validation import invalid

_DRAFT = 1  # every version that is not stored yet has this number


class TemplateChanges(Composed):
    """`new_renderer` makes one with an empty cache; each of `refused` finds some users whom a new version would refuse
    and the previous one does not; each of `using` finds some of whom only the use of the template is known."""

    templates: TemplateStore
    refused: Sequence[Callable[[Template, Template], Iterable[FieldError]]]
    using: Sequence[Callable[[str], Iterable[FieldError]]]
    new_renderer: Callable[[], Renderer]
    channels: Mapping[str, ChannelSpec]
    drafts: DraftAllowance

    def draft(self, key: str, body: Mapping[str, Any]) -> Template:
        """A template that is not stored, checked in every locale with its own sample. Raises: InvalidError (permanent;
        every mistake by its place)."""
        try:
            template = Template.model_validate({**body, "key": key, "version": _DRAFT})
        except ValidationError as error:
            raise invalid(error) from error
        if template.category not in CATEGORIES:
            raise InvalidError.of("category", Phrase("expected one of {known}", known=", ".join(CATEGORIES)))
        mistakes = check(template, renderer=self.new_renderer(), channels=self.channels)
        if mistakes:
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
        users = [one for refused in self.refused for one in refused(before, draft)]
        if less:
            users += [one for using in self.using for one in using(draft.key)]
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
