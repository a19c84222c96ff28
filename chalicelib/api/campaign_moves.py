"""`/v1/campaigns/{id}/…`: a campaign is started, approved, held, stopped, and sent to those whom it did not reach."""

from http import HTTPStatus
from typing import Annotated, Any

from chalice.app import Blueprint
from pydantic import ConfigDict, Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.campaign_answers import CampaignAnswer
from chalicelib.api.campaigns import campaign_tag, described, in_sight
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.campaigns.approving import Comment
from chalicelib.etags import Seen
from chalicelib.schemas import StrictModel
from chalicelib.wiring.campaign_desk import approving, campaign_control, resend

routes = Blueprint(__name__)
_STATE_FORBIDS = {HTTPStatus.CONFLICT: "the campaign's state forbids it"}


class ResendBody(StrictModel):
    """What to send once more; nothing given: all that the newest run certainly did not send."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reasons": ["no_address"]}]})

    run: Annotated[str | None, Field(max_length=128, description="id of a finished run; default: the newest")] = None
    reasons: Annotated[
        tuple[str, ...] | None,
        Field(min_length=1, max_length=20, description="as in progress.skipped and progress.failed_reasons"),
    ] = None


class CanaryQuery(StrictModel):
    """Whose rest."""

    run: Annotated[
        str | None, Field(max_length=128, description="id of a run; default: the newest that holds its rest")
    ] = None


@endpoint(
    routes,
    "POST",
    "/v1/campaigns/{id}/start",
    summary="Start a campaign",
    scope=Scope.CAMPAIGNS_WRITE,
    of_all=Scope.CAMPAIGNS_WRITE_ALL,
    answer=CampaignAnswer,
    problems=_STATE_FORBIDS,
    tag=campaign_tag,
    if_match=True,
)
def start_campaign(call: Call[None, None]) -> dict[str, Any]:
    """Checks everything first: with a mistake nothing is started. Where the stage asks for it, the campaign waits for
    another manager's approval. One that is started already is answered as it is."""
    return described(campaign_control().start(in_sight(call), by=call.caller.key_id, seen=call.seen))


@endpoint(
    routes,
    "POST",
    "/v1/campaigns/{id}/approve",
    summary="Approve another manager's campaign",
    scope=Scope.CAMPAIGNS_APPROVE,
    of_all=Scope.CAMPAIGNS_APPROVE,
    answer=CampaignAnswer,
    problems=_STATE_FORBIDS,
    tag=campaign_tag,
    if_match=True,
    must_match=True,
)
def approve_campaign(call: Call[None, None]) -> dict[str, Any]:
    """It is scheduled then, and sent as it was approved. `If-Match` is the `ETag` of what was looked at: of all that
    makes the letter and decides who gets it, the template's version and the sender among it. What has changed since is
    told in words, and nothing is approved. Nobody approves what they wrote, be it with another key of the same service,
    with one that they made, or with two keys that one manager made."""
    caller, seen = call.caller, call.seen or Seen(())
    return described(approving().approve(in_sight(call), by=caller.key_id, hands=caller.hands, seen=seen))


class SendBackBody(StrictModel):
    """What is to be changed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"comment": "The link leads to the film of last week."}]})

    comment: Comment


@endpoint(
    routes,
    "POST",
    "/v1/campaigns/{id}/send-back",
    summary="Send another manager's campaign back",
    scope=Scope.CAMPAIGNS_APPROVE,
    of_all=Scope.CAMPAIGNS_APPROVE,
    body=SendBackBody,
    answer=CampaignAnswer,
    problems=_STATE_FORBIDS,
    tag=campaign_tag,
    if_match=True,
)
def send_back_campaign(call: Call[SendBackBody, None]) -> dict[str, Any]:
    """It is a draft again, with the comment in its timeline; a run that has begun waits."""
    comment, caller = call.body.comment, call.caller.key_id
    return described(approving().send_back(in_sight(call), by=caller, comment=comment, seen=call.seen))


@endpoint(
    routes,
    "POST",
    "/v1/campaigns/{id}/pause",
    summary="Hold a campaign",
    scope=Scope.CAMPAIGNS_WRITE,
    of_all=Scope.CAMPAIGNS_WRITE_ALL,
    answer=CampaignAnswer,
    problems=_STATE_FORBIDS,
    tag=campaign_tag,
)
def pause_campaign(call: Call[None, None]) -> dict[str, Any]:
    """Each worker finishes the chunk in its hands, and sends no other."""
    return described(campaign_control().pause(in_sight(call), by=call.caller.key_id))


@endpoint(
    routes,
    "POST",
    "/v1/campaigns/{id}/resume",
    summary="Go on with a held campaign",
    scope=Scope.CAMPAIGNS_WRITE,
    of_all=Scope.CAMPAIGNS_WRITE_ALL,
    answer=CampaignAnswer,
    problems=_STATE_FORBIDS,
    tag=campaign_tag,
)
def resume_campaign(call: Call[None, None]) -> dict[str, Any]:
    """With exactly what is left."""
    return described(campaign_control().resume(in_sight(call), by=call.caller.key_id))


@endpoint(
    routes,
    "POST",
    "/v1/campaigns/{id}/cancel",
    summary="Stop a campaign for good",
    scope=Scope.CAMPAIGNS_WRITE,
    of_all=Scope.CAMPAIGNS_WRITE_ALL,
    answer=CampaignAnswer,
    problems=_STATE_FORBIDS,
    tag=campaign_tag,
)
def cancel_campaign(call: Call[None, None]) -> dict[str, Any]:
    """What no worker has claimed is cancelled and counted so."""
    return described(campaign_control().cancel(in_sight(call), by=call.caller.key_id))


@endpoint(
    routes,
    "POST",
    "/v1/campaigns/{id}/canary/release",
    summary="Send the rest after a canary",
    scope=Scope.CAMPAIGNS_WRITE,
    of_all=Scope.CAMPAIGNS_WRITE_ALL,
    query=CanaryQuery,
    answer=CampaignAnswer,
    problems=_STATE_FORBIDS,
    tag=campaign_tag,
)
def release_campaign_canary(call: Call[None, CanaryQuery]) -> dict[str, Any]:
    """The first part has gone; the rest was held for this."""
    run, caller = call.query.run, call.caller.key_id
    return described(campaign_control().release_canary(in_sight(call), by=caller, run_id=run))


@endpoint(
    routes,
    "POST",
    "/v1/campaigns/{id}/resend",
    summary="Send once more what was not sent",
    scope=Scope.CAMPAIGNS_WRITE,
    of_all=Scope.CAMPAIGNS_WRITE_ALL,
    body=ResendBody,
    answer=CampaignAnswer,
    problems=_STATE_FORBIDS,
    tag=campaign_tag,
)
def resend_campaign(call: Call[ResendBody, None]) -> dict[str, Any]:
    """To those alone to whom it was certainly not sent (skipped, failed), by reason. Asked again, it takes only what is
    still unsent; what is uncertain waits for a person."""
    body, caller = call.body, call.caller.key_id
    return described(resend().begin(in_sight(call), by=caller, run=body.run, reasons=body.reasons))
