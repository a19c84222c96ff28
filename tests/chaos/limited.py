"""One of the workers that share a limit: takes units of it as fast as it may, and says when it used them and what
that cost. `test_pace.py` runs eight of these as processes.

    python -m tests.chaos.limited LIMIT SECONDS UNITS    # prints {"used": [epoch seconds of each unit], "writes": n}
"""

import json
import sys
import time

from chalicelib.storage.base import dynamodb
from chalicelib.wiring.control import limiter


def main() -> None:
    name, seconds, units = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    used: list[float] = []
    writes = 0

    def count_write(**_: object) -> None:
        nonlocal writes
        writes += 1

    dynamodb().client.meta.events.register("after-call.dynamodb.UpdateItem", count_write)
    end = time.time() + seconds
    while time.time() < end:
        grant = limiter().take(name, units, max_wait_seconds=3)
        time.sleep(grant.wait_seconds)
        if grant.granted:
            used += [time.time()] * units
    sys.stdout.write(json.dumps({"used": used, "writes": writes}))


if __name__ == "__main__":
    main()
