"""Two managers have changed the same thing: shows what was typed next to what is stored, field by field, and takes the
choice. It reads both from the rendered forms (`forms.py`), so it works for every page (ADR 0056)."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from chalicelib.admin.form_reader import CHECKS, Control, Form, forms_in
from chalicelib.admin.forms import Values, plain, unpacked
from chalicelib.admin.text_diff import CONTEXT, Comparison
from chalicelib.text import strict_json

MINE, THEIRS, BASE, SEEN = "mine", "theirs", "base", "seen"  # hidden fields
WHOLE, LOOK = "whole", "look"  # all of mine, or the form again with what was chosen
PICK = "pick "  # prefix of the field names of a choice
_APART = ("hidden", "file", "password")
_ALL = ".*"  # after a unit: all that it has, with us or with them
CARRIED = frozenset({"token", BASE, SEEN})


class Piece(NamedTuple):
    """A stretch of text as shown; `gap`: how many equal lines are left out here."""

    text: str
    differs: bool = False
    gap: int = 0


class Field(NamedTuple):
    """One difference in the form. `names` are the fields that are chosen together; `pick` is the default choice: theirs
    if only they changed it, otherwise mine. `both`: both changed it."""

    names: str
    label: str
    mine: Sequence[Piece]
    theirs: Sequence[Piece]
    pick: str
    both: bool
    code: bool  # code rather than prose


def digests(values: Values) -> str:
    """The state that a form was made from, short enough to travel with it: shows which fields have changed since."""
    return json.dumps({name: _digest(found) for name, found in values.items() if name not in CARRIED})


def with_bases(page: str) -> str:
    """The page, with the original state of the fields added to each form that says what it has `seen`."""
    for form in reversed(forms_in(page)):
        seen = next((one for one in form.controls if one.name == SEEN), None)
        if seen is not None and not any(one.name == BASE for one in form.controls):
            base = digests(form.values()).replace('"', "&quot;")
            at = seen.span[1]
            page = f'{page[:at]}<input type="hidden" name="{BASE}" value="{base}">{page[at:]}'
    return page


def differing(form: Form, typed: Values, typed_form: Form | None = None) -> list[Field]:
    """The differences between the form as it is now (theirs) and what was typed (mine), in the form's order.
    `typed_form`: the form that holds what was typed, where its units may have other fields."""
    was, now = _bases(typed), form.values()
    comparison = Comparison()
    fields = list(_differing_units(form, typed_form, typed, comparison)) if typed_form else []
    for names, controls in _together(form).items():
        mine, theirs = ({name: list(values.get(name, ())) for name in names} for values in (typed, now))
        said = _said(controls, names, mine), _said(controls, names, theirs)
        if _same(mine, theirs) or (len(names) > 1 and said[0] == said[1]):
            continue
        their_change, my_change = (any(was.get(n) != _digest(values[n]) for n in names) for values in (theirs, mine))
        shown = _side_by_side(*said, comparison)
        pick = THEIRS if their_change and not my_change else MINE
        fields.append(
            Field(
                " ".join(names),
                _label(controls),
                *shown,
                pick=pick,
                both=their_change and my_change,
                code=controls[0].attributes.get("class") == "code",
            )
        )
    return fields


def _differing_units(form: Form, typed_form: Form, typed: Values, comparison: Comparison) -> Iterator[Field]:
    was, now = _bases(typed), form.values()
    for unit in dict.fromkeys(one.unit for one in (*form.controls, *typed_form.controls) if one.unit):
        names = {name for name in (*typed, *now) if name.startswith(f"{unit}.")}
        mine, theirs = ({name: list(values.get(name, ())) for name in names} for values in (typed, now))
        if _same(mine, theirs):
            continue
        changes = [any(was.get(n, _digest(())) != _digest(values[n]) for n in names) for values in (theirs, mine)]
        shown = _side_by_side(_lines(typed_form, unit), _lines(form, unit), comparison)
        pick = THEIRS if changes[0] and not changes[1] else MINE
        label = next(one.legend for one in (*form.controls, *typed_form.controls) if one.unit == unit)
        yield Field(unit + _ALL, label, *shown, pick=pick, both=all(changes), code=False)


def _lines(form: Form, unit: str) -> str:
    """What the fields of a unit say, one after another."""
    shown = [one for one in form.controls if one.unit == unit and one.kind != "hidden"]
    said = [(one, _text(one, text)) for one in shown for text in one.sent() if text]
    return plain("\n".join(f"{one.legend} · {one.label}: {text}" for one, text in said))


def is_written(form: Form) -> bool:
    """Whether anything is typed or chosen in it: a bare confirmation has to be given again for the new state."""
    return bool(_together(form)) or has_units(form)


def has_units(form: Form) -> bool:
    """Whether some of its fields make sense only together."""
    return any(one.unit for one in form.controls)


def settled(form: Values) -> dict[str, list[str]]:
    """What the conflict form saves: mine or theirs for each field, as chosen. Raises: InvalidError (permanent): not
    such a form."""
    chosen, theirs = unpacked(form, MINE), unpacked(form, THEIRS)
    for field, picks in form.items():
        if field.startswith(PICK) and picks[0] == THEIRS and form.get(WHOLE) != [MINE]:
            picked = field.removeprefix(PICK)
            names = _of_unit(picked, chosen, theirs) if picked.endswith(_ALL) else picked.split()
            chosen = {name: values for name, values in chosen.items() if name not in names}
            chosen |= {name: theirs[name] for name in names if name in theirs}
    return {**chosen, **{name: list(form[name]) for name in CARRIED if name in form}}


def _of_unit(picked: str, *values: Values) -> list[str]:
    start = picked.removesuffix("*")
    return [name for one in values for name in one if name.startswith(start)]


def _bases(form: Values) -> Mapping[str, str]:
    try:
        found = strict_json(next(iter(form.get(BASE, ())), "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _digest(values: Sequence[str]) -> str:
    return hashlib.sha256("\x00".join(map(plain, values)).encode()).hexdigest()[:10]


def _same(one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]) -> bool:
    return all(list(map(plain, one[name])) == list(map(plain, other[name])) for name in one)


def _together(form: Form) -> dict[tuple[str, ...], list[Control]]:
    """The controls by what is chosen together: the fields of repeated rows are one unit, so that rows are not torn
    apart."""
    shown = [one for one in form.controls if one.name and not one.unit and one.kind not in _APART]
    texts = [one.name for one in shown if one.kind not in CHECKS]
    rows = tuple(dict.fromkeys(name for name in texts if texts.count(name) > 1))
    found: dict[tuple[str, ...], list[Control]] = {}
    for control in shown:
        found.setdefault(rows if control.name in rows else (control.name,), []).append(control)
    return found


def _label(controls: Sequence[Control]) -> str:
    first = controls[0]
    if len(controls) == 1 and first.kind not in ("radio",):
        return " · ".join(dict.fromkeys(text for text in (first.legend, first.label) if text)) or first.name
    return first.legend or first.label or first.name


def _said(controls: Sequence[Control], names: Sequence[str], values: Mapping[str, Sequence[str]]) -> str:
    """The values as a reader sees them: texts of options, not their values; one line per row."""
    if any(one.kind in CHECKS for one in controls):
        known = {one.attributes.get("value", "on"): one.label for one in controls}
        return "\n".join(known.get(value, value) for value in values[names[0]] if value)
    columns = {name: next(one for one in controls if one.name == name) for name in names}
    rows = []
    for n in range(max(map(len, values.values()), default=0)):
        cells = {name: values[name][n] if n < len(values[name]) else "" for name in names}
        said = [_text(columns[name], text) for name, text in cells.items() if text]
        if len(names) == 1 or not all(_is_empty(columns[name], text) for name, text in cells.items()):
            rows.append(" · ".join(said))
    return plain("\n".join(rows))


def _is_empty(control: Control, value: str) -> bool:
    """A row that nobody has filled in: no text, and the first option of each list."""
    return not value or (bool(control.options) and value == control.options[0].value)


def _text(control: Control, value: str) -> str:
    return next((one.text.strip() for one in control.options if one.value == value), value)


def _side_by_side(mine: str, theirs: str, comparison: Comparison) -> tuple[list[Piece], list[Piece]]:
    left, right = mine.split("\n"), theirs.split("\n")
    pieces: tuple[list[Piece], list[Piece]] = ([], [])
    for kind, a, b, c, d in comparison.opcodes(left, right):
        if kind == "equal":
            same = list(_shortened(left[a:b], first=a == 0, last=b == len(left)))
            pieces[0].extend(same)
            pieces[1].extend(same)
            continue
        changed = _words("\n".join(left[a:b]), "\n".join(right[c:d]), comparison)
        for shown, words in zip(pieces, changed, strict=True):
            shown.extend(words)
            if words:
                shown.append(Piece("\n"))
    return pieces


def _shortened(lines: Sequence[str], *, first: bool, last: bool) -> Iterator[Piece]:
    """Equal lines: those next to a difference, and the number of those between."""
    before, after = (0 if first else CONTEXT), (0 if last else CONTEXT)
    if len(lines) <= before + after + 1:
        yield Piece("".join(f"{line}\n" for line in lines))
        return
    yield Piece("".join(f"{line}\n" for line in lines[:before]))
    yield Piece("", gap=len(lines) - before - after)
    yield Piece("".join(f"{line}\n" for line in lines[len(lines) - after :]))


def _words(mine: str, theirs: str, comparison: Comparison) -> tuple[list[Piece], list[Piece]]:
    left, right = _split(mine), _split(theirs)
    shown: tuple[list[Piece], list[Piece]] = ([], [])
    for kind, a, b, c, d in comparison.opcodes(left, right):
        for pieces, text in ((shown[0], "".join(left[a:b])), (shown[1], "".join(right[c:d]))):
            if text:
                pieces.append(Piece(text, differs=kind != "equal"))
    return _joined(shown[0]), _joined(shown[1])


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """A space between two differing words belongs to them."""
    inner = range(1, len(pieces) - 1)
    spaces = {n for n in inner if pieces[n].text.isspace() and pieces[n - 1].differs and pieces[n + 1].differs}
    joined: list[Piece] = []
    for n, piece in enumerate(pieces):
        differs = piece.differs or n in spaces
        if joined and joined[-1].differs == differs:
            joined[-1] = Piece(joined[-1].text + piece.text, differs)
        else:
            joined.append(Piece(piece.text, differs))
    return joined


def _split(text: str) -> list[str]:
    return [word for word in re.split(r"(\W)", text) if word]
