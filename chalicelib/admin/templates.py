"""Templates: the gallery, one with its preview and versions, saved, restored, sent as a test. Letters made of blocks
are written in the block editor (`letter_editor.py`), others as sources."""

from collections.abc import Mapping
from typing import Any

from chalice.app import Response

from chalicelib.accounts.managers import Role
from chalicelib.admin.letter_editor import body_of, drafted_letter, editor_page, is_of_blocks
from chalicelib.admin.letter_form import languages_of
from chalicelib.admin.letter_preview import LetterPreview, framed, framed_refusal, letter_for, texts_of
from chalicelib.admin.template_fields import asked_version, common_values, fields_of, read_about, typed_sources
from chalicelib.admin.templating import Go, Page
from chalicelib.admin.views import Visit, action, page, preview
from chalicelib.errors import InvalidError, TooManyRequestsError, all_said
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.rendering.model import Template
from chalicelib.services.template_changes import read_draft
from chalicelib.settings import settings
from chalicelib.stage.app import stage


@page("/admin/templates")
def template_list(visit: Visit) -> Page:
    """Every template in its current version, or those with a word in their title."""
    known, word = stage().templates.everything(), visit.query.get("q", "").strip()
    found = [one for one in known if word.casefold() in f"{one.title} {one.key}".casefold()]
    return Page("templates", {"templates": found, "q": word})


@page("/admin/templates/{key}")
def template_page(visit: Visit) -> Page:
    """One version with its letter, and the changes since the previous one; the newest to be edited."""
    newest = stage().templates.get(visit.path["key"])
    asked = visit.query.get("version") or visit.typed("version")  # typed: it was to be brought back
    template = stage().templates.get(newest.key, asked_version(asked)) if asked else newest
    if is_of_blocks(visit, template):
        return editor_page(visit, template, newest)
    wanted = visit.query.get("letter") or visit.typed("letter") or settings().default_locale
    shown = {
        **common_values(visit, template, newest),
        "letter": template.choose_locale(wanted),
        "texts": list(texts_of(template, template.sample.context)),
    }
    return Page("template", shown)


@page("/admin/templates/{key}/sample")
def template_sample(visit: Visit) -> Response:
    """The letter of its example, for lists of templates."""
    template, locale = stage().templates.get(visit.path["key"]), visit.locale
    letter = letter_for(template, template.sample.context, user_id="", locale=locale, renderer=stage().renderer)
    return framed(letter, language=locale)


@page("/admin/templates/{key}/letter", shows="template.letter")
def template_letter(visit: Visit) -> Response:
    """The letter of a stored version, for those who may not edit it; as a real user, if one is named."""
    asked = visit.query.get("version")
    template = stage().templates.get(visit.path["key"], asked_version(asked) if asked else None)
    letter = letter_for(
        template,
        template.sample.context,
        user_id=visit.query.get("user", "").strip(),
        locale=visit.query.get("letter") or settings().default_locale,
        renderer=stage().renderer,
    )
    return framed(letter, language=visit.locale, with_subject=True, look=visit.query.get("look", ""))


@preview("/admin/templates/{key}/preview", shows="template.letter")
def preview_template(visit: Visit) -> Response:
    """The letter of what the form holds, for the frame beside it; as a real user, if one is named."""
    try:
        stage().draft_allowance.preview(visit.manager.key)
    except TooManyRequestsError as error:
        return framed_refusal(error, language=visit.locale)
    base = stage().templates.get(visit.path["key"])
    locale = visit.typed("letter") or settings().default_locale
    told: list[str] = []
    try:
        if languages_of(visit.form):
            letter, told = drafted_letter(visit, base, locale=locale)
        else:
            draft = read_draft(base.key, typed_body(visit, base))
            letter = letter_for(
                draft, draft.sample.context, user_id=visit.typed("user"), locale=locale, renderer=stage().new_renderer()
            )
    except InvalidError as error:
        letter = LetterPreview(locale, problem=all_said(error.errors) if error.errors else error.detail)
    return framed(letter, language=visit.locale, with_subject=True, look=visit.typed("look"), notes=told)


@action("/admin/templates/{key}", role=Role.EDITOR, does="template.write", again=template_page)
def write_template(visit: Visit) -> Go:
    """Stores a new version, checked in every language; letters on their way keep theirs."""
    key = visit.path["key"]
    base = stage().templates.get(key)
    return _saved(_store(visit, key, body_of(visit, base) if languages_of(visit.form) else typed_body(visit, base)))


@action("/admin/templates/{key}/restore", role=Role.EDITOR, does="template.restore", again=template_page)
def restore_template(visit: Visit) -> Go:
    """An earlier version again, as the newest."""
    key = visit.path["key"]
    earlier = stage().templates.get(key, asked_version(visit.typed("version")))
    return _saved(_store(visit, key, fields_of(earlier)))


@action("/admin/templates/{key}/test", role=Role.EDITOR, does="template.test", again=template_page)
def test_template(visit: Visit) -> Go:
    """Sends the shown version, with its sample, to one address."""
    key, shown = visit.path["key"], visit.typed("version")
    newest = stage().templates.edition(key)
    edition = newest._replace(template=stage().templates.get(key, asked_version(shown))) if shown else newest
    template = edition.template
    request = NotificationRequest(
        template=template.key, recipients=(visit.recipient,), context=dict(template.sample.context)
    )
    stage().accept.accept(request, caller=visit.manager.key, key=None, edition=edition)
    return Go(f"/admin/templates/{key}{f'?version={shown}' if shown else ''}", done="tested")


def _store(visit: Visit, key: str, body: Mapping[str, Any]) -> Template:
    confirmed = visit.typed("confirm") == "yes"
    return stage().template_changes.add(key, body, by=visit.manager.key, seen=visit.seen, confirmed=confirmed)


def _saved(template: Template) -> Go:
    return Go(f"/admin/templates/{template.key}?version={template.version}", done="saved")


def typed_body(visit: Visit, base: Template) -> dict[str, Any]:
    """The template with what the form holds; what the form does not show stays. Raises: InvalidError (permanent)."""
    return {**fields_of(base), **read_about(visit, base), "locales": typed_sources(visit, base)}
