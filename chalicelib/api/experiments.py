"""`/v1/campaigns/{id}/experiment`: how the variants of a campaign do, and which of them the rest of a run gets."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from chalicelib.api.answers import IN_PLACE, ApiAnswer
from chalicelib.api.campaign_moves import writes
from chalicelib.api.campaigns import described, in_sight, reads
from chalicelib.api.checked_call import Call
from chalicelib.campaigns.proportions import Certainty
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage

VariantName = Literal["A", "B", "C", "D"]
RunId = Annotated[
    str | None,
    Field(max_length=128, description="id of a run; default: the newest that waits for a winner, or else the newest"),
]


class ExperimentQuery(StrictModel):
    """Which run's test is meant."""

    run: RunId = None


class WinnerBody(StrictModel):
    """Which variant the rest gets."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"variant": "B"}]})

    variant: VariantName
    run: RunId = None


class VariantAnswer(ApiAnswer):
    """What became of the letters of a variant in the test, without those of the rest; people's actions alone."""

    variant: VariantName
    name: str | None
    sent: int
    delivered: int
    bounced: int
    opened: int
    clicked: int
    unsubscribed: int
    complained: int
    reached: int = Field(description="sent and not bounced: what the rates are of")
    opens_rate: float = Field(description="from 0 to 1")
    clicks_rate: float


class ComparisonAnswer(ApiAnswer):
    """The best variant, of equal ones the first, and what may be said of that."""

    best: VariantName
    next: VariantName
    points: float = Field(description="by how many percentage points it is ahead")
    p: float | None = Field(
        description="the chance of such a difference without a reason (two-proportion z-test, for all pairs); "
        "null: too few to tell"
    )
    verdict: Annotated[Certainty, IN_PLACE] = Field(
        description="`none`: nobody has done it yet; `few`: too few to tell; `tie`; `chance`: it could be chance; "
        "`sure`: it hardly is"
    )


class ExperimentAnswer(ApiAnswer):
    """How a test stands. Times are RFC 3339, UTC; `run` is null before the first."""

    run: str | None
    experiment: dict[str, Any]
    waits: bool = Field(description="whether the rest is held for a winner")
    waits_for_a_person: bool = Field(description="whether a person has to choose it")
    decides_at: str | None = Field(description="null while letters of the test have to go out, and by hand")
    variants: list[VariantAnswer]
    comparison: dict[Literal["opens", "clicks"], ComparisonAnswer] | None
    winner: VariantName | None
    decided_at: str | None
    decided_by: str | None = Field(description="a manager, a key, or `service`")
    sure: bool | None = Field(description="whether the difference was hardly chance when it was decided")
    rest_at: str | None = Field(description="when the rest gets the winner")


@reads(
    "GET",
    "/v1/campaigns/{id}/experiment",
    summary="How the variants of a campaign do",
    answer=ExperimentAnswer,
)
def get_experiment(call: Call[None, ExperimentQuery]) -> dict[str, Any]:
    """The numbers are of the test alone, and at most a minute old; of a test of more than 5,000 letters ten minutes."""
    head = stage().campaigns.get(call.path["id"], sight=call.sight)
    standing: dict[str, Any] = stage().experiment_standing.of(head, call.query.run)
    return standing


@writes("/v1/campaigns/{id}/experiment/winner", summary="Choose the variant that the rest gets")
def choose_experiment_winner(call: Call[WinnerBody, None]) -> dict[str, Any]:
    """At any time before it is decided, whatever the numbers say; nothing is undone by it. Repeated, it changes
    nothing."""
    body, caller = call.body, call.caller.key_id
    return described(stage().winner.choose(in_sight(call), body.variant, by=caller, run_id=body.run))
