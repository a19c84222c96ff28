"""The first page: what goes on, what waits, what needs a person."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalice.app import Blueprint

from chalicelib.admin.frame import Visit, page
from chalicelib.admin.look import Page
from chalicelib.campaigns.description import describe_campaign
from chalicelib.wiring.campaigns import campaign_preview
from chalicelib.wiring.control import queue_depths, switches
from chalicelib.wiring.ledger import revive
from chalicelib.wiring.running import campaigns, runs

routes = Blueprint(__name__)
_NEWEST = 20
_MOST_SHOWN = 5


@page(routes, "/admin")
def overview(visit: Visit) -> Page:  # noqa: ARG001 - the frame gives it
    """Running campaigns with their progress, switches, queues, dead letters, what waits for a person."""
    with ThreadPoolExecutor(1) as pool:  # the queues answer while the tables are read
        depths = pool.submit(queue_depths().read)
        running = _running()
        thrown = [switch for switch in switches().read_all() if switch.state != "closed"]
        uncertain, _ = revive().uncertain(limit=1, cursor=None)
    found = depths.result()
    shown: dict[str, Any] = {
        "running": running,
        "thrown": thrown,
        "attention": bool(uncertain),
        "depths": {name: depth for name, depth in found.items() if depth.total},
        "dead": sum(depth.dead for depth in found.values()),
    }
    return Page("overview", shown)


def _running() -> list[dict[str, Any]]:
    found, _ = campaigns().page(limit=_NEWEST, cursor=None)
    alive = [head for head in found if head.open_runs or head.state in ("running", "paused", "awaiting_approval")]
    return [
        describe_campaign(head, runs=runs(), preview=campaign_preview(), shown_runs=1) for head in alive[:_MOST_SHOWN]
    ]
