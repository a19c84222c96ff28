"""A new letter: a title, a category, languages, and what it starts from. Its key follows from the title."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from unicodedata import normalize

from chalicelib.accounts.managers import Role
from chalicelib.admin.template_fields import fields_of
from chalicelib.admin.templating import LANGUAGES, Go, Page
from chalicelib.admin.views import Visit, action, page
from chalicelib.categories import CATEGORIES
from chalicelib.errors import InvalidError, Phrase
from chalicelib.rendering.model import Template
from chalicelib.settings import settings
from chalicelib.stage.app import stage

_RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_LATIN = "a|b|v|g|d|e|e|zh|z|i|y|k|l|m|n|o|p|r|s|t|u|f|kh|ts|ch|sh|shch||y||e|yu|ya"
_LETTERS = dict(zip(_RUSSIAN, _LATIN.split("|"), strict=True))
_TAKEN = frozenset({"new"})  # an address of its own
_LONGEST = 60  # with room for a number


@page("/admin/templates/new", role=Role.EDITOR)
def new_letter(visit: Visit) -> Page:
    """What a letter may start from, and what it is to be called."""
    known = stage().templates.everything()
    languages = dict.fromkeys(
        [settings().default_locale, *LANGUAGES, *(one for each in known for one in each.documents)]
    )
    base = visit.query.get("base") or visit.typed("base")
    values = {
        "bases": known,
        "base": base,
        "categories": list(CATEGORIES),
        "locales": list(languages),
        "form": visit.form or {"locales": [settings().default_locale], "category": ["marketing"]},
    }
    return Page("letter_new", values)


@action("/admin/templates/new", role=Role.EDITOR, does="template.add", again=new_letter)
def start_letter(visit: Visit) -> Go:
    """Stores the first version: a heading alone, or a copy."""
    title = visit.typed("title")
    if not title:
        raise InvalidError.of("title", Phrase("expected a title"))
    base = stage().templates.get(visit.typed("base")) if visit.typed("base") else None
    languages = [one for one in dict.fromkeys(visit.form.get("locales", ())) if one]
    if not languages:
        raise InvalidError.of("locales", Phrase("expected at least one language"))
    body = {**(_copy(base, languages) if base else _blank(title, languages)), "title": title}
    if visit.typed("category"):
        body["category"] = visit.typed("category")
    key = key_of(title, taken=stage().templates.keys())
    stored = stage().template_changes.add(key, body, by=visit.manager.key)
    return Go(f"/admin/templates/{stored.key}", done="saved")


def key_of(title: str, *, taken: Collection[str]) -> str:
    """A key that says the title in Latin letters, and that no other template has."""
    latin = "".join(_LETTERS.get(one, one) for one in normalize("NFC", title.lower()))
    plain = normalize("NFKD", latin).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-")
    name = name if name[:1].isalpha() else f"letter-{name}".strip("-")
    numbered = (name, *(f"{name}-{n}" for n in range(2, len(taken) + 4)))
    return next(one for one in numbered if one not in taken and one not in _TAKEN)


def _blank(title: str, languages: Sequence[str]) -> dict[str, Any]:
    document = {"version": 1, "subject": title, "blocks": [{"kind": "heading", "text": title}]}
    return {
        "category": "marketing",
        "channels": ["email"],
        "default_locale": _default(languages),
        "variables": {},
        "sample": {"user": {"name": "Anna"}},
        "locales": {},
        "documents": dict.fromkeys(languages, document),
    }


def _copy(base: Template, languages: Sequence[str]) -> dict[str, Any]:
    """Of a letter of blocks in the chosen languages, each that it lacks as a copy of its default one; of Jinja sources
    all."""
    fields = fields_of(base)
    if not base.documents:
        return fields
    start = base.default_locale if base.default_locale in base.documents else next(iter(base.documents))

    def chosen(found: Mapping[str, Any]) -> dict[str, Any]:
        return {one: found.get(one, found.get(start, {})) for one in languages}

    locales = {one: dict(named) for one, named in chosen(fields["locales"]).items()}
    changes = {"documents": chosen(fields["documents"]), "locales": locales, "default_locale": _default(languages)}
    return {**fields, **changes}


def _default(languages: Sequence[str]) -> str:
    return settings().default_locale if settings().default_locale in languages else languages[0]
