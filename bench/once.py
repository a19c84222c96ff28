"""Does everybody of a large audience get the letter, and nobody two? A campaign on the embedded cloud, from its start
to the last event of the last letter; the letters are counted in the mailbox, by address.

    python -m bench.once [--users 20000]
"""

import argparse
import time

from bench.crowd import Crowd, Mailbox, crowd
from bench.harness import Report

_STANDSTILL_SECONDS = 120  # nothing has moved for so long: it never will
_LOOK_SECONDS = 1.0


def wait_until_delivered(made: Crowd, campaign_id: str, mailbox: Mailbox) -> dict[str, int]:
    """The campaign's progress when it is complete, or when nothing moves any more."""
    seen: dict[str, int] = {}
    moved = time.monotonic()
    while time.monotonic() - moved < _STANDSTILL_SECONDS:
        now = made.progress(campaign_id)
        if now["state"] == "completed" and now["delivered"] == now["targeted"]:
            return now
        if now != seen:
            seen, moved = now, time.monotonic()
            print(f"{now['sent']:,} sent, {now['delivered']:,} delivered, {mailbox.letters():,} letters", flush=True)
        time.sleep(_LOOK_SECONDS)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=20_000)
    users: int = parser.parse_args().users
    columns = ("recipients", "targeted", "sent", "delivered", "letters", "addresses", "seconds", "letters per s")
    report = Report("once", f"A campaign to {users:,} on the embedded cloud, delivered", columns)
    with crowd(users) as made:
        mailbox, started = made.mailbox(), time.time()
        seen = wait_until_delivered(made, made.start(), mailbox)
        letters, addresses, seconds = mailbox.letters(), mailbox.addresses(), mailbox.last_at() - started
    counts = {name: seen[name] for name in ("targeted", "sent", "delivered")}
    report.add(recipients=users, **counts, letters=letters, addresses=addresses, seconds=seconds,
               letters_per_s=letters / seconds)  # fmt: skip
    report.expect(f"everybody got it: {addresses:,} addresses", met=addresses == users)
    report.expect(f"nobody got it twice: {letters:,} letters", met=letters == addresses)
    report.expect("the campaign's counts say the same", met=set(counts.values()) == {users})
    return report.publish()


if __name__ == "__main__":
    raise SystemExit(main())
