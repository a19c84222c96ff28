"""A campaign to 20,000, end to end on the local cloud: how long, and does everybody get exactly one letter?

python -m bench.campaign_e2e [--users 20000]
"""

import argparse
import time

from bench.crowd import crowd

_LIMIT_SECONDS = 3600


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=20_000)
    users: int = parser.parse_args().users
    with crowd(users) as made:
        started = time.monotonic()
        campaign_id = made.start(rate_per_second=5000)
        while (seen := made.progress(campaign_id))["sent"] < users and time.monotonic() - started < _LIMIT_SECONDS:
            print(
                f"{time.monotonic() - started:5.0f} s  targeted {seen['targeted']:>7,}  sent {seen['sent']:>7,}",
                flush=True,
            )
            time.sleep(10)
        seconds = time.monotonic() - started
        while (seen := made.progress(campaign_id))[
            "state"
        ] != "completed" and time.monotonic() - started < _LIMIT_SECONDS:
            time.sleep(5)
        received = made.received("@crowd.example")
    once = sum(1 for count in received.values() if count == 1)
    print(f"{seen['sent']:,} letters in {seconds:.0f} s: {users / seconds:.0f} a second; progress {seen}")
    print(f"addresses with exactly one letter: {once:,} of {users:,}; letters in the mailbox: {received.total():,}")
    good = once == received.total() == seen["sent"] == seen["targeted"] == users
    print("exactly once" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
