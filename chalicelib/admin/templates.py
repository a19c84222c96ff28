"""Templates: shown, edited with a preview, compared, restored."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chalice.app import Response

from chalicelib.accounts.managers import Role
from chalicelib.admin.letter_preview import LetterPreview, framed, framed_refusal, letter_for, texts_of
from chalicelib.admin.templating import Go, Page
from chalicelib.admin.text_diff import Comparison
from chalicelib.admin.views import Visit, action, page, preview
from chalicelib.categories import CATEGORIES
from chalicelib.errors import InvalidError, NotFoundError, Phrase, TooManyRequestsError, all_said, phrase_of
from chalicelib.etags import tag_of
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.rendering.documents.document_sources import without_made
from chalicelib.rendering.model import AskedVersion, Template, Version, read_version
from chalicelib.services.template_changes import read_draft
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.text import strict_json

_JSON = ("variables", "sample", "nothing_without")  # what is typed as JSON
_MOST_VERSIONS = 20


@page("/admin/templates")
def template_list(visit: Visit) -> Page:
    """Every template in its current version."""
    return Page("templates", {"templates": stage().templates.everything(), "form": visit.form})


@action("/admin/templates", role=Role.EDITOR, does="template.add", again=template_list)
def add_template(visit: Visit) -> Go:
    """A new one starts as a copy."""
    key = visit.typed("key")
    if _is_known(key):
        raise InvalidError.of("key", Phrase("there is a template {key} already", key=key))
    return _saved(
        stage().template_changes.add(key, _fields(stage().templates.get(visit.typed("base"))), by=visit.manager.key)
    )


@page("/admin/templates/{key}")
def template_page(visit: Visit) -> Page:
    """One version with its sources, its letter, and the changes since the previous one."""
    key = visit.path["key"]
    newest = stage().templates.get(key)
    asked = visit.query.get("version") or visit.typed("version")  # typed: it was to be brought back
    template = stage().templates.get(key, _version(asked)) if asked else newest
    locale = template.choose_locale(visit.query.get("letter") or visit.typed("letter") or settings().default_locale)
    shown = {
        "template": template,
        "newest": newest.version,
        "seen": tag_of(newest.fields),
        "versions": _versions(newest),
        "shipped": stage().templates.shipped(key),
        "shipped_changed": newest.hides_other_than(stage().templates.shipped(key)),
        "letter": locale,
        "sources": _typed(visit, template),
        "about": _typed_about(visit, template),
        "categories": list(CATEGORIES),
        "changes": list(_changes(template)),
        "texts": list(texts_of(template, template.sample.context)),
    }
    return Page("template", shown)


@page("/admin/templates/{key}/letter", shows="template.letter")
def template_letter(visit: Visit) -> Response:
    """The letter of a stored version, for those who may not edit it; as a real user, if one is named."""
    asked = visit.query.get("version")
    template = stage().templates.get(visit.path["key"], _version(asked) if asked else None)
    letter = letter_for(
        template,
        template.sample.context,
        user_id=visit.query.get("user", "").strip(),
        locale=visit.query.get("letter") or settings().default_locale,
        renderer=stage().renderer,
    )
    return framed(letter, language=visit.locale, with_subject=True)


@preview("/admin/templates/{key}/preview", shows="template.letter")
def preview_template(visit: Visit) -> Response:
    """The letter of what the form holds, for the frame beside it; as a real user, if one is named."""
    try:
        stage().draft_allowance.preview(visit.manager.key)
    except TooManyRequestsError as error:
        return framed_refusal(error, language=visit.locale)
    base = stage().templates.get(visit.path["key"])
    locale = visit.typed("letter") or settings().default_locale
    try:
        draft = read_draft(base.key, _body(visit, base))
        letter = letter_for(
            draft, draft.sample.context, user_id=visit.typed("user"), locale=locale, renderer=stage().new_renderer()
        )
    except InvalidError as error:
        letter = LetterPreview(locale, problem=all_said(error.errors) if error.errors else error.detail)
    return framed(letter, language=visit.locale, with_subject=True)


@action("/admin/templates/{key}", role=Role.EDITOR, does="template.write", again=template_page)
def write_template(visit: Visit) -> Go:
    """Stores a new version, checked in every language; letters on their way keep theirs."""
    key = visit.path["key"]
    return _saved(_store(visit, key, _body(visit, stage().templates.get(key))))


@action("/admin/templates/{key}/restore", role=Role.EDITOR, does="template.restore", again=template_page)
def restore_template(visit: Visit) -> Go:
    """An earlier version again, as the newest."""
    key = visit.path["key"]
    earlier = stage().templates.get(key, _version(visit.typed("version")))
    return _saved(_store(visit, key, _fields(earlier)))


@action("/admin/templates/{key}/test", role=Role.EDITOR, does="template.test", again=template_page)
def test_template(visit: Visit) -> Go:
    """Sends the shown version, with its sample, to one address."""
    key, shown = visit.path["key"], visit.typed("version")
    newest = stage().templates.edition(key)
    edition = newest._replace(template=stage().templates.get(key, _version(shown))) if shown else newest
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


def _is_known(key: str) -> bool:
    try:
        stage().templates.get(key)
    except NotFoundError:
        return False
    return True


def _version(text: str | None) -> AskedVersion:
    try:
        return read_version(text or "")
    except ValueError as error:
        raise NotFoundError(Phrase("there is no such version")) from error


def _versions(newest: Template) -> list[Version]:
    """The latest stored ones, newest first, then the one that came with the code."""
    shipped = stage().templates.shipped(newest.key)
    stored = (
        range(newest.version, max(0, newest.version - _MOST_VERSIONS), -1) if isinstance(newest.version, int) else ()
    )
    return [*stored, *([shipped.version] if shipped else [])]


def _fields(template: Template) -> dict[str, Any]:
    return without_made(template.model_dump(mode="json", exclude={"key", "version", "hides"}))


def _body(visit: Visit, base: Template) -> dict[str, Any]:
    """The template with what the form holds; what the form does not show stays. Raises: InvalidError (permanent)."""
    about = _typed_about(visit, base)
    read = {name: _read_json(name, about[name]) for name in _JSON}
    return {**_fields(base), "category": about["category"], **read, "locales": _typed(visit, base)}


def _typed_about(visit: Visit, base: Template) -> dict[str, str]:
    """Everything but the sources, as text: what was typed, otherwise what is stored."""
    stored = _fields(base)
    texts = {name: json.dumps(stored[name], ensure_ascii=False, indent=2) for name in _JSON}
    shown = {"category": base.category, **texts}
    return {name: visit.typed(name) or text for name, text in shown.items()}


def _read_json(name: str, text: str) -> Any:
    try:
        return strict_json(text)
    except ValueError as error:
        raise InvalidError.of(name, Phrase("expected JSON: {why}", why=phrase_of(error))) from error


def _typed(visit: Visit, base: Template) -> dict[str, dict[str, str]]:
    """The sources by locale and name: what was typed, otherwise what is stored."""
    return {
        locale: {name: _text(visit.form.get(f"source.{locale}.{name}"), source) for name, source in sources.items()}
        for locale, sources in _fields(base)["locales"].items()
    }


def _text(typed: Any, stored: str) -> str:
    return stored if not typed else str(typed[0])


def _before(template: Template) -> Template | None:
    """The previous version; for the shipped one, the one that the newest stored version hides."""
    if isinstance(template.version, int) and template.version > 1:
        return stage().templates.get(template.key, template.version - 1)
    hidden = template.hides if isinstance(template.version, int) else stage().templates.get(template.key).hides
    try:
        return stage().templates.get(template.key, hidden) if hidden else None
    except NotFoundError:
        return None


def _changes(template: Template) -> Iterator[Mapping[str, Any]]:
    """Since the previous version, source by source."""
    if (before := _before(template)) is None:
        return
    comparison = Comparison()
    for locale, sources in template.locales.items():
        for name, source in sources.items():
            old = before.locales.get(locale, {}).get(name, "")
            if lines := list(comparison.unified(old.splitlines(), source.splitlines())):
                yield {"place": f"{locale} · {name}", "lines": lines}
