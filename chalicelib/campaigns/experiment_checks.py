"""What must be right about an experiment before it is accepted, with the field's name: every variant must make a letter
as the campaign itself must, and be fair to the others: for the same people, languages and channels."""

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.campaigns.experiment import VARIANTS, Experiment
from chalicelib.campaigns.languages import own_locale, tag_errors
from chalicelib.campaigns.letter_mistakes import letter_errors, lint_errors
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.schedule import RECIPIENT
from chalicelib.campaigns.variant_letters import variant_spec
from chalicelib.errors import FieldError, Phrase, TooLargeError
from chalicelib.rendering.json_value import check_size
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer

FIELD = "experiment"
VARIANTS_FIELD = f"{FIELD}.variants"


def experiment_errors(spec: Campaign, experiment: Experiment, *, opens_measured: bool) -> list[FieldError]:
    """What is wrong whatever its letters are."""
    errors = [FieldError(FIELD, why) for why in _excluded_by(spec)]
    if experiment.winner_by == "opens" and not opens_measured:
        why = Phrase("openings of e-mails are not measured here: expected clicks, or hand")
        errors.append(FieldError(f"{FIELD}.winner_by", why))
    if experiment.winner_by == "clicks" and not spec.track_clicks:
        why = Phrase("clicks in its e-mails are not counted (`track_clicks`): expected opens, or hand")
        errors.append(FieldError(f"{FIELD}.winner_by", why))
    if experiment.winner_by == "hand" and experiment.share_percent == 100:
        why = Phrase("nobody is left to get the winner: expected less, or opens or clicks as the criterion")
        errors.append(FieldError(f"{FIELD}.share_percent", why))
    if spec.expires_after_hours is not None and spec.expires_after_hours * 3600 <= experiment.waits.total_seconds():
        why = Phrase("the rest would expire before it is sent: expected less, or a later `expires_after_hours`")
        errors.append(FieldError(f"{FIELD}.decide_after_hours", why))
    try:
        overlays = [(one.context, one.translations) for one in experiment.variants]
        check_size([spec.context, spec.translations, overlays], VARIANTS_FIELD)
    except TooLargeError as error:
        errors += error.errors
    seen: dict[str, int] = {}
    for n, one in enumerate(experiment.variants):
        same = seen.setdefault(one.model_dump_json(exclude={"name"}), n)
        if same != n:
            errors.append(FieldError(f"{VARIANTS_FIELD}[{n}]", Phrase("it is the same as {name}", name=VARIANTS[same])))
    return errors


def variant_errors(
    spec: Campaign, n: int, own: Template, template: Template, *, renderer: Renderer
) -> list[FieldError]:
    """Why no letter of the nth variant can be made with its template, or why it could not be compared."""
    errors = [*_template_errors(own, template), *_subject_errors(spec, n, template), *_language_errors(spec, n)]
    one = variant_spec(spec, VARIANTS[n])
    found = letter_errors(one, template, renderer=renderer) or lint_errors(one, template, renderer=renderer)
    known = own_mistakes(spec, own, renderer=renderer) if found else set()
    errors += [mistake for mistake in found if mistake not in known]
    return [mistake._replace(field=f"{VARIANTS_FIELD}[{n}].{mistake.field}") for mistake in errors]


def own_mistakes(spec: Campaign, template: Template, *, renderer: Renderer) -> set[FieldError]:
    """Those of the campaign itself, which are told as its own."""
    return {*letter_errors(spec, template, renderer=renderer), *lint_errors(spec, template, renderer=renderer)}


def _excluded_by(spec: Campaign) -> Iterator[Phrase]:
    if spec.canary_percent is not None:
        yield Phrase("a campaign has either a canary or an A/B test: expected one of them")
    if spec.timezone == RECIPIENT:
        yield Phrase("it cannot be decided for each time zone ({own})", own=RECIPIENT)
    if spec.best_hour:
        yield Phrase("it cannot be decided for each recipient's best hour")


def _template_errors(own: Template, template: Template) -> Iterator[FieldError]:
    if lacking := [one for one in own.written_for if one not in template.written_for]:
        why = Phrase("expected a template that is written for {channels} too", channels=", ".join(lacking))
        yield FieldError("template", why)
    if foreign := [one for one in own.locales if one not in template.locales]:
        why = Phrase("expected a template in the same languages: it lacks {languages}", languages=", ".join(foreign))
        yield FieldError("template", why)


def _subject_errors(spec: Campaign, n: int, template: Template) -> Iterator[FieldError]:
    assert spec.experiment is not None  # noqa: S101 - whoever asks has variants
    one, own = spec.experiment.variants[n], own_locale(spec, template)
    yield from (*tag_errors(one.subject, "subject"), *tag_errors(one.subjects, "subjects"))
    if one.subjects and one.subject is None:
        yield FieldError("subject", Phrase("expected one in the campaign's own language too"))
    for locale in one.subjects:
        if locale == own:
            why = Phrase("it is the campaign's own language: expected it in `subject`")
            yield FieldError(f"subjects.{locale}", why)
        elif locale not in template.locales:
            known = ", ".join(template.locales)
            why = Phrase("the template {key} is written in: {known}", key=template.key, known=known)
            yield FieldError(f"subjects.{locale}", why)
    if one.subject is not None and "email" not in (spec.channels or template.channels):
        yield FieldError("subject", Phrase("the campaign sends no e-mail: nobody would see it"))


def _language_errors(spec: Campaign, n: int) -> Iterator[FieldError]:
    """What is translated in the campaign must be in a variant that has other words: else its readers in that language
    would get the same as all others."""
    assert spec.experiment is not None  # noqa: S101 - likewise
    one = spec.experiment.variants[n]
    missing = Phrase("expected it in this language too, as the campaign has it")
    for locale, texts in spec.translations.items():
        if one.subject is not None and locale not in one.subjects:
            yield FieldError(f"subjects.{locale}", missing)
        theirs: Mapping[str, Any] = one.translations.get(locale, {})
        for name in one.context:
            if name in texts and name not in theirs:
                yield FieldError(f"translations.{locale}.{name}", missing)
