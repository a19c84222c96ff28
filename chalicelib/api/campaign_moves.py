"""`/v1/campaigns/{id}/…`: starting, approving, pausing and stopping a campaign, and sending it to those whom it did not
reach."""

from functools import partial
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.campaign_answers import CampaignAnswer
from chalicelib.api.campaigns import STATE_FORBIDS, campaign_tag, described, in_sight
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.campaigns.review import Comment
from chalicelib.etags import Seen
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage

moves = partial(endpoint, "POST", answer=CampaignAnswer, problems=STATE_FORBIDS, tag=campaign_tag)
writes = partial(moves, scope=Scope.CAMPAIGNS_WRITE, of_all=Scope.CAMPAIGNS_WRITE_ALL)
approves = partial(moves, scope=Scope.CAMPAIGNS_APPROVE, of_all=Scope.CAMPAIGNS_APPROVE)


class ResendBody(StrictModel):
    """What to send again; by default everything that the newest run certainly did not send."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reasons": ["no_address"]}]})

    run: Annotated[str | None, Field(max_length=128, description="id of a finished run; default: the newest")] = None
    reasons: Annotated[
        tuple[str, ...] | None,
        Field(min_length=1, max_length=20, description="reasons as in progress.skipped and progress.failed_reasons"),
    ] = None


class CanaryQuery(StrictModel):
    """Which run's rest to release."""

    run: Annotated[
        str | None, Field(max_length=128, description="id of a run; default: the newest that holds back its rest")
    ] = None


@writes("/v1/campaigns/{id}/start", summary="Start a campaign", if_match=True)
def start_campaign(call: Call[None, None]) -> dict[str, Any]:
    """Everything is checked first; if anything is wrong, nothing starts. Where the stage requires it, the campaign
    waits for another manager's approval. Starting a started campaign returns it unchanged."""
    return described(stage().campaign_commands.start(in_sight(call), by=call.caller.key_id, seen=call.seen))


@approves("/v1/campaigns/{id}/approve", summary="Approve another manager's campaign", if_match=True, must_match=True)
def approve_campaign(call: Call[None, None]) -> dict[str, Any]:
    """Schedules the campaign; it is sent exactly as approved. `If-Match` takes the `ETag` of what was reviewed:
    everything that makes the letter and decides who gets it, including the template's version and the sender. If
    anything has changed, the answer says what, and nothing is approved. Nobody can approve their own work, whether with
    another key of the same service, a key that they made, or two keys that one manager made."""
    caller, seen = call.caller, call.seen or Seen(())
    return described(stage().review.approve(in_sight(call), by=caller.key_id, hands=caller.hands, seen=seen))


class SendBackBody(StrictModel):
    """What should be changed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"comment": "The link leads to the film of last week."}]})

    comment: Comment


@approves("/v1/campaigns/{id}/send-back", summary="Send another manager's campaign back", if_match=True)
def send_back_campaign(call: Call[SendBackBody, None]) -> dict[str, Any]:
    """It becomes a draft again, with the comment in its timeline; a run that has begun is paused."""
    comment, caller = call.body.comment, call.caller.key_id
    return described(stage().review.send_back(in_sight(call), by=caller, comment=comment, seen=call.seen))


@writes("/v1/campaigns/{id}/pause", summary="Pause a campaign")
def pause_campaign(call: Call[None, None]) -> dict[str, Any]:
    """Each worker finishes its current chunk and sends no other."""
    return described(stage().campaign_commands.pause(in_sight(call), by=call.caller.key_id))


@writes("/v1/campaigns/{id}/resume", summary="Resume a paused campaign")
def resume_campaign(call: Call[None, None]) -> dict[str, Any]:
    """Continues with exactly what is left."""
    return described(stage().campaign_commands.resume(in_sight(call), by=call.caller.key_id))


@writes("/v1/campaigns/{id}/cancel", summary="Stop a campaign for good")
def cancel_campaign(call: Call[None, None]) -> dict[str, Any]:
    """Whatever no worker has claimed is cancelled and counted as such."""
    return described(stage().campaign_commands.cancel(in_sight(call), by=call.caller.key_id))


@writes("/v1/campaigns/{id}/canary/release", summary="Send the rest after a canary")
def release_campaign_canary(call: Call[None, CanaryQuery]) -> dict[str, Any]:
    """Sends the rest, which was held back while the first part was tried: when a run `waits_for` `canary`. Too early,
    the answer is 409; a release that was asked for before succeeds."""
    run, caller = call.query.run, call.caller.key_id
    return described(stage().campaign_commands.release_canary(in_sight(call), by=caller, run_id=run))


@writes("/v1/campaigns/{id}/resend", summary="Resend what was not sent")
def resend_campaign(call: Call[ResendBody, None]) -> dict[str, Any]:
    """Sends only to recipients whose letter was certainly not sent (skipped, failed), optionally by reason. A repeated
    call takes only what is still unsent; uncertain deliveries wait for a person."""
    body, caller = call.body, call.caller.key_id
    return described(stage().resend.begin(in_sight(call), by=caller, run=body.run, reasons=body.reasons))
