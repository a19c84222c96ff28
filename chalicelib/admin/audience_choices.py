"""What the audience part of a form offers to choose from (`templates/admin/_audience.html`), and how many people it
has."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from chalicelib.admin.audience_form import Form, chosen_ids, read_audience, read_conditions
from chalicelib.admin.condition_rows import (
    CAMPAIGN,
    LETTERS,
    LONGER_AGO,
    NOT,
    WITHIN,
    Row,
    blocks_of,
    changed,
    join_of,
    rows_form,
    typed_rows,
)
from chalicelib.admin.page_requests import Visit
from chalicelib.admin.responses import mistakes_of
from chalicelib.campaigns.attribute_catalogue import Attribute, AttributeKind
from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.operators import OPERATORS, Takes
from chalicelib.clock import is_id
from chalicelib.errors import InvalidError, Phrase, TooManyRequestsError
from chalicelib.http_errors import status_of
from chalicelib.service_scope import EVERYTHING
from chalicelib.stage.app import stage
from chalicelib.states import ListState
from chalicelib.storage.campaign_desk import DeskEntry
from chalicelib.validation import invalid

_NEWEST = 50
_OTHERS = 20
_TEXTS = ("equals", "not_equals", "in", f"{NOT}in", "exists", f"{NOT}exists")
_OPS: Mapping[str, Sequence[str]] = {
    AttributeKind.TEXT: _TEXTS,
    AttributeKind.LANGUAGE: _TEXTS,
    AttributeKind.FLAG: ("equals", "exists", f"{NOT}exists"),
    AttributeKind.NUMBER: ("equals", "not_equals", "after", "before", "in", "exists", f"{NOT}exists"),
    AttributeKind.DATE: (WITHIN, LONGER_AGO, "before", "after", "anniversary", "exists", f"{NOT}exists"),
    CAMPAIGN: [f"{no}{what}_campaign" for what in ("got", "opened", "clicked") for no in ("", NOT)],
    LETTERS: ["got_letter", f"{NOT}got_letter"],
    "": [*_TEXTS, "after", "before", WITHIN, LONGER_AGO, "anniversary"],
}


class ShownRow(NamedTuple):
    """A row with what it offers: comparisons that fit, and the kind of field for its value."""

    n: int
    row: Row
    kind: str
    ops: Sequence[str]
    field: str
    values: Sequence[str] = ()


def condition_values(form: Form) -> dict[str, Any]:
    """For the conditions of a form with what was typed or stored."""
    known = _known()
    campaigns = _campaigns()
    newest = list(campaigns.values())[:_NEWEST]
    rows = typed_rows(form) or [Row()]
    asked = [row.of for row in rows if row.attribute == CAMPAIGN and is_id(row.of)]
    shown_ids = {one.id for one in newest}
    older = [campaigns[one] for one in asked if one in campaigns and one not in shown_ids]
    labels = campaign_labels(newest, older)
    by_id = {id_: label for label, id_ in labels.items()}
    shown = [row._replace(of=by_id.get(row.of, row.of)) if row.attribute == CAMPAIGN else row for row in rows]
    return {
        "blocks": [(group, [_shown(n, row, known) for n, row in some]) for group, some in blocks_of(shown)],
        "join": join_of(form),
        "attributes": list(known),
        "campaign_labels": list(labels),
        "campaigns": campaigns,
        "size": None,
        "counting": False,
    }


def audience_values(form: Form, *, own: str | None) -> dict[str, Any]:
    """For the audience of a form; `own` is the campaign that is written."""
    conditions = condition_values(form)
    lists, _ = stage().lists.page(limit=_NEWEST, cursor=None)
    ready = {row.list_id: row for row in lists if row.state == ListState.READY}
    wanted = [*chosen_ids(form, "lists"), *chosen_ids(form, "exclude_lists")]
    ready |= {one: found for one in wanted if one not in ready and (found := stage().lists.find(one)) is not None}
    saved = dict(stage().segments.newest(_NEWEST))
    asked = [*chosen_ids(form, "segments"), *chosen_ids(form, "exclude_segments")]
    older = stage().segments.find_each(one for one in asked if one not in saved)
    saved |= {one: found.name for one, found in older.items()}
    excluded = chosen_ids(form, "exclude")
    return {
        **conditions,
        "lists": list(ready.values()),
        "segments": list(saved.items()),
        "others": _others(excluded, conditions["campaigns"], own=own),
        "left_out": bool(excluded or chosen_ids(form, "exclude_lists") or chosen_ids(form, "exclude_segments")),
    }


def _campaigns() -> dict[str, DeskEntry]:
    """All by id, newest first."""
    known = stage().campaign_desk.entries(sight=EVERYTHING)
    return {one.id: one for one in sorted(known, key=lambda one: one.created_at, reverse=True)}


def campaign_labels(newest: Sequence[DeskEntry], older: Sequence[DeskEntry]) -> dict[str, str]:
    """The ids of campaigns by what people choose; of older ones, and of those that would look alike, with the id."""
    labels: dict[str, str] = {}
    for head in newest:
        label = _label(head)
        labels[label if label not in labels else f"{label} · {head.id}"] = head.id
    return labels | {f"{_label(head)} · {head.id}": head.id for head in older}


def campaign_named(text: str) -> str:
    """The id of the campaign that is chosen or typed. Raises: InvalidError (permanent): it is none, or several."""
    last = text.rpartition("·")[2].strip()
    if is_id(last):
        return last
    newest = list(_campaigns().values())[:_NEWEST]
    found = campaign_labels(newest, []).get(text)
    alike = [one.id for one in newest if one.name.casefold() == text.casefold()]
    if found is None and len(alike) == 1:
        [found] = alike
    if found is None:
        raise InvalidError.of("campaign", Phrase("choose one of the campaigns"))
    return found


def looked_at(visit: Visit, *, rule_only: bool = False) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """The form as typed, or with its conditions changed as a button says; and for its page about how many people it is
    for, or why that cannot be said."""
    form = {name: list(values) for name, values in visit.form.items() if name != "change"}
    size, mistakes, answer = None, dict[str, str](), dict[str, Any]()
    try:
        stage().draft_allowance.preview(visit.manager.key)
        if "change" in visit.form:
            return _fitting(changed(form, visit.typed("change"))), {"values": {"size": None, "mistakes": {}}}
        body = {"rule": read_conditions(form, campaign_named)} if rule_only else read_audience(form, campaign_named)
        size = stage().audience_look.look(_checked(body))
    except InvalidError as error:
        mistakes = mistakes_of(error)
    except TooManyRequestsError as error:
        mistakes = mistakes_of(error)
        answer = {"status": status_of(error), "retry_after_seconds": error.retry_after_seconds}
    return form, {"values": {"size": size, "mistakes": mistakes, "counting": True}, **answer}


def refuse_unknown(chosen: Sequence[str]) -> None:
    """Raises: InvalidError (permanent): an id of a campaign to leave out is unknown."""
    known = {row.id for row in stage().campaigns.some(chosen)}
    if unknown := [one for one in chosen if one not in known]:
        raise InvalidError.of("exclude", Phrase("there is no campaign {id}", id=", ".join(unknown)))


def _checked(body: Mapping[str, Any]) -> Audience:
    try:
        audience = Audience.model_validate(body)
    except ValidationError as error:
        raise invalid(error) from error
    if errors := stage().audience_checks.errors(audience, sight=EVERYTHING):
        raise InvalidError(Phrase("the audience is not as expected"), errors)
    return audience


def _fitting(form: dict[str, list[str]]) -> dict[str, list[str]]:
    """The form with comparisons that fit what is asked about: the first that do, in place of those that do not."""
    known, rows = _known(), typed_rows(form)
    ops = [_OPS[_kind(row, known)] for row in rows]
    fitting = [row if row.op in fit else row._replace(op=fit[0]) for row, fit in zip(rows, ops, strict=True)]
    return form | rows_form(fitting, join_of(form))


def _known() -> dict[str, Attribute]:
    return {one.path: one for one in stage().attribute_catalogue.read()}


def _kind(row: Row, known: Mapping[str, Attribute]) -> str:
    if row.attribute in known:
        return known[row.attribute].kind
    return row.attribute if row.attribute in (CAMPAIGN, LETTERS) else ""


def _shown(n: int, row: Row, known: Mapping[str, Attribute]) -> ShownRow:
    attribute, kind = known.get(row.attribute), _kind(row, known)
    fitting = list(_OPS[kind])
    ops = fitting if not row.op or row.op in fitting else [*fitting, row.op]
    row = row._replace(op=row.op or fitting[0])
    return ShownRow(n, row, kind, ops, _field(row, kind), attribute.values if attribute else ())


def _field(row: Row, kind: str) -> str:
    takes = OPERATORS[row.operator].takes if row.operator in OPERATORS else Takes.SCALAR
    if takes is Takes.FLAG:
        return "none"
    if row.op.removeprefix(NOT) in (WITHIN, LONGER_AGO) or takes is Takes.PERIOD:
        return "days"
    if takes is Takes.DAYS:
        return "before"
    if takes is Takes.LIST:
        return "several"
    if kind == AttributeKind.FLAG and row.value in ("", "true", "false"):
        return "flag"
    if kind == AttributeKind.DATE and (not row.value or _is_day(row.value)):
        return "date"
    return "number" if kind == AttributeKind.NUMBER and _is_figure(row.value) else "text"


def _is_day(text: str) -> bool:
    return len(text) == len("2026-01-31") and text[:4].isdecimal() and text[4] == "-"


def _is_figure(text: str) -> bool:
    return not text or text.lstrip("-").replace(".", "", 1).isdecimal()


def _label(one: DeskEntry) -> str:
    return f"{one.name} · {one.created_at[:10]}"


def _others(chosen: Sequence[str], campaigns: Mapping[str, DeskEntry], *, own: str | None) -> dict[str, Any]:
    """Campaigns whose recipients may be left out: the chosen ones, then the newest. What is typed and is no campaign
    stays in its field."""
    newest = [one for one in campaigns if one != own][:_OTHERS]
    ids = [*(one for one in chosen if one in campaigns), *(one for one in newest if one not in chosen)]
    shown = [{"id": one, "name": campaigns[one].name, "row": campaigns[one]} for one in ids]
    return {"shown": shown, "chosen": chosen, "typed": ", ".join(one for one in chosen if one not in campaigns)}
