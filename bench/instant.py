"""How long an instant letter takes, from the call of the API to SES's acceptance, on the embedded cloud: on an idle
stage, and beside a campaign. And what it takes of DynamoDB, from the call to the record of its sending, and the event
that follows.

    python -m bench.instant [--users 10000] [--letters 200] [--rate 25]
"""

import argparse
import statistics
import time

from bench import letter
from bench.crowd import Crowd, crowd
from bench.harness import Report
from bench.requests_made import Units
from bench.stage import INSTANT_WAY, Spent, Stage, work_off, worked_by_hand
from chalicelib.clock import parse_rfc3339

MOST_P50_MS, MOST_P99_MS = 150, 500
MOST_WRITES = 6.0  # until it is sent, beside what is counted of many letters:
OF_MANY = frozenset(f"vestnik-local-{thing}" for thing in ("caps", "counters", "limits", "switches"))
MOST_SLOWER = 2.0  # p95 beside a campaign
_LIMIT_SECONDS = 60
_WARM_LETTERS = 10
_POLL_SECONDS = 0.02


def seconds_to_accepted(made: Crowd, name: str) -> float:
    """How long one letter takes."""
    mailbox, started = made.mailbox(), time.time()
    made.call("POST", "/v1/notifications", _asked(name))
    while time.time() - started < _LIMIT_SECONDS:
        at = mailbox.accepted_at(_address(name))
        if at is not None:
            return parse_rfc3339(at).timestamp() - started
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"the letter {name} did not come")


def _asked(name: str) -> dict[str, object]:
    context = {"headline": "Tonight", "text": "Half price", "url": letter.CONTEXT["film_url"]}
    recipient = {"email": _address(name), "name": name, "locale": "en"}
    return {"template": "promo", "recipients": [recipient], "context": context}


def _address(name: str) -> str:
    return f"{name}@instant.example"


def measure(made: Crowd, name: str, letters: int) -> list[float]:
    """Over so many letters, one after the other; the first ones warm up."""
    times = [seconds_to_accepted(made, f"{name}-{n}") for n in range(_WARM_LETTERS + letters)]
    return times[_WARM_LETTERS:]


def units_taken() -> tuple[Units, Units]:
    """Of one letter until it is sent, and of its Delivery; the first letter, which looks at everything, is not it."""
    with worked_by_hand(users=1) as stage:
        _units(stage, "first")
        return _units(stage, "second")


def _units(stage: Stage, name: str) -> tuple[Units, Units]:
    from tests.integration.api.gateway import Gateway

    way, events = stage.sources(INSTANT_WAY), stage.sources({"feedback": "feedback"})
    stage.counted.take()
    Gateway(stage.made.key).post("/v1/notifications", _asked(name))
    _, asked = stage.counted.take()
    work_off(way.values(), lambda: bool(way["deliver"].spent.messages))
    work_off(events.values(), lambda: bool(events["feedback"].spent.messages))
    sent = sum((one.spent for one in way.values()), Spent())
    return asked + sent.units, events["feedback"].spent.units


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--letters", type=int, default=200)
    parser.add_argument("--rate", type=float, default=25, help="letters a second of the campaign")
    chosen = parser.parse_args()
    columns = ("stage", "p50 ms", "p95 ms", "p99 ms", "write units", "of it its own", "its event's", "read units")
    report = Report("instant", "An instant letter, API call → SES accepted", columns)
    with crowd(chosen.users) as made:
        idle = measure(made, "idle", chosen.letters)
        campaign_id = made.start(chosen.rate)
        busy = measure(made, "busy", chosen.letters)
        running = made.progress(campaign_id)["queued"] > 0
        made.call("POST", f"/v1/campaigns/{campaign_id}/cancel")
    sent, told = units_taken()
    own = sum(units for table, units in sent.written.items() if table not in OF_MANY)
    units = {"write_units": sent.write, "of_it_its_own": own, "its_event's": told.write, "read_units": sent.read}
    for name, times in (("idle", idle), ("beside a campaign", busy)):
        report.add(stage=name, p50_ms=_percent(times, 50), p95_ms=_percent(times, 95), p99_ms=_percent(times, 99),
                   **(units if times is idle else {}))  # fmt: skip
    p50, p99 = _percent(idle, 50), _percent(idle, 99)
    report.expect(f"p50 ≤ {MOST_P50_MS} ms: {p50:.0f}", met=p50 <= MOST_P50_MS)
    report.expect(f"p99 ≤ {MOST_P99_MS} ms: {p99:.0f}", met=p99 <= MOST_P99_MS)
    report.remark(", ".join(f"{table.rpartition('-')[2]} {units:g}" for table, units in sent.written.items()))
    report.expect(f"write units of its own ≤ {MOST_WRITES:.0f}: {own:.1f}", met=own <= MOST_WRITES)
    slower = _percent(busy, 95) / _percent(idle, 95)
    report.expect(f"p95 beside a campaign ≤ {MOST_SLOWER} x: {slower:.2f}", met=running and slower <= MOST_SLOWER)
    return report.publish()


def _percent(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1] * 1000


if __name__ == "__main__":
    raise SystemExit(main())
