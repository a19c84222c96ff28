"""`/v1/campaigns`: searching and sorting them; tags, the archive, copies, and deleting drafts."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.accounts.audit import note
from chalicelib.api.answers import IN_PLACE
from chalicelib.api.campaign_answers import CampaignAnswer, CampaignPage
from chalicelib.api.campaigns import STATE_FORBIDS, campaign_tag, described
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.notifications import PageQuery
from chalicelib.campaigns.description import describe_campaign
from chalicelib.campaigns.desk import DeskQuery, Sort, page_of
from chalicelib.campaigns.tags import Tag, Tags
from chalicelib.clock import Moment
from chalicelib.profiles.model import Name
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage
from chalicelib.states import CampaignState
from chalicelib.text import Line

writes = partial(endpoint, scope=Scope.CAMPAIGNS_WRITE, of_all=Scope.CAMPAIGNS_WRITE_ALL)
moves = partial(writes, "POST", answer=CampaignAnswer, tag=campaign_tag)
_Wanted = Annotated[Line | None, Field(min_length=1, max_length=200)]


class CampaignsQuery(PageQuery):
    """Which campaigns; every condition that is given must hold."""

    state: Annotated[CampaignState, IN_PLACE] | None = None
    q: Annotated[_Wanted, Field(description="any part of the name, whatever the letters' case")] = None
    template: Annotated[_Wanted, Field(description="key of a template")] = None
    author: Annotated[_Wanted, Field(description="name of a manager or a service, or id of a key")] = None
    tag: Annotated[Tag | None, Field(description="whatever the letters' case")] = None
    created_after: Annotated[Moment | None, Field(description="this moment included")] = None
    created_before: Annotated[Moment | None, Field(description="this moment excluded")] = None
    archived: Annotated[bool, Field(description="only those in the archive; otherwise only the others")] = False
    sort: Annotated[
        Sort,
        Field(
            description="with `-` the largest first; `when`: the time of the next run, or else of the last; `opens`: "
            "the share of delivered letters that people opened, as it was noted last"
        ),
    ] = "-created"


@endpoint(
    "GET",
    "/v1/campaigns",
    summary="Campaigns, searched and sorted",
    scope=Scope.CAMPAIGNS_READ,
    of_all=Scope.CAMPAIGNS_READ_ALL,
    answer=CampaignPage,
)
def list_campaigns(call: Call[None, CampaignsQuery]) -> dict[str, Any]:
    """Each with its progress, newest first unless `sort` says otherwise. A page may hold fewer entries than requested,
    or none; only `cursor` says whether there are more."""
    asked = call.query.model_dump(exclude={"limit", "cursor"})
    found = page_of(
        stage().campaign_desk.entries(sight=call.sight),
        DeskQuery(**asked),
        limit=call.query.limit,
        cursor=call.query.cursor,
    )
    heads = stage().campaigns.some([one.id for one in found.entries])
    shown = [describe_campaign(one, runs=stage().runs, preview=stage().campaign_preview) for one in heads]
    return {"campaigns": [{**one, "tag": None} for one in shown], "cursor": found.cursor}


class TagsBody(StrictModel):
    """Which tags a campaign gets, and which it loses."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"add": ["autumn"], "remove": ["summer"]}]})

    add: Annotated[
        Tags,
        Field(description="a campaign has at most ten; those that differ only in the letters' case are one"),
    ] = ()
    remove: Tags = ()


@moves("/v1/campaigns/{id}/tags", summary="Add and remove a campaign's tags")
def tag_campaign(call: Call[TagsBody, None]) -> dict[str, Any]:
    """In any state; it makes no version and needs no approval. May be repeated safely; what others add or remove at the
    same time stays."""
    body = call.body
    return described(stage().desk_commands.tag(call.path["id"], add=body.add, remove=body.remove, sight=call.sight))


@moves("/v1/campaigns/{id}/archive", summary="Put a campaign into the archive", problems=STATE_FORBIDS)
def archive_campaign(call: Call[None, None]) -> dict[str, Any]:
    """It is no longer in the list, and everything of it stays. Drafts, completed and cancelled ones can be archived;
    whatever moves such a campaign on takes it out again."""
    return described(stage().desk_commands.archive(call.path["id"], sight=call.sight))


@moves("/v1/campaigns/{id}/unarchive", summary="Take a campaign out of the archive")
def unarchive_campaign(call: Call[None, None]) -> dict[str, Any]:
    """It is in the list again."""
    return described(stage().desk_commands.unarchive(call.path["id"], sight=call.sight))


class CopyBody(StrictModel):
    """What the copy is called."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Half price in December"}]})

    name: Annotated[Name | None, Field(description="default: the name of the original with ` (copy)`")] = None


@moves("/v1/campaigns/{id}/copy", summary="Copy a campaign", status=HTTPStatus.CREATED)
def copy_campaign(call: Call[CopyBody, None]) -> dict[str, Any]:
    """A new draft of the caller with all content: texts, translations, audience, files, content source, schedule, tags;
    without a `start_at` that has passed. `copied_from` says where it came from."""
    caller = call.caller
    head = stage().desk_commands.copy(
        call.path["id"],
        by=caller.key_id,
        name=call.body.name,
        id_=call.own_id("campaign"),
        service=caller.service,
        hands=caller.hands,
        sight=call.sight,
    )
    note(things=[head.id])
    return described(head)


@writes(
    "DELETE",
    "/v1/campaigns/{id}",
    summary="Delete a draft",
    problems={HTTPStatus.CONFLICT: "it is no draft, or has run"},
    if_match=True,
)
def delete_campaign(call: Call[None, None]) -> None:
    """Deletes a draft that never ran, with all its versions. May be repeated safely."""
    stage().desk_commands.delete_draft(call.path["id"], seen=call.seen, sight=call.sight)
