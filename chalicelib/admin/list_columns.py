"""What the columns of an uploaded list become: a guess that a manager looks at and may change."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import Go, Page
from chalicelib.admin.views import Visit, action, page
from chalicelib.campaigns.list_columns import ATTRIBUTE, FIELDS, LONGEST, Column, Target
from chalicelib.campaigns.list_encoding import Encoding
from chalicelib.campaigns.list_file import Reading
from chalicelib.campaigns.list_lines import SEPARATORS
from chalicelib.campaigns.list_preview import ListPreview, check_reading, preview_list
from chalicelib.campaigns.lists import load_list
from chalicelib.errors import ConflictError, InvalidError, Phrase
from chalicelib.stage.app import stage
from chalicelib.states import ListState
from chalicelib.text import one_line
from chalicelib.validation import said_of

VARIABLE = "variable"
_TARGET: TypeAdapter[str] = TypeAdapter(Target, config=ConfigDict(defer_build=True))
_SHOWN_MISTAKES = 5


class ShownColumn(NamedTuple):
    """A column as the form has it: `becomes` is one of FIELDS, VARIABLE or empty."""

    name: str
    becomes: str
    variable: str
    samples: Sequence[str]


@page("/admin/lists/{id}/columns", role=Role.EDITOR, shows="list.look")
def list_columns(visit: Visit) -> Page:
    """The first lines of the file, and what each column becomes."""
    found = stage().lists.get(visit.path["id"])
    said = visit.form or {name: [text] for name, text in visit.query.items()}
    shown: dict[str, Any] = {
        "list": found,
        "readable": found.state in (ListState.WAITING, ListState.FAILED),
        "fields": FIELDS,
        "encodings": list(Encoding),
        "separators": list(SEPARATORS),
        "variable": VARIABLE,
        "preview": None,
        "problem": None,
    }
    way = _way(said)
    try:
        preview = preview_list(found.list_id, way, uploads=stage().uploads)
    except (ConflictError, InvalidError) as error:
        why = error.errors[0].message if isinstance(error, InvalidError) else error.detail
        return Page("list_columns", {**shown, "problem": why})
    asked = {"encoding": _one(said, "encoding"), "separator": _one(said, "separator")}
    columns = [_shown(n, column, preview, visit.form) for n, column in enumerate(preview.columns)]
    mistakes = preview.bad_lines[:_SHOWN_MISTAKES]
    return Page("list_columns", {**shown, "preview": preview, "columns": columns, "asked": asked, "bad": mistakes})


@action("/admin/lists/{id}/columns", role=Role.EDITOR, does="list.load", again=list_columns)
def choose_columns(visit: Visit) -> Go:
    """From now on the file is read, in the background."""
    list_id, reading = stage().lists.get(visit.path["id"]).list_id, _said(visit.form)
    check_reading(list_id, reading, uploads=stage().uploads)
    load_list(list_id, reading, lists=stage().lists, queues=stage().queues)
    return Go(f"/admin/lists/{list_id}", done="uploaded")


def _said(form: Mapping[str, Sequence[str]]) -> Reading:
    return _way(form)._replace(columns=dict(_targets(form)))


def _way(form: Mapping[str, Sequence[str]]) -> Reading:
    encoding, separator = _one(form, "encoding"), _one(form, "separator")
    if encoding not in {"", *Encoding}:
        raise InvalidError.of("encoding", Phrase("expected one of {known}", known=", ".join(Encoding)))
    if separator not in {"", *SEPARATORS}:
        raise InvalidError.of("separator", Phrase("expected one of {known}", known=" ".join(SEPARATORS)))
    return Reading(Encoding(encoding) if encoding else None, separator or None)


def _targets(form: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str | None]]:
    for n, name in enumerate(form.get("column", ())):
        becomes = _one(form, f"becomes.{n}")
        if not becomes:
            yield name, None
            continue
        variable = one_line(_one(form, f"variable.{n}")) or one_line(name).lower()[:LONGEST]
        if becomes == VARIABLE and len(variable) > LONGEST:
            raise InvalidError.of(f"variable.{n}", Phrase("expected 1 to {most} characters", most=LONGEST))
        target = f"{ATTRIBUTE}{variable}" if becomes == VARIABLE else becomes
        try:
            yield name, _TARGET.validate_python(target)
        except ValidationError as error:
            raise InvalidError.of(f"becomes.{n}", said_of(error.errors()[0])) from error


def _shown(n: int, column: Column, preview: ListPreview, form: Mapping[str, Sequence[str]]) -> ShownColumn:
    samples = [cells[n] for cells in preview.samples]
    target = column.target or ""
    becomes = VARIABLE if target.startswith(ATTRIBUTE) else target
    variable = target.removeprefix(ATTRIBUTE) if becomes == VARIABLE else one_line(column.name).lower()[:LONGEST]
    if "column" in form:
        becomes, variable = _one(form, f"becomes.{n}"), _one(form, f"variable.{n}")
    return ShownColumn(column.name, becomes, variable, samples)


def _one(form: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(form.get(name, ())), "")
