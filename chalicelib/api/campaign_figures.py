"""`/v1/campaigns/compare` and `/v1/campaigns/trends`: what campaigns have brought, side by side and by month."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import IN_PLACE, ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.campaigns.comparison import MOST_COMPARED, differences
from chalicelib.campaigns.trends import MOST_MONTHS, trend
from chalicelib.clock import now
from chalicelib.errors import Phrase
from chalicelib.schemas import StrictModel
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.states import CampaignState

reads = partial(endpoint, "GET", scope=Scope.CAMPAIGNS_READ, of_all=Scope.CAMPAIGNS_READ_ALL)
_Rate = float | None
_EXAMPLE_IDS = "0d2b0c56-5a0b-4c3e-9a55-0c1d2e3f4a5b,9a7c1e34-0f6d-4b1a-8c55-6b7d8e9f0a1b"


class RatesAnswer(ApiAnswer):
    """From 0 to 1; null as long as nothing is known."""

    delivered: _Rate = Field(description="of letters that were delivered or returned")
    opened: _Rate = Field(description="of delivered letters, by people")
    clicked: _Rate = Field(description="of delivered letters, by people")
    unsubscribed: _Rate = Field(description="of delivered letters")
    complained: _Rate = Field(description="of delivered letters")
    bounced: _Rate = Field(description="of letters that were delivered or returned")


class CountsAnswer(ApiAnswer):
    """Deliveries, as they were counted last: every minute while a run goes on, and ever more rarely for thirty days."""

    sent: int
    delivered: int
    opened: int
    clicked: int
    unsubscribed: int
    complained: int
    bounced: int
    rates: RatesAnswer


class ComparedAnswer(CountsAnswer):
    """A campaign beside others; of all its runs together."""

    id: str
    name: str
    state: Annotated[CampaignState, IN_PLACE]
    template: str
    subject: str | None = Field(description="in the campaign's own language; null if there is no e-mail")
    targeted: int


class DifferenceAnswer(ApiAnswer):
    """A rate in which one campaign is above another, which is hardly chance: a two-proportion z-test at 5%, corrected
    for the number of pairs."""

    measure: str
    more: str = Field(description="id of the campaign")
    less: str = Field(description="id of the campaign")


class ComparedCampaignsAnswer(ApiAnswer):
    """In the order of `ids`."""

    campaigns: list[ComparedAnswer]
    differences: list[DifferenceAnswer]


class MonthAnswer(CountsAnswer):
    """A month of the stage's zone; letters belong to that in which their run began."""

    month: str
    campaigns: int
    runs: int


class TrendsAnswer(ApiAnswer):
    """Oldest first, from the first month in which something was sent."""

    months: list[MonthAnswer]


def _ids(value: str) -> str:
    ids = [one.strip() for one in value.split(",") if one.strip()]
    if not 2 <= len(set(ids)) <= MOST_COMPARED:
        raise ValueError(Phrase("expected 2 to {most} campaigns", most=MOST_COMPARED))
    return ",".join(dict.fromkeys(ids))


class CompareQuery(StrictModel):
    """Which campaigns."""

    ids: Annotated[
        str,
        Field(max_length=512, description="two to four ids, with commas", examples=[_EXAMPLE_IDS]),
        AfterValidator(_ids),
    ]


class TrendsQuery(StrictModel):
    """How far back."""

    months: Annotated[int, Field(ge=1, le=MOST_MONTHS)] = 12


@reads(
    "/v1/campaigns/compare",
    summary="Campaigns side by side",
    answer=ComparedCampaignsAnswer,
    problems={HTTPStatus.NOT_FOUND: "there is no such campaign"},
)
def compare_campaigns(call: Call[None, CompareQuery]) -> dict[str, Any]:
    """What each has brought, and in what they differ beyond chance."""
    compared = stage().comparison.of(call.query.ids.split(","), sight=call.sight)
    told = [one._asdict() for one in compared]
    return {
        "campaigns": [
            {name: one[name] for name in ("id", "name", "state", "template", "subject")}
            | {"targeted": one["counts"].get("targeted", 0)}
            | _counts(one["counts"], one["rates"])
            for one in told
        ],
        "differences": [
            {"measure": one.measure, "more": one.more.id, "less": one.less.id} for one in differences(compared)
        ],
    }


@reads("/v1/campaigns/trends", summary="What campaigns brought, by month", answer=TrendsAnswer)
def get_campaign_trends(call: Call[None, TrendsQuery]) -> dict[str, Any]:
    """Of all campaigns in sight together. Counted from this release on, and of earlier runs as they are found."""
    zone = settings().default_timezone
    found = trend(at=now(), zone=zone, months=call.query.months, sight=call.sight)
    return {
        "months": [
            {"month": one.month, **{word: one.counts.get(word, 0) for word in ("campaigns", "runs")}}
            | _counts(one.counts, one.rates)
            for one in found
        ]
    }


def _counts(counts: Any, rates: Any) -> dict[str, Any]:
    words = [word for word in CountsAnswer.model_fields if word != "rates"]
    return {**{word: counts.get(word, 0) for word in words}, "rates": rates}
