"""`/v1/campaigns/{id}/runs/{run}/recipients`: who gets the letters of a run, and what became of each."""

from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api.answers import ShownStatus
from chalicelib.api.campaign_answers import RunRecipientsPage
from chalicelib.api.checked_call import Call
from chalicelib.api.notifications import reads
from chalicelib.campaigns.run_pass import Wanted
from chalicelib.schemas import StrictModel
from chalicelib.services.run_recipients import MAX_PAGE_SIZE, PAGE_SIZE
from chalicelib.stage.app import stage
from chalicelib.states import Engagement
from chalicelib.text import one_line

ByPeople = Literal[Engagement.OPENED, Engagement.CLICKED, Engagement.UNSUBSCRIBED]


class RecipientsQuery(StrictModel):
    """Which recipients, and which page of them."""

    q: Annotated[
        str | None, Field(min_length=1, max_length=256, description="an address, a user's id or a notification's")
    ] = None
    status: Annotated[ShownStatus | None, Field(examples=["skipped"])] = None
    reason: Annotated[str | None, Field(min_length=1, max_length=256, description="as `reason` of the answer")] = None
    channel: Annotated[str | None, Field(max_length=64, description="one of the run's; default: all")] = None
    engagement: Annotated[ByPeople | None, Field(description="only those who did that")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE
    cursor: Annotated[str | None, Field(max_length=4096, description="`cursor` of the previous page")] = None


@reads(
    "GET",
    "/v1/campaigns/{id}/runs/{run}/recipients",
    summary="The recipients of a run, with what became of their letters",
    answer=RunRecipientsPage,
)
def list_run_recipients(call: Call[None, RecipientsQuery]) -> dict[str, Any]:
    """`run` is the `id` of one of the campaign's `runs`. One entry for each recipient and channel, in an order that
    stays, as of a second ago; a recipient is here once their chunk has been looked at, and is counted as `queued`
    before. To read all of them, follow `cursor`. A page may hold fewer entries than requested, or none; only `cursor`
    says whether there are more. With `q` the answer has the letters to one person, however an address is written, and
    no `cursor`."""
    asked = call.query
    run = stage().run_recipients.run(call.path["id"], call.path["run"], sight=call.sight)
    wanted = Wanted((asked.status,) if asked.status else None, asked.reason, asked.channel, asked.engagement)
    if asked.q is not None:
        return {"recipients": stage().run_recipients.of_person(run, one_line(asked.q), wanted), "cursor": None}
    recipients, cursor = stage().run_recipients.page(run, wanted, limit=asked.limit, cursor=asked.cursor)
    return {"recipients": recipients, "cursor": cursor}
