"""`/v1/campaigns`: mailings to audiences: creating, editing, watching and testing them. Starting and stopping is in
`campaign_moves.py`, listing them in `campaign_desk.py`."""

from functools import partial
from http import HTTPStatus
from operator import itemgetter
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.accounts.audit import note
from chalicelib.api.answers import AcceptedNotifications
from chalicelib.api.campaign_answers import CampaignAnswer, PreviewAnswer, VersionsAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.notifications import describe_accepted
from chalicelib.campaigns.description import describe_campaign
from chalicelib.campaigns.model import Campaign, CampaignPatch, shown_spec, spec_of
from chalicelib.clock import rfc3339
from chalicelib.pipeline.requests import Recipient
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage
from chalicelib.storage.audience_counts import note_audience_count
from chalicelib.storage.campaign_head import CampaignHead

writes = partial(endpoint, scope=Scope.CAMPAIGNS_WRITE, of_all=Scope.CAMPAIGNS_WRITE_ALL)
reads = partial(endpoint, scope=Scope.CAMPAIGNS_READ, of_all=Scope.CAMPAIGNS_READ_ALL)
campaign_tag = itemgetter("tag")
STATE_FORBIDS = {HTTPStatus.CONFLICT: "the campaign's state forbids it"}


class TestBody(StrictModel):
    """Who gets the test letter."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"recipients": [{"email": "editor@cinema.example"}]}]})

    recipients: Annotated[tuple[Recipient, ...], Field(min_length=1, max_length=10)]
    variant: Annotated[
        Literal["A", "B", "C", "D"] | None, Field(description="of the A/B test; default: the campaign's own letter")
    ] = None


class PreviewQuery(StrictModel):
    """Where the preview of a large audience continues."""

    cursor: Annotated[str | None, Field(max_length=4096, description="`cursor` of the previous call")] = None


@writes(
    "POST",
    "/v1/campaigns",
    summary="Create a campaign",
    answer=CampaignAnswer,
    status=HTTPStatus.CREATED,
    tag=campaign_tag,
)
def create_campaign(call: Call[Campaign, None]) -> dict[str, Any]:
    """Creates a draft: nothing is sent until it is started."""
    caller = call.caller
    head = stage().campaign_commands.draft(
        call.body,
        by=caller.key_id,
        id_=call.own_id("campaign"),
        service=caller.service,
        hands=caller.hands,
        sight=call.sight,
    )
    note(things=[head.id])
    return described(head)


@reads("GET", "/v1/campaigns/{id}", summary="One campaign with its progress", answer=CampaignAnswer, tag=campaign_tag)
def get_campaign(call: Call[None, None]) -> dict[str, Any]:
    """`progress` is that of its ten newest runs together; `runs` shows each. Counts are deliveries, one per recipient
    and channel: targeted = skipped + queued + sent + failed + uncertain + cancelled at every moment."""
    return described(stage().campaigns.get(call.path["id"], sight=call.sight))


@writes(
    "PATCH",
    "/v1/campaigns/{id}",
    summary="Change a campaign",
    answer=CampaignAnswer,
    problems=STATE_FORBIDS,
    tag=campaign_tag,
    if_match=True,
)
def edit_campaign(call: Call[CampaignPatch, None]) -> dict[str, Any]:
    """Creates a new version; runs that have begun keep theirs. During a run only `rate_per_second` and
    `publish_per_second` can be changed, which takes effect within a minute."""
    campaign_id, caller = call.path["id"], call.caller
    return described(
        stage().campaign_commands.edit(
            campaign_id, call.body, by=caller.key_id, hands=caller.hands, seen=call.seen, sight=call.sight
        )
    )


@reads("GET", "/v1/campaigns/{id}/versions", summary="All versions of a campaign", answer=VersionsAnswer)
def list_campaign_versions(call: Call[None, None]) -> dict[str, Any]:
    """Oldest first."""
    campaign_id = in_sight(call)
    return {
        "versions": [
            {
                "version": one.version,
                "at": one.updated_at,
                "by": one.updated_by,
                "campaign": shown_spec(one).model_dump(mode="json", by_alias=True),
            }
            for one in stage().campaigns.versions(campaign_id)
        ]
    }


@reads("POST", "/v1/campaigns/{id}/preview", summary="Count the audience, without sending", answer=PreviewAnswer)
def preview_campaign(call: Call[None, PreviewQuery]) -> dict[str, Any]:
    """recipients = excluded + unknown + no_address + opted_out + suppressed + no_translation + final. A call counts for
    a few seconds; for a larger audience it returns a `cursor`, with which the next call continues and adds up."""
    head = stage().campaigns.get(call.path["id"], sight=call.sight)
    look = stage().campaign_preview.look(head, spec_of(head), cursor=call.query.cursor)
    if look.cursor is None:
        note_audience_count(head, look.targeted)
    times = [rfc3339(moment) for moment in look.next_runs]
    return {**look.counts, "sample": look.sample, "cursor": look.cursor, "eta_seconds": look.eta_seconds,
            "next_runs": times, "unread": [one._asdict() for one in look.unread],
            "languages": [one._asdict() for one in look.languages]}  # fmt: skip


@writes(
    "POST",
    "/v1/campaigns/{id}/test",
    summary="Send the letter to a few people",
    answer=AcceptedNotifications,
    status=HTTPStatus.ACCEPTED,
)
def test_campaign(call: Call[TestBody, None]) -> dict[str, Any]:
    """Sent at once, as an instant letter, whatever the campaign's state; it does not count towards any run."""
    caller = call.caller
    accepted = stage().test_send.send(
        in_sight(call),
        call.body.recipients,
        by=caller.key_id,
        key=call.own_id("test"),
        service=caller.service,
        variant=call.body.variant,
    )
    return {"notifications": [describe_accepted(one) for one in accepted]}


def in_sight(call: Call[Any, Any]) -> str:
    """The id in the path. Raises: NotFoundError (permanent: there is no such campaign, or it belongs to another
    service)."""
    return stage().campaigns.get(call.path["id"], sight=call.sight).id


def described(head: CampaignHead) -> dict[str, Any]:
    """The campaign as the API shows it, with the tag of exactly this state."""
    return {
        **describe_campaign(head, runs=stage().runs, preview=stage().campaign_preview),
        "tag": stage().approvals.tag(head),
    }
