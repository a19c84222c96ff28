"""In which languages a campaign has all of its texts. Its `context` is in one, its own (`locale`, or the template's
default); its `translations` are laid over that for readers whose letter is in another of the template's."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.campaigns.model import Campaign
from chalicelib.errors import FieldError, Phrase, TooLargeError
from chalicelib.pipeline.letter_parts import LetterLanguages
from chalicelib.rendering.json_value import check_size
from chalicelib.rendering.model import Template, Variable, VariableType
from chalicelib.text import is_blank

_SAME_EVERYWHERE = re.compile(r"https?://\S*|\d{4}-\d\d-\d\d(T\S+)?", re.IGNORECASE)  # of what nobody has declared
_MADE_OF_OTHERS = frozenset({VariableType.LIST, VariableType.OBJECT})
_TAGS = ("{{", "{%")


def own_locale(spec: Campaign, template: Template) -> str:
    """The language of its `context`."""
    return template.choose_locale(spec.locale)


def is_translatable(variable: Variable) -> bool:
    """Whether a variable of this kind can hold words; addresses, numbers and dates are the same in every language."""
    if variable.type in _MADE_OF_OTHERS:
        return variable.fields is None or any(map(is_translatable, variable.fields.values()))
    return variable.type is VariableType.STRING


def untranslated(spec: Campaign, template: Template, locale: str) -> list[str]:
    """The variables with words that letters in this locale show in another language."""
    if locale == own_locale(spec, template):
        return []
    declared, sources = template.variables or {}, "\n".join(template.locales[locale].values())
    return [
        name
        for name, value in spec.context.items()
        if name not in spec.translations.get(locale, {})
        and _has_words(value, declared.get(name))
        and re.search(rf"\b{re.escape(name)}\b", sources)
    ]


def languages_of(spec: Campaign, template: Template) -> LetterLanguages | None:
    """What its letters' jobs say of them; None where nobody has said anything."""
    if not spec.translations and spec.untranslated is None:
        return None
    written = tuple(one for one in template.locales if not untranslated(spec, template, one))
    return LetterLanguages(written=written, texts=spec.translations, untranslated=spec.untranslated)


def text_errors(spec: Campaign, template: Template) -> list[FieldError]:
    """What is wrong with its texts whatever the template does with them."""
    errors = [*tag_errors(spec.context, "context"), *tag_errors(spec.translations, "translations")]
    own = own_locale(spec, template)
    if own in spec.translations:
        errors.append(
            FieldError(f"translations.{own}", Phrase("it is the campaign's own language: its texts go into `context`"))
        )
    try:
        check_size([spec.context, spec.translations], "translations" if spec.translations else "context")
    except TooLargeError as error:
        errors += error.errors
    return errors


def _has_words(value: Any, declared: Variable | None) -> bool:
    if declared is not None and not is_translatable(declared):
        return False
    if isinstance(value, Mapping):
        fields = (declared.fields if declared else None) or {}
        return any(_has_words(one, fields.get(name)) for name, one in value.items())
    if isinstance(value, list):
        item = Variable(type=VariableType.OBJECT, fields=declared.fields) if declared and declared.fields else None
        return any(_has_words(one, item) for one in value)
    return isinstance(value, str) and not is_blank(value) and (declared is not None or _is_said(value))


def _is_said(text: str) -> bool:
    return _SAME_EVERYWHERE.fullmatch(text.strip()) is None


def tag_errors(value: Any, path: str) -> Iterator[FieldError]:
    """Tags in texts, where they would arrive as they are written."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from tag_errors(one, f"{path}.{name}")
    elif isinstance(value, list):
        for n, one in enumerate(value):
            yield from tag_errors(one, f"{path}[{n}]")
    elif isinstance(value, str) and any(one in value for one in _TAGS):
        why = Phrase("expected plain text: tags such as {tag} work only in a letter's template", tag="{{ user.name }}")
        yield FieldError(path, why)
