"""`/v1/segments`: rules with a name, which audiences use by their id; and a look at an audience before there is a
campaign."""

from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic import ConfigDict, Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.accounts.audit import note
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.campaign_answers import SampleRecipient, UnreadableAttribute
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.notifications import PageQuery
from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.segments import SegmentBody, SegmentPatch, change_segment, forget_segment
from chalicelib.errors import InvalidError, Phrase
from chalicelib.etags import tag_of
from chalicelib.schemas import StrictModel
from chalicelib.service_scope import Sight
from chalicelib.stage.app import stage
from chalicelib.storage.segments import Segment

writes = partial(endpoint, scope=Scope.CAMPAIGNS_WRITE, of_all=Scope.CAMPAIGNS_WRITE_ALL)
reads = partial(endpoint, scope=Scope.CAMPAIGNS_READ, of_all=Scope.CAMPAIGNS_READ_ALL)


class SegmentAnswer(ApiAnswer):
    """A saved segment. Runs that have begun, and approved campaigns, keep the rule that they have."""

    id: str
    name: str
    note: str | None
    rule: dict[str, Any]
    version: int
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str


class SegmentPage(ApiAnswer):
    """A page of segments, newest first; `cursor` is null on the last page."""

    segments: list[SegmentAnswer]
    cursor: str | None


class AudienceBody(StrictModel):
    """An audience to look at."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"audience": {"rule": {"attribute": "locale", "op": "equals", "value": "en"}}}]}
    )

    audience: Audience


class AudienceSizeAnswer(ApiAnswer):
    """About how many people an audience has now. A look lasts a second or two: of a larger audience it counts a part
    and says about how many there are in all."""

    estimate: int = Field(description="exact if `complete`")
    complete: bool
    people: int = Field(description="found among those that were looked at")
    excluded: int = Field(description="left out of them")
    looked_at: int
    sample: list[SampleRecipient]
    unread: list[UnreadableAttribute]


def _tag(shown: Any) -> str:
    return tag_of({name: shown[name] for name in ("name", "note", "rule")})


@writes("POST", "/v1/segments", summary="Save a segment", answer=SegmentAnswer, status=HTTPStatus.CREATED, tag=_tag)
def create_segment(call: Call[SegmentBody, None]) -> dict[str, Any]:
    """Campaigns use it by its id: `{"segments": [id]}`, `{"exclude_segments": [id]}`."""
    _check(Audience(rule=call.body.rule), call.sight)
    by, service = call.caller.key_id, call.caller.service
    made = stage().segments.add(call.body.fields(), by=by, id_=call.own_id("segment"), service=service)
    note(things=[made.id])
    return _described(made)


@reads("GET", "/v1/segments", summary="Segments, newest first", answer=SegmentPage)
def list_segments(call: Call[None, PageQuery]) -> dict[str, Any]:
    """A page may hold fewer entries than requested, or none; only `cursor` says whether there are more."""
    found, cursor = stage().segments.page(limit=call.query.limit, cursor=call.query.cursor)
    seen = [one for one in found if call.sight.has(one.service, by=one.created_by)]
    return {"segments": [_described(one) for one in seen], "cursor": cursor}


@reads("GET", "/v1/segments/{id}", summary="One segment", answer=SegmentAnswer, tag=_tag)
def get_segment(call: Call[None, None]) -> dict[str, Any]:
    """As it is now."""
    return _described(stage().segments.get(call.path["id"], sight=call.sight))


@writes("PATCH", "/v1/segments/{id}", summary="Change a segment", answer=SegmentAnswer, tag=_tag, if_match=True)
def edit_segment(call: Call[SegmentPatch, None]) -> dict[str, Any]:
    """Campaigns use the new rule from their next run on. Where an approval is asked for, one that was given keeps the
    rule that it saw."""
    before = stage().segments.get(call.path["id"], sight=call.sight)
    given = call.body.model_dump(exclude_unset=True, by_alias=True)
    body = SegmentBody.model_validate({**before.fields(), **given})
    _check(Audience(rule=body.rule), call.sight)
    changed = change_segment(stage().segments, before.id, body, by=call.caller.key_id, seen=call.seen, sight=call.sight)
    return _described(changed)


@writes(
    "DELETE",
    "/v1/segments/{id}",
    summary="Delete a segment",
    problems={HTTPStatus.CONFLICT: "a campaign that is not over uses it"},
    if_match=True,
)
def delete_segment(call: Call[None, None]) -> None:
    """May be repeated safely."""
    forget_segment(
        call.path["id"],
        segments=stage().segments,
        campaigns=stage().campaigns,
        seen=call.seen,
        sight=call.sight,
    )


@reads(
    "POST",
    "/v1/audiences/preview",
    summary="About how many people an audience has",
    answer=AudienceSizeAnswer,
    problems={HTTPStatus.TOO_MANY_REQUESTS: "more than sixty looks a minute by this key"},
)
def preview_audience(call: Call[AudienceBody, None]) -> dict[str, Any]:
    """Nothing is stored or sent. Who of them may be written to is counted for a campaign
    (`POST /v1/campaigns/{id}/preview`)."""
    stage().draft_allowance.preview(call.caller.key_id)
    _check(call.body.audience, call.sight)
    look = stage().audience_look.look(call.body.audience)
    return {**look._asdict(), "unread": [one._asdict() for one in look.unread]}


def _check(audience: Audience, sight: Sight) -> None:
    errors = stage().audience_checks.errors(audience, sight=sight)
    if errors:
        raise InvalidError(Phrase("the audience is not as expected"), errors)


def _described(one: Segment) -> dict[str, Any]:
    names = SegmentAnswer.model_fields
    return {name: getattr(one, name) for name in names}
