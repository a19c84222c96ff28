"""The first page: what is running, what waits, what needs a person."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.admin.charts import bars, top_of
from chalicelib.admin.templating import Page
from chalicelib.admin.views import Visit, page
from chalicelib.campaigns.description import describe_in_short
from chalicelib.service_scope import EVERYTHING
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.states import HELD, CampaignState, SwitchState
from chalicelib.storage.campaign_desk import DeskEntry
from chalicelib.storage.hourly_stats import WORDS, Hour, Wait

_NEWEST = 20
_MOST_SHOWN = 5
_HOURS = 24


@page("/admin")
def overview(visit: Visit) -> Page:  # noqa: ARG001 - the frame gives it
    """The last day, running campaigns with their progress, switches, queues, dead letters, and what waits
    for a person."""
    with ThreadPoolExecutor(1) as pool:  # the queues answer while the tables are read
        depths = pool.submit(stage().queue_depths.read)
        known = stage().campaign_desk.entries(sight=EVERYTHING)
        alive = _alive(known)
        thrown = [switch for switch in stage().switches.read_all() if switch.state != SwitchState.CLOSED]
        uncertain, _ = stage().ledger.uncertain(limit=1, cursor=None)
        day = stage().hourly_stats.newest(_HOURS)
    found = depths.result()
    shown: dict[str, Any] = {
        "first_run": not known,
        "running": [one for one in alive if one["state"] != CampaignState.AWAITING_APPROVAL][:_MOST_SHOWN],
        "decisions": [one for one in alive if one["waits_for"]],
        "asked": [one for one in alive if one["state"] == CampaignState.AWAITING_APPROVAL],
        "thrown": thrown,
        "attention": bool(uncertain),
        "depths": {name: depth for name, depth in found.items() if depth.total},
        "waits": _waits(day),
        "bars": bars(day, zone=settings().default_timezone),
        "top": top_of([hour.count("sent") + hour.count("failed") for hour in day]),
        "totals": {word: sum(hour.count(word) for hour in day) for word in WORDS},
        "dead": sum(depth.dead for depth in found.values()),
    }
    return Page("overview", shown)


def _alive(known: Sequence[DeskEntry]) -> list[dict[str, Any]]:
    """What a person looks at now, what waits for a decision first, then the newest."""
    alive = [one for one in known if one.decides or one.state in (CampaignState.RUNNING, *HELD)]
    alive.sort(key=lambda one: (bool(one.decides), one.created_at), reverse=True)
    heads = stage().campaigns.some([one.id for one in alive[:_NEWEST]])
    return sorted(describe_in_short(heads), key=lambda one: not one["waits_for"])


def _waits(day: Sequence[Hour]) -> dict[str, Wait]:
    """By queue (without the stage's prefix), as last seen."""
    prefix = settings().resource("")
    return {queue.removeprefix(prefix): wait for hour in day for queue, wait in hour.waits.items()}
