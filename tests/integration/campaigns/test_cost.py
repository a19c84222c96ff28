"""What a campaign costs, in requests to DynamoDB. `bench/way.py` measures every service, and the CPU time.

The bounds are what was seen, with room for what a slow machine reads again (a campaign's state is known for a second of
real time); they notice a new request a chunk or two, and are looser than the target of 0.35 requests a letter.
"""

import json
from typing import Any

import pytest

from chalicelib.campaigns import pacing as pace
from tests.integration.campaigns.conftest import Desk, PostOffice, Viewers
from tests.integration.control.requests_made import Requests

CHUNKS, CHUNK = 2, 50
# Of a chunk of fifty. What a process reads once a second or leases in blocks is shared by the chunks of that second;
# the links that a run's letters share are written once by a process, which is half a request for each of two chunks.
MOST = {"enrich-bulk": 7, "deliver-email-bulk": 10, "feedback": 2.6}


def told(office: PostOffice, kind: str) -> list[str]:
    """What SES says about every letter."""
    return [
        json.dumps(
            {"eventType": kind, "mail": {"messageId": one.delivery_id, "tags": {n: [v] for n, v in one.tags.items()}}}
        )
        for one in office.letters
    ]


def test_a_chunk_of_fifty_takes_few_requests_at_every_stage(
    desk: Desk, office: PostOffice, viewers: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "MAX_SHARDS", 1)  # so that a few viewers make whole chunks
    viewers(CHUNKS * CHUNK)
    campaign_id = desk.start()
    desk.pump.run("fanout")
    taken = {}
    for queue in ("enrich-bulk", "deliver-email-bulk"):
        requests = Requests()
        desk.pump.run(queue)
        taken[queue] = requests.count() / CHUNKS
    for kind in ("Send", "Delivery"):
        for body in told(office, kind):
            desk.pump.put("feedback", body)
    requests = Requests()
    desk.pump.run("feedback")
    taken["feedback"] = requests.count() / (2 * len(office.letters) / 10)  # moto hands out ten messages at once
    progress = desk.progress(campaign_id)
    assert (progress.sent, progress.delivered) == (CHUNKS * CHUNK, CHUNKS * CHUNK)
    assert {queue: n for queue, n in taken.items() if n > MOST[queue]} == {}


def test_the_openings_of_a_campaign_cost_two_requests_a_hundred_users(
    desk: Desk, viewers: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "MAX_SHARDS", 1)
    viewers(CHUNKS * CHUNK)
    first = desk.start()
    desk.finish()

    def requests(rule: dict[str, Any]) -> int:
        desk.start(audience={"rule": {"not": rule}})
        made = Requests()
        desk.pump.run("fanout")
        return made.count()

    plain = requests({"attribute": "name", "op": "equals", "value": "Nobody"})
    assert (
        requests({"attribute": first, "op": "opened_campaign", "value": 2}) <= plain + 3
    )  # its runs, its letters, and what was opened
