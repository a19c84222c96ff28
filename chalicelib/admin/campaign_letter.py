"""The letter of a campaign as readers would get it: of a stored one, and of what its form holds, for the frame beside
it."""

from collections.abc import Mapping
from typing import Any

from chalice.app import Response
from pydantic import ValidationError

from chalicelib.admin.audience_form import one
from chalicelib.admin.campaign_texts import read_texts
from chalicelib.admin.letter_preview import LetterPreview, framed, framed_refusal, language_of, letter_for
from chalicelib.admin.views import Visit, page, preview
from chalicelib.campaigns.approval import frozen_of
from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.campaigns.variant_letters import languages_in, variant_spec
from chalicelib.errors import InvalidError, TooManyRequestsError, all_said
from chalicelib.pipeline.letter_parts import in_language
from chalicelib.rendering.model import Template
from chalicelib.rendering.template_store import Edition
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.validation import invalid


def letter_of(
    whole: Campaign, edition: Edition, *, user_id: str, locale: str, variant: str | None = None
) -> LetterPreview:
    """As a reader of this language gets it, of this variant; of no language, in the user's own. Raises:
    UnavailableError (retryable)."""
    spec, template, layout = variant_spec(whole, variant), edition.template, stage().templates.layout(edition.layout)
    languages = languages_in(whole, variant, template)
    wanted = locale or language_of(user_id) or spec.locale or settings().default_locale
    used, texts = in_language(languages, template, wanted, spec.locale)
    context = {**letter_context(spec, template), **texts}
    letter = letter_for(template, context, user_id=user_id, locale=used, renderer=stage().renderer, layout=layout)
    subject = languages.subjects.get(used) if languages else None
    return letter._replace(subject=subject) if subject and not letter.problem else letter


def letter_context(spec: Campaign, template: Template) -> Mapping[str, Any]:
    """Its texts; the sample's for what only a content source knows, or nobody has written yet."""
    return {**template.sample.context, **spec.context}


@page("/admin/campaigns/{id}/letter", shows="campaign.letter")
def campaign_letter(visit: Visit) -> Response:
    """The letter alone, for the frames of the check page."""
    head = stage().campaigns.get(visit.path["id"])
    spec, variant = spec_of(head), visit.query.get("variant") or None
    variant_spec(spec, variant)  # there is such a variant
    edition = stage().campaign_inputs.variant_edition(spec, variant, frozen_of(head))  # as a run would send it
    asked = {"user_id": visit.query.get("user", ""), "locale": visit.query.get("letter", "")}
    letter = letter_of(spec, edition, variant=variant, **asked)
    return framed(letter, language=visit.locale, with_subject=variant is not None)


@preview("/admin/campaigns/preview")
def preview_campaign(visit: Visit) -> Response:
    """The letter of what the form holds, unfinished as it may be."""
    try:
        stage().draft_allowance.preview(visit.manager.key)
    except TooManyRequestsError as error:
        return framed_refusal(error, language=visit.locale)
    edition = stage().templates.edition(visit.typed("template"))
    try:
        spec = _unfinished(visit, edition.template)
        letter = letter_of(spec, edition, user_id="", locale=visit.typed("letter"))
    except InvalidError as error:
        letter = LetterPreview(visit.locale, problem=all_said(error.errors) if error.errors else error.detail)
    return framed(letter, language=visit.locale, with_subject=True)


def _unfinished(visit: Visit, template: Template) -> Campaign:
    body = {
        "name": "-",
        "template": template.key,
        "audience": {"everyone": True},
        "locale": one(visit.form, "locale") or None,
        "untranslated": one(visit.form, "untranslated") or None,
        **read_texts(visit.form, template),
    }
    try:
        return Campaign.model_validate(body)
    except ValidationError as error:
        raise invalid(error) from error
