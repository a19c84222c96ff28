"""Which calls are in the audit, and as which lines. The rule follows from the call's scope and method:

- what services do for their users all day (sending, events, live tickets) is in the ledger already: no line, unless it
  is done to what any service asked for;
- a call that changes anything else is an action: a line before and a line after;
- a call that reads personal data, or computes something for its caller, is a view: a line before;
- a caller who is refused is in the audit, whatever they asked for.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from chalice.app import Request
from pydantic import BaseModel

from chalicelib.accounts.api_keys import Caller, Scope
from chalicelib.accounts.audit import NOBODY, Deed, Door, thing_of
from chalicelib.api.declarations import Route
from chalicelib.errors import ForbiddenError, UnauthorizedError, VestnikError
from chalicelib.observability import aside
from chalicelib.service_scope import Sight
from chalicelib.stage.app import stage


class About(StrEnum):
    """What the calls of a scope deal with."""

    TRAFFIC = "traffic"
    CHANGE = "change"
    PERSONS = "persons"
    THINGS = "things"


ABOUT: Mapping[Scope, About] = MappingProxyType(
    {
        Scope.SEND: About.TRAFFIC,
        Scope.EVENTS_WRITE: About.TRAFFIC,
        Scope.LIVE_WRITE: About.TRAFFIC,
        Scope.USERS_WRITE: About.CHANGE,
        Scope.TEMPLATES_WRITE: About.CHANGE,
        Scope.SETTINGS_WRITE: About.CHANGE,
        Scope.SUPPRESSIONS_WRITE: About.CHANGE,
        Scope.LINKS_WRITE: About.CHANGE,
        Scope.CAMPAIGNS_WRITE: About.CHANGE,
        Scope.CAMPAIGNS_APPROVE: About.CHANGE,
        Scope.CONTROL_WRITE: About.CHANGE,
        Scope.MEDIA_WRITE: About.CHANGE,
        Scope.READ: About.PERSONS,
        Scope.USERS_READ: About.PERSONS,
        Scope.SUPPRESSIONS_READ: About.PERSONS,
        Scope.LINKS_READ: About.PERSONS,
        Scope.LIVE_READ: About.PERSONS,
        Scope.TEMPLATES_READ: About.THINGS,
        Scope.SETTINGS_READ: About.THINGS,
        Scope.CAMPAIGNS_READ: About.THINGS,
        Scope.CONTROL_READ: About.THINGS,
        Scope.MEDIA_READ: About.THINGS,
    }
)

# What managers can do too is named as on their pages; the rest by its operation id.
SAME = MappingProxyType(
    {
        "approve_campaign": "campaign.approve",
        "cancel_notification": "notification.cancel",
        "archive_campaign": "campaign.archive",
        "cancel_campaign": "campaign.cancel",
        "copy_campaign": "campaign.copy",
        "delete_campaign": "campaign.delete",
        "tag_campaign": "campaign.tag",
        "unarchive_campaign": "campaign.unarchive",
        "choose_experiment_winner": "campaign.winner",
        "create_campaign": "campaign.write",
        "edit_campaign": "campaign.edit",
        "pause_campaign": "campaign.pause",
        "release_campaign_canary": "campaign.canary",
        "resend_campaign": "campaign.resend",
        "resume_campaign": "campaign.resume",
        "send_back_campaign": "campaign.send_back",
        "start_campaign": "campaign.start",
        "test_campaign": "campaign.test",
        "preview_audience": "audience.look",
        "preview_campaign": "campaign.check",
        "list_run_recipients": "campaign.recipients",
        "create_run_export": "campaign.export",
        "list_run_exports": "campaign.exports",
        "get_run_export": "campaign.export_file",
        "delete_run_export": "campaign.export_delete",
        "campaign_results": "campaign.results",
        "change_consumer": "consumer.change",
        "drop_dead_letters": "dead-letters.drop",
        "redrive_dead_letters": "dead-letters.redrive",
        "decide_attention": "attention.decide",
        "set_limit": "limit.set",
        "throw_switch": "switch.throw",
        "revoke_link": "link.revoke",
        "create_list": "list.upload",
        "load_list": "list.load",
        "rename_list": "list.rename",
        "delete_list": "list.delete",
        "preview_list": "list.look",
        "list_recipients": "list.look",
        "list_refused_lines": "list.look",
        "create_segment": "segment.write",
        "edit_segment": "segment.edit",
        "delete_segment": "segment.delete",
        "add_media": "media.add",
        "describe_media": "media.describe",
        "delete_media": "media.delete",
        "put_setting": "setting.change",
        "add_suppression": "suppression.add",
        "remove_suppression": "suppression.remove",
        "put_template": "template.write",
        "preview_template": "template.letter",
        "check_template": "template.letter",
        "check_campaign_letter": "campaign.letter",
        "explain_letters": "why.look",
        "get_user": "user.look",
        "get_notification": "notification.look",
        "search_notifications": "notification.search",
        "list_suppressions": "suppression.look",
        "get_suppression": "suppression.look",
        "get_link": "link.look",
        "list_links": "link.look",
    }
)


class Watch(StrEnum):
    """What a call writes into the audit."""

    NOTHING = "nothing"
    LOOK = "look"
    ACT = "act"


def watch_of(method: str, scope: Scope, *, everything: bool = False) -> Watch:
    """The audit rule for a call; `everything`: it reaches what any service asked for. `ABOUT` must say what the calls
    of a new scope deal with."""
    match ABOUT[scope]:
        case About.TRAFFIC:
            return Watch.ACT if everything else Watch.NOTHING
        case About.CHANGE:
            return Watch.ACT
        case About.THINGS if method == "GET":
            return Watch.NOTHING
    return Watch.LOOK


def admitted(route: Route, request: Request, path: Mapping[str, str]) -> tuple[Caller, Sight]:
    """The authenticated caller, with what they see. Raises: UnauthorizedError, ForbiddenError (permanent),
    UnavailableError (retryable)."""
    try:
        caller = stage().api_keys.caller(request.headers.get("authorization"))
    except UnauthorizedError as error:
        _refused(route, request, path, error.key_id, error)
        raise
    try:
        return caller, caller.demand(route.scope, route.of_all)
    except ForbiddenError as error:
        _refused(route, request, path, caller.key_id, error)
        raise


def _refused(route: Route, request: Request, path: Mapping[str, str], by: str | None, error: VestnikError) -> None:
    with aside("audit"):  # a stranger's path is not stored: it may contain anything
        stage().audit.refuse(_deed(route, request, by or NOBODY, _thing(path, None) if by else None), error)


def watched(
    route: Route, request: Request, path: Mapping[str, str], *, caller: Caller, sight: Sight, body: BaseModel | None
) -> Callable[[], AbstractContextManager[None]]:
    """The audit context in which a call's view runs. A view's own line is written here, so that a replayed answer has
    one too. Raises: UnavailableError (retryable): nothing may be shown or done."""
    watch = watch_of(route.method, route.scope, everything=sight.everything)
    if watch is Watch.NOTHING:
        return nullcontext
    deed = _deed(route, request, caller.key_id, _thing(path, body))
    if watch is Watch.LOOK:
        stage().audit.look(deed)
        return nullcontext
    fields = {"fields": sorted(body.model_fields_set)} if body is not None else {}
    return lambda: stage().audit.act(deed, **fields)


def _deed(route: Route, request: Request, by: str, thing: str | None) -> Deed:
    ip = str(request.context.get("identity", {}).get("sourceIp") or "unknown")
    return Deed(door=Door.API, by=by, did=SAME.get(route.operation, route.operation), thing=thing, ip=ip)


def _thing(path: Mapping[str, str], body: BaseModel | None) -> str | None:
    """What the path names; otherwise the address, key or name in the body."""
    if "address" in path:
        return stage().address_hashes.owner(path["channel"], path["address"])
    named: list[Any] = [*path.values(), *(getattr(body, name, None) for name in ("email", "address", "key", "name"))]
    return next((thing_of(one, stage().address_hashes) for one in named if isinstance(one, str) and one), None)
