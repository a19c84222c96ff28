"""The sources of a template whose e-mails are documents."""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.errors import IN_LINE, FieldError, InvalidError, Phrase, phrase_of
from chalicelib.rendering.documents.compiled_blocks import MADE, Compiled, compile_document
from chalicelib.rendering.documents.letter_blocks import read_document
from chalicelib.rendering.model import Template

_OF_SOURCE = re.compile(r"locales\.(?P<locale>[^.]+)\.email(?:\.(?P<part>html|subject|calendar))?")


def with_sources(template: Template) -> Template:
    """The same with `email.subject` and `email.html` of each document. Raises: InvalidError (permanent; each mistake by
    its path, such as `documents.ru.blocks[3].text`)."""
    if not template.documents:
        return template
    compiled, errors = dict[str, Compiled](), list[FieldError]()
    for locale, given in template.documents.items():
        errors += _written_by_hand(template, locale)
        try:
            place = f"documents.{locale}"
            compiled[locale] = compile_document(read_document(given, place=place), template, place=place)
        except InvalidError as error:
            errors += error.errors
    if errors:
        raise InvalidError(Phrase("the letter is not as expected"), errors)
    made = {locale: {**template.locales.get(locale, {}), **one.sources} for locale, one in compiled.items()}
    return template.model_copy(update={"locales": {**template.locales, **made}})


def without_made(body: Mapping[str, Any]) -> dict[str, Any]:
    """A template in JSON without the sources that its documents make."""
    documents = body.get("documents") or {}
    locales = {
        locale: {name: source for name, source in sources.items() if locale not in documents or name not in MADE}
        for locale, sources in body["locales"].items()
    }
    return {**body, "locales": locales}


def at_blocks(mistakes: Sequence[FieldError], template: Template) -> list[FieldError]:
    """Mistakes of compiled sources by the blocks that they come from: whoever wrote a document never sees sources."""
    if not mistakes:
        return []
    lines = {
        locale: compile_document(read_document(given, place=""), template, place="").lines
        for locale, given in template.documents.items()
    }
    return [_at_block(one, lines) for one in mistakes]


def _at_block(mistake: FieldError, lines: Mapping[str, Sequence[int]]) -> FieldError:
    found = _OF_SOURCE.fullmatch(mistake.field)
    if found is None or (locale := found["locale"]) not in lines:
        return mistake
    line, said = _line_in(mistake.message)
    place = found["part"] or ""
    if place == "html":
        n = bisect_right(lines[locale], line) - 1 if line else -1
        place = f"blocks[{n}]" if n >= 0 else "preheader" if line else "blocks"
    elif place == "calendar":
        place = "blocks"
    return FieldError(f"documents.{locale}.{place}".removesuffix("."), said)


def _line_in(said: Phrase) -> tuple[int, Phrase]:
    """The line that a message names, and what it says about it; 0 and the message if it names none."""
    why = said.params.get("why")
    if said.msgid == IN_LINE:
        return int(str(said.params["n"])), phrase_of(ValueError(why))
    line, inner = _line_in(why) if isinstance(why, Phrase) else (0, said)
    return (line, inner) if line else (0, said)


def _written_by_hand(template: Template, locale: str) -> list[FieldError]:
    """A source that the document would replace without a word."""
    said = Phrase("the letter is made of blocks: expected changes in {place}", place=f"documents.{locale}")
    given = template.locales.get(locale, {})
    return [FieldError(f"locales.{locale}.{name}", said) for name in (*MADE, "email.text") if name in given]
