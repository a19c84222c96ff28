"""Reads and refills the forms of our own rendered pages, so that mistakes, conflicts and ended sessions work the same
for every form. What was typed but cannot be saved now, because the session has ended or a part of the service does not
answer, goes back to the browser, without secrets, and returns with the next form."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from markupsafe import escape

from chalicelib.admin.browser import Files
from chalicelib.admin.form_reader import CHECKS, Control, Form, Span, forms_in
from chalicelib.errors import InvalidError, Phrase
from chalicelib.text import strict_json

TYPED = "typed"  # the hidden field that holds it
_OWN = frozenset({"token", "base", "seen", "mine", "theirs"})  # what forms say of themselves
# What was chosen, not typed: it comes back with the form, and its value alone says little.
_CHOSEN = frozenset({"template", "campaign", "channels", "audience", "every", "misfire", "scope", "role", "state"})

Values = Mapping[str, Sequence[str]]
SECRETS = frozenset({"password", "old", "new", "present", "code", "secret", "token"})  # never filled into a page again


class _Change(NamedTuple):
    span: Span
    text: str


def form_to(page: str, target: str, typed: Values) -> Form | None:
    """The form of a page that goes to an address; of several, the one that `typed` came from, by its hidden fields."""

    def unlike(form: Form) -> tuple[int, int]:
        fixed = [one for one in form.controls if one.kind == "hidden" and one.name not in ("token", "base", "seen")]
        wrong = sum(one.sent()[0] not in typed.get(one.name, ()) for one in fixed)
        return wrong, len({one.name for one in form.controls} ^ set(typed))

    return min((form for form in forms_in(page) if target in form.targets), key=unlike, default=None)


def filled(page: str, form: Form, typed: Values) -> str:
    """The page with what was typed in the form, marked as unsaved; secrets and files are never filled in. Folded parts
    with changes are opened."""
    changes = list(_changes(form, typed))
    opened = {fold for control in form.controls for fold in control.folds if _differs(control, form, typed)}
    changes.append(_Change(form.span, _tag("form", {**form.attributes, "data-unsaved": ""})))
    changes += [
        _Change(span, page[span[0] : span[1] - 1] + " open>") for span in opened if " open" not in page[slice(*span)]
    ]
    for span, text in sorted(changes, reverse=True):
        page = page[: span[0]] + text + page[span[1] :]
    return page


def _differs(control: Control, form: Form, typed: Values) -> bool:
    return control.name in typed and form.values()[control.name] != list(typed[control.name])


def _changes(form: Form, typed: Values) -> Iterator[_Change]:
    texts = [one.name for one in form.controls if one.kind not in CHECKS]
    places = {name: count() for name in texts}
    for control in form.controls:
        name, values = control.name, list(typed.get(control.name, ()))
        if name in SECRETS or control.kind in ("file", "password", "submit", "button"):
            continue
        if control.kind in CHECKS:
            yield from _checked(control, values)
        elif len(values) <= texts.count(name):  # otherwise the page has already made room for them
            place = next(places[name])
            if place < len(values):
                yield from _written(control, values[place])


def _checked(control: Control, values: Sequence[str]) -> Iterator[_Change]:
    wanted = control.attributes.get("value", "on") in values
    if wanted == ("checked" in control.attributes):
        return
    bare = {name: value for name, value in control.attributes.items() if name != "checked"}
    yield _Change(control.span, _tag("input", {**bare, "checked": ""} if wanted else bare))


def _written(control: Control, value: str) -> Iterator[_Change]:
    if _same(control.sent(), [value]):
        return
    if control.kind == "textarea":
        yield _Change(control.inside, str(escape(value)))
    elif control.kind == "select":
        if value in {one.value for one in control.options}:
            for one in control.options:
                bare = {name: text for name, text in one.attributes.items() if name != "selected"}
                yield _Change(one.span, _tag("option", {**bare, "selected": ""} if one.value == value else bare))
    else:
        yield _Change(control.span, _tag("input", {**control.attributes, "value": value}))


def _same(one: Sequence[str], other: Sequence[str]) -> bool:
    return list(map(plain, one)) == list(map(plain, other))


def plain(text: str) -> str:
    """Without what a browser changes: line ends come as CRLF (HTML, "constructing the entry list")."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _tag(name: str, attributes: Mapping[str, str]) -> str:
    return f"<{name}{''.join(f' {key}={_quoted(value)}' if value else f' {key}' for key, value in attributes.items())}>"


def _quoted(value: str) -> str:
    return f'"{escape(value)}"'


class Kept(NamedTuple):
    """`values` are given back; `files` and `secret` are not, which the page says."""

    values: Mapping[str, list[str]]
    files: bool
    secret: bool

    @property
    def shown(self) -> dict[str, str]:
        """By field, for the person to see that nothing is lost."""
        texts = {name: plain("\n".join(values)) for name, values in self.values.items() if name not in _OWN | _CHOSEN}
        return {name: text for name, text in texts.items() if text}

    @property
    def packed(self) -> str:
        """As a hidden field holds it."""
        return json.dumps(self.values, ensure_ascii=False)

    def __bool__(self) -> bool:
        """Whether anything was typed at all."""
        return self.files or self.secret or any(any(self.values[name]) for name in self.values.keys() - _OWN)


def keep(form: Values, files: Files) -> Kept:
    """The part of a form that can be given back."""
    values = {name: list(found) for name, found in form.items() if name not in SECRETS}
    secret = any(any(form[name]) for name in SECRETS & form.keys() if name != "token")
    return Kept(values, any(one.content for sent in files.values() for one in sent), secret)


def unpacked(form: Values, name: str) -> dict[str, list[str]]:
    """The fields in a hidden field. Raises: InvalidError (permanent): it holds something else."""
    try:
        found = strict_json(next(iter(form.get(name, ())), ""))
    except ValueError as error:
        raise InvalidError.of(name, Phrase("expected the fields of a form")) from error
    lists = list(found.values()) if isinstance(found, dict) else [None]
    if not all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists):
        raise InvalidError.of(name, Phrase("expected the fields of a form"))
    return {str(key): values for key, values in found.items() if key not in SECRETS}
