"""A provider that is down, and a person who stops everything."""

import time
from datetime import datetime

import pytest

from tests.chaos.conftest import PROBE_SECONDS, RAMP_SECONDS
from tests.chaos.rig import CONCURRENCY, Rig
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e


def switch(rig: Rig) -> str:
    """The state of the switch of SES."""
    return str(rig.control("GET", "switches/ses")["state"])


def test_a_provider_that_is_down_is_left_alone_and_comes_back_slowly(rig: Rig) -> None:
    rig.fault("refuse", error="SendingPausedException")
    rig.control("POST", "limits/ses.instant", {"rate_per_second": 50})
    addresses = rig.addresses(120)
    ids = rig.send(addresses)
    eventually(lambda: switch(rig) == "open")
    eventually(lambda: not enabled(rig, "deliver-email"))  # what waits uses up no receive
    eventually(lambda: rig.queues.in_flight("deliver-email") == 0)
    opened, opened_at = len(failures(rig)), moment(rig.control("GET", "switches/ses")["changed_at"])
    assert opened <= 10
    eventually(rig.ticking(lambda: len(failures(rig)) >= opened + 4))
    probes = failures(rig)[opened:]
    # One an interval; a call reaches the provider later than it was let through, on a busy machine much later.
    assert all(at >= opened_at + PROBE_SECONDS * n for n, at in enumerate(probes, start=1))
    rig.forgive()
    shares = ramp(rig)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert rig.settle(ids) == {"delivered": 120}
    assert set(rig.copies(addresses).values()) == {1}
    assert rig.queues.dead() == {}


def test_a_thrown_switch_stops_a_mass_mailing_and_the_exact_rest_goes_on(rig: Rig) -> None:
    rig.control("POST", "limits/ses.bulk", {"rate_per_second": 50})
    rig.fault("no_events")  # what the ledger says in this test, it knows by itself
    addresses = rig.addresses(1000)
    campaign = rig.campaign(addresses, rate_per_second=400)
    eventually(rig.ticking(lambda: rig.stats()["accepted"] >= 100))
    rig.control("POST", "switches/ses", {"state": "open", "reason": "a wrong price in the letter"})
    thrown = rig.stats()["accepted"]
    rig.come_to_rest("deliver-email-bulk")
    stopped = rig.stats()["accepted"]
    assert stopped <= thrown + CONCURRENCY * 50
    assert stopped < 1000
    time.sleep(2 * PROBE_SECONDS)
    rig.tick()  # nobody but a person ends it: no probe leaves, however long it takes
    time.sleep(1)
    assert switch(rig) == "open"
    assert rig.stats()["accepted"] == stopped
    rig.control("POST", "limits/ses.bulk", {"rate_per_second": 400})
    rig.control("POST", "switches/ses", {"state": "closed", "reason": "the price is right", "ramp": False})
    eventually(rig.ticking(lambda: rig.progress(campaign)["sent"] == 1000))
    assert rig.stats()["accepted"] == 1000
    assert set(rig.copies(addresses).values()) == {1}


def ramp(rig: Rig) -> list[float]:
    """The shares of the rate that were let through, from the first good probe on; none above its line, which begins at
    10 %."""
    shares: list[float] = []

    def look() -> bool:
        rig.tick()
        seen = rig.control("GET", "switches/ses")
        if seen["state"] == "open":
            return False
        shares.append(float(seen["share"]))
        passed = time.time() - moment(seen["changed_at"])
        assert shares[-1] <= 0.1 + 0.9 * passed / RAMP_SECONDS or seen["state"] == "closed"
        return bool(seen["state"] == "closed")

    eventually(look)
    return shares


def failures(rig: Rig) -> list[float]:
    """When the provider was called in vain."""
    return [moment(call["at"]) for call in rig.stats()["call_times"] if call["outcome"] == "SendingPausedException"]


def moment(told: str) -> float:
    """In epoch seconds."""
    return datetime.fromisoformat(told).timestamp()


def enabled(rig: Rig, queue: str) -> bool:
    """Whether a consumer is on."""
    return next(bool(one["enabled"]) for one in rig.control("GET", "")["consumers"] if one["queue"] == queue)
