"""Many campaigns at once: which of them were ticked is shown with what will happen, and then what became of each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.accounts.audit import note
from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import Page
from chalicelib.admin.views import Visit, action, page
from chalicelib.campaigns.tags import read_tags
from chalicelib.errors import InvalidError, Phrase, VestnikError
from chalicelib.service_scope import EVERYTHING
from chalicelib.stage.app import stage
from chalicelib.storage.campaign_desk import DeskEntry

MOST_AT_ONCE = 50
DEEDS = ("tag", "archive", "unarchive", "pause", "cancel", "delete")


@page("/admin/campaigns/chosen", role=Role.EDITOR)
def chosen_campaigns(visit: Visit) -> Page:
    """The ticked ones, and what can be done with all of them."""
    ids = visit.form.get("id") or visit.asked.get("id", ())
    deed = visit.typed("do") or visit.query.get("do", "")
    shown = {"entries": _chosen(ids), "deed": deed if deed in DEEDS else None, "form": visit.form, "results": None}
    return Page("campaigns_chosen", shown)


@action("/admin/campaigns/chosen", role=Role.EDITOR, does="campaign.bulk", again=chosen_campaigns)
def do_with_chosen(visit: Visit) -> Page:
    """Each by itself: what is refused for one is told, and stops no other."""
    deed, entries = visit.typed("do"), _chosen(visit.form.get("id", ()))
    if deed not in DEEDS:
        raise InvalidError.of("do", Phrase("expected what is to be done"))
    act = _act(deed, visit)
    results = [(one, _refusal(act, one.id)) for one in entries]
    note(things=[one.id for one, refused in results if refused is None])
    shown = {"entries": entries, "deed": deed, "form": {}, "results": results}
    return Page("campaigns_chosen", shown)


def _chosen(ids: Sequence[str]) -> list[DeskEntry]:
    """In the order in which they were ticked; what is gone since is missing."""
    known = {one.id: one for one in stage().campaign_desk.entries(sight=EVERYTHING)}
    return [known[one] for one in dict.fromkeys(ids[:MOST_AT_ONCE]) if one in known]


def _act(deed: str, visit: Visit) -> Callable[[str], object]:
    """Raises: InvalidError (permanent): no tag is typed."""
    commands, desk, by = stage().campaign_commands, stage().desk_commands, visit.manager.key
    if deed == "tag":
        tags = read_tags(visit.typed("tags"))
        if not tags:
            raise InvalidError.of("tags", Phrase("expected at least one tag"))
        return lambda id_: desk.tag(id_, add=tags)
    acts: Mapping[str, Callable[[str], object]] = {
        "archive": desk.archive,
        "unarchive": desk.unarchive,
        "pause": lambda id_: commands.pause(id_, by=by),
        "cancel": lambda id_: commands.cancel(id_, by=by),
        "delete": desk.delete_draft,
    }
    return acts[deed]


def _refusal(act: Callable[[str], Any], campaign_id: str) -> str | None:
    try:
        act(campaign_id)
    except VestnikError as error:
        return error.detail
    return None
