"""`/v1/links`: the short links of letters and their visits."""

from functools import partial
from typing import Annotated, Any

from pydantic import Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.notifications import PageQuery
from chalicelib.api.openapi import EXAMPLE_ID
from chalicelib.etags import tag_of
from chalicelib.stage.app import stage
from chalicelib.storage.campaign_links import of_campaign
from chalicelib.storage.short_links import fields_of

reads = partial(endpoint, scope=Scope.LINKS_READ, of_all=Scope.LINKS_READ_ALL)


class LinkQuery(PageQuery):
    """Which page of which campaign's links."""

    campaign_id: Annotated[str, Field(min_length=1, max_length=200, examples=[EXAMPLE_ID])]


class LinkAnswer(ApiAnswer):
    """A link of one user's letter, or (`user_id` is null) of all letters of a run. `visits` counts people's."""

    code: str
    kind: str
    user_id: str | None
    redirect_url: str | None
    notification_id: str | None
    campaign_id: str | None
    created_at: str
    valid_until: str
    revoked_at: str | None
    first_visited_at: str | None
    last_visited_at: str | None
    confirmed_at: str | None
    visits: int
    bot_visits: int


class LinkPage(ApiAnswer):
    """A page of links, oldest first; `cursor` is null on the last one."""

    links: list[LinkAnswer]
    cursor: str | None


@reads("GET", "/v1/links", summary="A campaign's short links with their visits", answer=LinkPage)
def list_links(call: Call[None, LinkQuery]) -> dict[str, Any]:
    """One entry per link: shared by the letters of a run, or one reader's own. How many people followed each is in
    `/v1/campaigns/{id}/results`."""
    query = call.query
    rows, cursor = of_campaign(query.campaign_id, limit=query.limit, cursor=query.cursor)
    return {"links": rows, "cursor": cursor} if _in_sight(call, query.campaign_id) else {"links": [], "cursor": None}


@reads(
    "GET",
    "/v1/links/{code}",
    summary="One short link with its visits",
    answer=LinkAnswer,
    tag=lambda shown: tag_of(fields_of(shown)),
)
def get_link(call: Call[None, None]) -> dict[str, Any]:
    """Whether valid or expired."""
    return stage().links.get(call.path["code"], sight=call.sight)


@endpoint(
    "DELETE",
    "/v1/links/{code}",
    summary="Revoke a short link",
    scope=Scope.LINKS_WRITE,
    of_all=Scope.LINKS_WRITE_ALL,
    if_match=True,
)
def revoke_link(call: Call[None, None]) -> None:
    """From now on visitors get a 404 page; its counts stay. May be repeated safely."""
    stage().links.revoke(call.path["code"], seen=call.seen, sight=call.sight)


def _in_sight(call: Call[Any, Any], campaign_id: str) -> bool:
    """Whether the caller may see a campaign; another service's looks as if it had never existed."""
    return call.sight.everything or any(
        call.sight.has(head.service, by=head.created_by) for head in stage().campaigns.some([campaign_id])
    )
