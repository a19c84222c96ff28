"""Saved segments: listed, written, changed, deleted."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from chalicelib.accounts.audit import note
from chalicelib.accounts.managers import Role
from chalicelib.admin.audience_choices import campaign_named, condition_values, looked_at
from chalicelib.admin.audience_form import conditions_form, one, read_conditions
from chalicelib.admin.audience_words import rule_words
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Visit, action, page, preview
from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.segments import SegmentBody, change_segment, forget_segment
from chalicelib.errors import InvalidError, Phrase
from chalicelib.etags import tag_of
from chalicelib.schemas import recalled
from chalicelib.service_scope import EVERYTHING
from chalicelib.stage.app import stage
from chalicelib.storage.segments import Segment
from chalicelib.validation import invalid

_PAGE = 20


@page("/admin/segments")
def segment_list(visit: Visit) -> Page:
    """Newest first, each with its rule in words."""
    found, cursor = stage().segments.page(limit=_PAGE, cursor=visit.query.get("cursor"))
    rules = {one.id: recalled(Rule, one.rule) for one in found}
    said = dict(zip(rules, rule_words(list(rules.values()), locale=visit.locale), strict=True))
    following = url("/admin/segments", cursor=cursor) if cursor else None
    return Page("segments", {"segments": found, "said": said, "following": following})


@page("/admin/segments/new", role=Role.EDITOR)
def new_segment(visit: Visit) -> Page:
    """An empty form."""
    return _form_page(visit.form, None)


@action("/admin/segments/new", role=Role.EDITOR, does="segment.write", again=new_segment)
def write_segment(visit: Visit) -> Go:
    """Campaigns can use it at once."""
    made = stage().segments.add(_typed(visit.form).fields(), by=visit.manager.key)
    note(things=[made.id])
    return Go("/admin/segments", done="saved")


@preview("/admin/segments/count")
def count_segment(visit: Visit) -> Page:
    """The form as typed, with about how many people it finds, or with its conditions changed."""
    found = stage().segments.get(visit.typed("segment")) if visit.typed("segment") else None
    form, answer = looked_at(visit, rule_only=True)
    shown = _form_page(form, found)
    return shown._replace(values={**shown.values, **answer.pop("values")}, form=form, **answer)


@page("/admin/segments/{id}")
def segment_page(visit: Visit) -> Page:
    """The form with what is stored."""
    return _form_page(visit.form, stage().segments.get(visit.path["id"]))


@action("/admin/segments/{id}", role=Role.EDITOR, does="segment.edit", again=segment_page)
def edit_segment(visit: Visit) -> Go:
    """Campaigns use the new rule from their next run on."""
    change_segment(stage().segments, visit.path["id"], _typed(visit.form), by=visit.manager.key, seen=visit.seen)
    return Go("/admin/segments", done="saved")


@action("/admin/segments/{id}/delete", role=Role.EDITOR, does="segment.delete", again=segment_page)
def delete_segment(visit: Visit) -> Go:
    """Refused while a campaign that is not over uses it."""
    forget_segment(visit.path["id"], segments=stage().segments, campaigns=stage().campaigns, seen=visit.seen)
    return Go("/admin/segments", done="segment_deleted")


def _typed(form: Mapping[str, Sequence[str]]) -> SegmentBody:
    """Raises: InvalidError (permanent)."""
    body = {"name": one(form, "name"), "note": one(form, "note") or None, "rule": read_conditions(form, campaign_named)}
    try:
        made = SegmentBody.model_validate(body)
    except ValidationError as error:
        raise invalid(error) from error
    if errors := stage().audience_checks.errors(Audience(rule=made.rule), sight=EVERYTHING):
        raise InvalidError(Phrase("the audience is not as expected"), errors)
    return made


def _form_page(form: Mapping[str, Any], found: Segment | None) -> Page:
    if found is not None and not form:
        stored = {"name": [found.name], "note": [found.note or ""]}
        form = stored | conditions_form(recalled(Rule, found.rule))
    values = {
        "form": form,
        "segment": found,
        "seen": tag_of(found.fields()) if found else "",
        "to": f"/admin/segments/{found.id}" if found else "/admin/segments/new",
        **condition_values(form),
    }
    return Page("segment", values)
