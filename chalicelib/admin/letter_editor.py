"""The block editor: the page of a letter that has documents, what its buttons do without a script, and the preview of
what its form holds. Storing, restoring and test letters are those of every template (`templates.py`)."""

import re
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from chalicelib.accounts.managers import Role
from chalicelib.admin.block_fields import FIELDS, HTML, SHOW_IF, SIMPLE
from chalicelib.admin.letter_changes import OPERATION, changed
from chalicelib.admin.letter_form import LetterForm, form_of, items, languages_of, read_letter
from chalicelib.admin.letter_preview import LetterPreview, letter_for
from chalicelib.admin.page_requests import Visit
from chalicelib.admin.responses import mistakes_of
from chalicelib.admin.template_fields import common_values, read_about, typed_sources
from chalicelib.admin.templating import Page, words
from chalicelib.admin.views import preview
from chalicelib.errors import FieldError, InvalidError, Phrase, all_said
from chalicelib.rendering.documents.merge_tags import tags_for
from chalicelib.rendering.model import Template
from chalicelib.services.template_changes import read_draft
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.translation import translated

_BLOCK = re.compile(r"documents\.[^.]+\.blocks\[([0-9]+)\]")
_CHOOSE = "choose"  # shows the kinds of blocks at a place
_ATTEMPTS = 3  # of a preview, each without what the one before could not show


def is_of_blocks(visit: Visit, template: Template) -> bool:
    """Whether the letter is written in the block editor."""
    return bool(template.documents) or bool(languages_of(visit.form))


def editor_page(visit: Visit, template: Template, newest: Template) -> Page:
    """The form with what was typed, otherwise with what is stored."""
    form = visit.form if languages_of(visit.form) else _stored(template)
    languages, wanted = languages_of(form), visit.query.get("letter") or visit.typed("letter")
    tags, letter = tags_for(template), read_letter(form)
    values = {
        **common_values(visit, template, newest),
        "form": form,
        "locales": languages,
        "letter": wanted if wanted in languages else languages[0],
        "fields": FIELDS,
        "simple": SIMPLE,
        "show_if": SHOW_IF,
        "numbers": items,
        "place_of": letter.place_of,
        "named": partial(_named, letter, words(visit.locale)["letters"]),
        "tags": [one for one in tags if one.kind not in ("list", "object", "flag")],
        "variables": [one.path for one in tags],
        "lists": [one.path for one in tags if one.kind == "list"],
        "may_html": visit.manager.may(Role.ADMINISTRATOR),
        "chosen": None,
    }
    return Page("letter_editor", values)


@preview("/admin/templates/{key}/blocks")
def change_blocks(visit: Visit) -> Page:
    """The form after one of its buttons; nothing is saved."""
    newest = stage().templates.get(visit.path["key"])
    if not is_of_blocks(visit, newest):
        raise InvalidError.of("form", Phrase("expected a letter made of blocks"))
    do = visit.typed(OPERATION).split()
    if do[:1] == [_CHOOSE]:
        page = editor_page(visit, newest, newest)
        return page._replace(values={**page.values, "chosen": do[1:]})
    try:
        form = changed(visit.form, visit.typed(OPERATION), zone=settings().default_timezone)
    except InvalidError as error:
        page = editor_page(visit, newest, newest)
        values = {**page.values, "mistakes": mistakes_of(error)}
        return page._replace(values=values, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return editor_page(visit._replace(form=form), newest, newest)._replace(form=form)


def body_of(visit: Visit, base: Template) -> dict[str, Any]:
    """The template with what the form holds. Raises: InvalidError (permanent)."""
    letter = read_letter(visit.form)
    _refuse_foreign_html(visit, letter, base)
    sources = typed_sources(visit, base)
    kept = {locale: named for locale, named in sources.items() if locale not in base.documents}
    default = base.default_locale if base.default_locale in (*letter.documents, *kept) else next(iter(letter.documents))
    # A new language starts with the other channels' texts of the default one.
    start = {name: one for name, one in sources.get(base.default_locale, {}).items() if not name.startswith("email.")}
    others = {locale: sources.get(locale, start) for locale in letter.documents}
    return {
        "channels": base.channels,
        "extra_channels": base.extra_channels,
        **read_about(visit, base),
        "default_locale": default,
        "documents": letter.documents,
        "locales": {**others, **kept},
    }


def drafted_letter(visit: Visit, base: Template, *, locale: str) -> tuple[LetterPreview, list[str]]:
    """The letter of what the form holds in one language, and what of it cannot be shown yet. Raises: InvalidError
    (permanent), UnavailableError (retryable)."""
    documents = read_letter(visit.form).documents
    locale = locale if locale in documents else next(iter(documents))
    document = documents[locale]
    about = {"channels": base.channels, **read_about(visit, base), "default_locale": locale, "nothing_without": ()}
    told: list[str] = []
    for _ in range(_ATTEMPTS):
        try:
            draft = read_draft(base.key, {**about, "documents": {locale: document}})
        except InvalidError as error:
            document, missing = _without(document, error, visit.locale)
            told += missing
            if not missing:
                return LetterPreview(locale, problem=all_said(error.errors)), told
            continue
        renderer = stage().new_renderer()
        user = visit.typed("user")
        return letter_for(draft, draft.sample.context, user_id=user, locale=locale, renderer=renderer), told
    return LetterPreview(locale, problem=Phrase("there is nothing to show yet")), told


def _without(document: Mapping[str, Any], error: InvalidError, language: str) -> tuple[dict[str, Any], list[str]]:
    """The document without its mistakes, each told in the manager's language."""
    say = words(language)["letters"]
    blocks, bad, told = list(document.get("blocks", ())), dict[int, list[str]](), list[str]()
    for one in error.errors:
        name = one.field.rpartition(".")[2]
        said = translated(one.message, locale=language)
        if (found := _BLOCK.match(one.field)) and int(found[1]) < len(blocks):
            block = blocks[int(found[1])]
            label = _label(say, block["kind"], name)
            empty = label and not block.get(name, block.get("film", {}).get(name))
            bad.setdefault(int(found[1]), []).append(say["unfinished"].format(field=label) if empty else said)
        elif name in ("subject", "preheader"):
            told.append(f"{say['fields'][name]}: {said}")
            document = {**document, name: "…"}
    for n, said_of_block in bad.items():
        kind = say["kinds"].get(blocks[n]["kind"], "")
        told.append(f"{n + 1}. {kind}: {'; '.join(dict.fromkeys(said_of_block))}")
    return {**document, "blocks": [one for n, one in enumerate(blocks) if n not in bad]}, told


def _named(letter: LetterForm, say: Mapping[str, Any], path: str) -> str:
    """Where a mistake is, in words: `English · block 2 · Text`."""
    _, locale, *_ = path.split(".")
    said = [say["languages"].get(locale, locale)]
    kind = ""
    if (found := _BLOCK.match(path)) and int(found[1]) < len(letter.documents[locale]["blocks"]):
        kind = letter.documents[locale]["blocks"][int(found[1])]["kind"]
        said.append(say["block_number"].format(n=int(found[1]) + 1))
    return " · ".join([*said, *filter(None, [_label(say, kind, path.rpartition(".")[2])])])


def _label(say: Mapping[str, Any], kind: str, name: str) -> str:
    found: str = say["fields"].get(f"{kind}.{name}") or say["fields"].get(name, "")
    return found


def _stored(template: Template) -> Mapping[str, list[str]]:
    return form_of(template.documents, zone=settings().default_timezone)


def _refuse_foreign_html(visit: Visit, letter: LetterForm, base: Template) -> None:
    """Whoever is no administrator may keep, move and drop blocks of HTML, not write them."""
    if visit.manager.may(Role.ADMINISTRATOR):
        return
    known = {block["html"] for document in base.documents.values() for block in _html_in(document)}
    said = Phrase("only administrators write blocks of HTML")
    errors = [
        FieldError(f"documents.{locale}.blocks[{n}].html", said)
        for locale, document in letter.documents.items()
        for n, block in enumerate(document["blocks"])
        if block["kind"] == HTML and block["html"].strip() not in {one.strip() for one in known}
    ]
    if errors:
        raise InvalidError(said, errors)


def _html_in(document: Any) -> list[Mapping[str, str]]:
    return [block for block in document["blocks"] if block["kind"] == HTML]
