"""Does a campaign slow instant letters down? p95 of an instant letter, from the API's answer to the mailbox, with a
campaign of 10,000 running and without.

    python -m bench.instant_p95 [--users 10000] [--letters 40] [--rate 25]
"""

import argparse
import statistics
import time

import requests

from bench.crowd import CONTEXT, Crowd, crowd

_POLL_SECONDS = 0.05
_LIMIT_SECONDS = 60
_WARM_SECONDS = 10  # of the campaign, so that its workers' cold starts are over


def seconds_to_mailbox(made: Crowd, name: str) -> float:
    """How long one letter takes."""
    address = f"{name.replace(' ', '-')}@instant.example"
    started = time.monotonic()
    body = {"template": "promo", "recipients": [{"email": address}], "context": CONTEXT}
    made.call("POST", "/v1/notifications", body)
    while time.monotonic() - started < _LIMIT_SECONDS:
        url = f"{made.cloud.mailbox_url}/api/messages"
        if requests.get(url, params={"to": address}, timeout=60).json():
            return time.monotonic() - started
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"the letter {name} did not come")


def p95(made: Crowd, name: str, letters: int) -> float:
    """Over so many letters, one after the other."""
    times = [seconds_to_mailbox(made, f"{name}-{n}") for n in range(letters)]
    print(
        f"{name}: p50 {statistics.median(times):.2f} s, p95 {statistics.quantiles(times, n=20)[-1]:.2f} s", flush=True
    )
    return statistics.quantiles(times, n=20)[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--letters", type=int, default=40)
    parser.add_argument("--rate", type=float, default=25, help="letters a second of the campaign")
    chosen = parser.parse_args()
    with crowd(chosen.users) as made:
        p95(made, "warm", 5)
        idle = p95(made, "idle", chosen.letters)
        campaign_id = made.start(chosen.rate)
        while made.progress(campaign_id)["sent"] < _WARM_SECONDS * chosen.rate:
            time.sleep(0.5)
        p95(made, "warm with the campaign", 5)
        busy = p95(made, "busy", chosen.letters)
        seen = made.progress(campaign_id)
        made.call("POST", f"/v1/campaigns/{campaign_id}/cancel")
    running = seen["queued"] > 0
    print(
        f"campaign: {seen['sent']:,} of {chosen.users:,} sent meanwhile; p95 busy / idle = {busy / idle:.2f} (limit 2)"
    )
    good = running and busy <= 2 * idle
    print("ok" if good else "FAILED" if running else "the campaign was over too early: choose a lower --rate")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
