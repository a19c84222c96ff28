"""How long an instant letter takes, from the call of the API to SES's acceptance, on the embedded cloud: on an idle
stage, and beside a campaign.

    python -m bench.instant [--users 10000] [--letters 200] [--rate 25]
"""

import argparse
import statistics
import time

from bench import letter
from bench.crowd import Crowd, crowd
from bench.harness import Report
from chalicelib.clock import parse_rfc3339

MOST_P50_MS, MOST_P99_MS = 150, 500
MOST_SLOWER = 2.0  # p95 beside a campaign
_LIMIT_SECONDS = 60
_WARM_LETTERS = 10
_POLL_SECONDS = 0.02


def seconds_to_accepted(made: Crowd, name: str) -> float:
    """How long one letter takes."""
    mailbox, started = made.mailbox(), time.time()
    recipient = {"email": f"{name}@instant.example", "name": name, "locale": "en"}
    body = {"template": "promo", "recipients": [recipient], "context": _CONTEXT}
    made.call("POST", "/v1/notifications", body)
    while time.time() - started < _LIMIT_SECONDS:
        at = mailbox.accepted_at(recipient["email"])
        if at is not None:
            return parse_rfc3339(at).timestamp() - started
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"the letter {name} did not come")


_CONTEXT = {"headline": "Tonight", "text": "Half price", "url": letter.CONTEXT["film_url"]}


def measure(made: Crowd, name: str, letters: int) -> list[float]:
    """Over so many letters, one after the other; the first ones warm up."""
    times = [seconds_to_accepted(made, f"{name}-{n}") for n in range(_WARM_LETTERS + letters)]
    return times[_WARM_LETTERS:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--letters", type=int, default=200)
    parser.add_argument("--rate", type=float, default=25, help="letters a second of the campaign")
    chosen = parser.parse_args()
    report = Report("instant", "An instant letter, API call → SES accepted", ("stage", "p50 ms", "p95 ms", "p99 ms"))
    with crowd(chosen.users) as made:
        idle = measure(made, "idle", chosen.letters)
        campaign_id = made.start(chosen.rate)
        busy = measure(made, "busy", chosen.letters)
        running = made.progress(campaign_id)["queued"] > 0
        made.call("POST", f"/v1/campaigns/{campaign_id}/cancel")
    for name, times in (("idle", idle), ("beside a campaign", busy)):
        report.add(stage=name, p50_ms=_percent(times, 50), p95_ms=_percent(times, 95), p99_ms=_percent(times, 99))
    p50, p99 = _percent(idle, 50), _percent(idle, 99)
    report.expect(f"p50 ≤ {MOST_P50_MS} ms: {p50:.0f}", met=p50 <= MOST_P50_MS)
    report.expect(f"p99 ≤ {MOST_P99_MS} ms: {p99:.0f}", met=p99 <= MOST_P99_MS)
    slower = _percent(busy, 95) / _percent(idle, 95)
    report.expect(f"p95 beside a campaign ≤ {MOST_SLOWER} x: {slower:.2f}", met=running and slower <= MOST_SLOWER)
    return report.publish()


def _percent(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1] * 1000


if __name__ == "__main__":
    raise SystemExit(main())
