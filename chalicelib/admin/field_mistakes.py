"""A page whose form has mistakes: each is said at its field too, and the list of them at the top leads there.

The API names fields by their paths (`audience.list_id`); a form has its own names, among which the field is found by
the longest end of its path (`list_id`), or else by another part of it (`audience`). A mistake of no field stays in the
list."""

import re
from collections.abc import Iterator, Mapping
from html import unescape

from markupsafe import escape

from chalicelib.admin.form_reader import CHECKS, Control, Form, Span

_LISTED = re.compile(r'<b data-mistake="([^"]*)">.*?</b>', re.DOTALL)
_STEPS = re.compile(r"\.|(?=\[)")
_PLACE = re.compile(r"\[(\d{1,4})\]")
_ENDS = {"textarea": "</textarea>", "select": "</select>"}


def at_their_fields(page: str, form: Form | None, mistakes: Mapping[str, str]) -> str:
    """The page with its mistakes at their fields; the first of these has the focus, and what is folded is open."""
    found = {at: control for at in mistakes if form and (control := control_of(form, at)) is not None}
    changes = dict[Span, str]()
    first = min(found.values(), key=lambda one: one.span, default=None)
    for control in {one.span: one for one in found.values()}.values():
        said = " · ".join(mistakes[at] for at, one in found.items() if one is control)
        changes |= dict(_changes(page, control, said, focus=control is first and "autofocus" not in page))
    for span, text in sorted(changes.items(), reverse=True):
        page = page[: span[0]] + text + page[span[1] :]
    return _LISTED.sub(lambda one: _link(form, found.get(unescape(one[1])), one[0]), page)


def control_of(form: Form, path: str) -> Control | None:
    """The field of a form that a path means: of several with one name, such as those of rows, the one whose place the
    path has."""
    by_name: dict[str, list[Control]] = {}
    for one in form.controls:
        if one.kind not in ("hidden", "submit", "button"):
            by_name.setdefault(one.name, []).append(one)
    known = next((name for name in _candidates(path) if name in by_name), None)
    if known is None and len(by_name) == 1:
        (known,) = by_name
    found, places = by_name.get(known or "", []), _PLACE.findall(path)
    nth = int(places[-1]) if places and found and found[0].kind not in CHECKS else 0
    return found[min(nth, len(found) - 1)] if found else None


def _candidates(path: str) -> Iterator[str]:
    """The names that it may have, the likeliest first. The texts of a campaign have fields of their own."""
    steps = _STEPS.split(path)
    match steps:
        case ["context", name, *_]:
            yield f"var_{name}"
        case ["translations", language, name, *_]:
            yield f"var_{name}.{language}"
            yield f"var_{name}"
    ends = len(steps)
    yield from (_joined(steps[n:]) for n in range(ends))
    yield from (_joined(steps[n:end]) for n in range(ends) for end in range(ends - 1, n, -1))


def _joined(steps: list[str]) -> str:
    return "".join(step if step.startswith("[") else f".{step}" for step in steps).removeprefix(".")


def _changes(page: str, control: Control, said: str, *, focus: bool) -> Iterator[tuple[Span, str]]:
    """What makes a field a bad one; a message that the template has put there stays the only one."""
    start, end = control.span
    told = "aria-invalid" in control.attributes
    more = f' id="{_id(control)}"' if "id" not in control.attributes else ""
    tag = page[start:end]
    if not told:
        described = f"{control.attributes.get('aria-describedby', '')} m{_id(control)}".strip()
        tag = re.sub(r' aria-describedby="[^"]*"', "", tag)
        more += f' aria-invalid="true" aria-describedby="{described}"'
        place = _after(page, control)
        yield (place, place), f'<span class="mistake" id="m{_id(control)}">{escape(said)}</span>'
    yield control.span, f"{tag.removesuffix('>')}{more}{' autofocus' if focus else ''}>"
    for fold in control.folds:
        if " open" not in page[slice(*fold)]:
            yield fold, page[fold[0] : fold[1] - 1] + " open>"


def _after(page: str, control: Control) -> int:
    """Where a message stands: after the field; after the label of a tick."""
    end = "</label>" if control.kind in CHECKS else _ENDS.get(control.kind)
    return page.index(end, control.span[1]) + len(end) if end else control.span[1]


def _id(control: Control) -> str:
    return control.attributes.get("id") or f"at-{control.name}"


def _link(form: Form | None, control: Control | None, before: str) -> str:
    if form is None or control is None:
        return before
    text = control.label
    if control.kind in CHECKS or sum(one.label == text for one in form.controls) > 1:
        text = control.legend if control.kind in CHECKS else " · ".join(filter(None, (control.legend, text)))
    return f'<a href="#{escape(_id(control))}">{escape(text or control.name)}</a>'
