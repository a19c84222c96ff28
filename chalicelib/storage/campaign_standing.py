"""What a worker needs before every chunk of a campaign, in one request: the campaign's state, and the circuit breaker
and rate limit of the subsystem to be called."""

from typing import NamedTuple

from chalicelib.states import CampaignState
from chalicelib.storage.circuit_breakers import CircuitBreakers
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb
from chalicelib.storage.rate_limits import RateLimiter
from chalicelib.storage.rows.campaigns import HEAD_PART, CampaignRow
from chalicelib.storage.rows.flow import LimitRow, SwitchRow


class CampaignStanding(NamedTuple):
    """`state` is `cancelled` if there is no such campaign; `refusals` counts letters that were refused in a row."""

    state: str
    approved_site: str | None
    rate_per_second: float
    refusals: float


def read_standing(
    campaign_id: str, *, subsystem: str, lane: str, switches: CircuitBreakers, limiter: RateLimiter
) -> CampaignStanding:
    """As of now; `switches` and `limiter` remember what was read of theirs. Raises: UnavailableError (retryable)."""
    limit = f"{subsystem}.{lane}"
    with reaching_dynamodb():
        found = dict(
            batch_read({CampaignRow: [(campaign_id, HEAD_PART)], SwitchRow: [(subsystem,)], LimitRow: [(limit,)]})
        )
    switches.remember(SwitchRow.from_raw_data(found.get(SwitchRow, {"name": {"S": subsystem}})))
    limiter.remember(LimitRow.from_raw_data(found.get(LimitRow, {"name": {"S": limit}})))
    head = found.get(CampaignRow, {})
    return CampaignStanding(
        state=head.get("state", {}).get("S", CampaignState.CANCELLED),
        approved_site=head.get("approved_site", {}).get("S"),
        rate_per_second=float(head.get("rate_per_second", {}).get("N", 1)),
        refusals=float(head.get("refusals", {}).get("N", 0)),
    )
