"""Saved segments: rules that campaigns use by their id. A run, and an approval, keep the rules as they were."""

import json
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.audience_use import refuse_used
from chalicelib.clock import is_id
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.profiles.model import Name
from chalicelib.schemas import StrictModel
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.segments import SavedSegments, Segment
from chalicelib.text import Line

MAX_RULE_BYTES = 4096  # a campaign's head holds those of an approval, and of the last requests for one
_PAGE = 100
_TRIES = 3
_EXAMPLE: JsonValue = {
    "name": "Gold, silent for a month",
    "rule": {
        "all": [
            {"attribute": "plan", "op": "equals", "value": "gold"},
            {"not": {"attribute": "any", "op": "got_letter", "value": 30}},
        ]
    },
}


class SegmentBody(StrictModel):
    """A rule with a name."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    note: Annotated[Line | None, Field(min_length=1, max_length=500, description="for other managers")] = None
    rule: Annotated[Rule, Field(description=f"as in audiences; at most {MAX_RULE_BYTES} bytes of JSON")]

    @model_validator(mode="after")
    def _is_small(self) -> Self:
        if len(json.dumps(rule_fields(self.rule), ensure_ascii=False).encode()) > MAX_RULE_BYTES:
            raise ValueError(
                Phrase("expected at most {most} bytes of rule: upload a list instead", most=MAX_RULE_BYTES)
            )
        return self

    def fields(self) -> dict[str, Any]:
        """As it is stored."""
        return {"name": self.name, "note": self.note, "rule": rule_fields(self.rule)}


class SegmentPatch(StrictModel):
    """A change: given fields are set, null removes the note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Gold, silent for a month"}]})

    name: Name | None = None
    note: Annotated[Line | None, Field(min_length=1, max_length=500)] = None
    rule: Rule | None = None


def rule_fields(rule: Rule) -> dict[str, Any]:
    """A rule as JSON, without what it does not say."""
    return rule.model_dump(mode="json", by_alias=True, exclude_none=True)


def change_segment(
    segments: SavedSegments,
    segment_id: str,
    body: SegmentBody,
    *,
    by: str,
    seen: Seen | None = None,
    sight: Sight = EVERYTHING,
) -> Segment:
    """Writes its next version; runs that have begun, and approved campaigns, keep the rule that they have. With `seen`,
    only if unchanged since. Raises: NotFoundError, ChangedError, ConflictError (permanent), UnavailableError
    (retryable)."""
    for _ in range(_TRIES):
        found = segments.get(segment_id, sight=sight)
        if seen is not None:
            seen.require(found.fields(), what=Phrase("the segment {id}", id=segment_id))
        if found.fields() == body.fields():
            return found
        changed = segments.change(found, body.fields(), by=by)
        if changed is not None:
            return changed
    raise _busy()


def forget_segment(
    segment_id: str,
    *,
    segments: SavedSegments,
    campaigns: Campaigns,
    seen: Seen | None = None,
    sight: Sight = EVERYTHING,
) -> None:
    """Deletes it; repeated, it succeeds. With `seen`, only if unchanged since. Raises: NotFoundError, ChangedError,
    ConflictError (permanent: a campaign that is not over uses it), UnavailableError (retryable)."""
    for _ in range(_TRIES):
        try:
            found = segments.get(segment_id, sight=sight)
        except NotFoundError:
            if is_id(segment_id):
                return
            raise
        if seen is not None:
            seen.require(found.fields(), what=Phrase("the segment {id}", id=segment_id))
        refuse_used(
            lambda audience: segment_id in audience.all_segments,
            campaigns=campaigns,
            sight=sight,
            by_known=lambda name: Phrase("the campaign {name} uses this segment: cancel or change it", name=name),
            by_others=Phrase("a campaign of another service or a manager uses this segment"),
        )
        if segments.remove(found):
            return
    raise _busy()


def _busy() -> ConflictError:
    return ConflictError(Phrase("the segment is being changed by others; try again"))
