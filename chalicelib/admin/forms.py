"""Reads and refills the forms of our own rendered pages, so that mistakes, conflicts and ended sessions work the same
for every form."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from markupsafe import escape

from chalicelib.admin.form_reader import CHECKS, Control, Form, Span, forms_in

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
