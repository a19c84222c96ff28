"""`/v1/campaigns/{id}/results`: what a run led to."""

from typing import Annotated, Any

from pydantic import Field

from chalicelib.api.answers import ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.notifications import reads
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage


class ResultsQuery(StrictModel):
    """Of which run."""

    run: Annotated[str | None, Field(max_length=200, description="`id` of one of its `runs`; default: the newest")] = (
        None
    )


class LinkResult(ApiAnswer):
    """How many letters had this link followed in them. Links that differ from reader to reader are one entry."""

    code: str = Field(description="of `/v1/links/{code}`")
    url: str = Field(description="where it leads to; `…` stands for what differs from reader to reader")
    personal: bool
    clicked: int = Field(description="by people")
    machine_clicked: int
    share: float = Field(description="of all links' `clicked`, percent")


class ProviderResult(ApiAnswer):
    """E-mails to addresses of one mailbox provider, such as `gmail.com`, or `other`."""

    provider: str
    sent: int
    delivered: int
    bounced: int
    complained: int
    opened: int
    clicked: int


class HourResult(ApiAnswer):
    """What happened in one hour since the run began, each letter counted once."""

    hour: int = Field(description="from 0")
    begins_at: str
    and_later: bool = Field(description="whether it has all that came later, too")
    sent: int
    opened: int
    clicked: int


class ReaderResult(ApiAnswer):
    """Whose letter was answered so."""

    notification_id: str | None
    recipient: dict[str, Any] | None = Field(description="as given; empty after an erasure")
    channel: str
    at: str | None


class ResultsAnswer(ApiAnswer):
    """Letters of all channels, as of `counted_at`. Who unsubscribed or complained: the newest forty each."""

    run_id: str
    counted_at: str | None = Field(description="null: it is being counted for the first time")
    counting: bool = Field(description="whether a newer count is under way; ask again in some seconds")
    sent: int
    delivered: int
    bounced: int
    complained: int
    unsubscribed: int
    opened: int = Field(description="by people")
    clicked: int = Field(description="by people")
    machine_opened: int
    machine_clicked: int
    links: list[LinkResult]
    providers: list[ProviderResult]
    hours: list[HourResult]
    unsubscribed_readers: list[ReaderResult]
    complained_readers: list[ReaderResult]


@reads(
    "GET",
    "/v1/campaigns/{id}/results",
    summary="What a run of a campaign led to",
    answer=ResultsAnswer,
)
def campaign_results(call: Call[None, ResultsQuery]) -> dict[str, Any]:
    """Clicks by link, results by mailbox provider and by hour, and who unsubscribed or complained. Counted from what
    became of each letter: a small run as of now; a large one in the background whenever it is asked for, at most once
    a minute."""
    run = stage().run_recipients.one(call.path["id"], call.query.run, sight=call.sight)
    shown: dict[str, Any] = stage().run_report.of(run)
    return shown
