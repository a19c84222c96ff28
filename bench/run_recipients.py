"""What it takes to read who got the letters of a large run, page by page, and to count them: read units, CPU time and
memory. The rows are written by the service's own code, as after the run: nearly all delivered, three of ten opened. The
tests' database holds them in a process of its own, and their bytes are counted as DynamoDB does.

    python -m bench.run_recipients [--letters 1000000]
"""

import argparse
import math
import os
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, cast

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from bench.fanout import ENVIRONMENT, Raw
from bench.harness import Report
from bench.made_up import CHUNK

MOST_UNITS, MOST_MB = 3500, 150  # for a million
PAGES = (1000, 10_000)
LETTERS_PER_SECOND = 500.0
RUN, BEGAN = "bench-campaign@2026-11-22T18:00:00Z", datetime.fromisoformat("2026-11-22T18:00:00Z")
_KB4 = 4096
_SKIPPED, _BOUNCED, _DELIVERED, _OPENED = 0.01, 0.01, 0.97, 0.3  # shares


class Read(NamedTuple):
    """What a walk over a run took."""

    letters: int
    units: float
    requests: int
    seconds: float


class Database:
    """DynamoDB in another process; `units` and `requests` are those of reading so far."""

    def __init__(self, answers: Connection) -> None:
        self._answers = answers
        self.units, self.requests = 0.0, 0

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """What botocore gets in place of a call (its event `before-send`)."""
        self._answers.send((request.headers["X-Amz-Target"].decode(), request.body))
        status, body, units = self._answers.recv()
        self.units, self.requests = self.units + units, self.requests + bool(units)
        return AWSResponse(request.url, status, HTTPHeaders(), Raw(body))


def serve(asked: Connection) -> None:
    """The work of that process, until the other end is closed."""
    from tests.twin.client import from_wire, wire
    from tests.twin.dynamodb import DynamoDB
    from tests.twin.values import RefusedError

    tables = DynamoDB()
    while True:
        try:
            target, body = asked.recv()
        except EOFError:
            return
        operation, request = target.rpartition(".")[2], from_wire(body)
        try:
            answer = tables.answer(operation, request)
            asked.send((200, wire(answer), _units(operation, request, answer)))
        except RefusedError as error:
            asked.send((400, wire({"__type": f"com#{error.code}", "message": error.message, **error.more}), 0.0))


def _units(operation: str, request: Any, answer: Any) -> float:
    from tests.twin.values import size_of_item

    if operation == "Query":
        units = math.ceil(sum(map(size_of_item, answer["Items"])) / _KB4) or 1
        return units * (1.0 if request.get("ConsistentRead") else 0.5)
    if operation == "BatchGetItem":
        return sum(len(how["Keys"]) * (1.0 if how.get("ConsistentRead") else 0.5)
                   for how in request["RequestItems"].values())  # fmt: skip
    return 0.0


@contextmanager
def database() -> Iterator[Database]:
    """In place of AWS."""
    from chalicelib.storage.dynamodb import dynamodb
    from chalicelib.storage.rows.ledger import LedgerRow

    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    made = Database(ours)
    dynamodb().client.meta.events.register("before-send", cast(Any, made.answer))
    make_table(LedgerRow)
    yield made
    ours.close()
    process.join()


def make_table(row: type[Any]) -> None:
    """In the database, which is empty at first."""
    schema = row._get_schema()
    row._get_connection().create_table(
        attribute_definitions=schema["attribute_definitions"],
        key_schema=schema["key_schema"],
        global_secondary_indexes=schema["global_secondary_indexes"],
        billing_mode="PAY_PER_REQUEST",
    )


def fill(letters: int) -> None:
    """Writes the rows of a run, as `enrich`, `deliver` and `feedback` do."""
    from chalicelib.clock import derived_id, expiry_epoch
    from chalicelib.storage.chunk_letters import roster_items, spots_in_run, write_provider_ids
    from chalicelib.storage.dynamodb import batch_put
    from chalicelib.storage.outcomes import OutcomesKey
    from chalicelib.storage.rows.ledger import LedgerRow

    chance, expires = random.Random("run"), expiry_epoch(90, since=BEGAN)
    for start in range(0, letters, CHUNK):
        ids = [derived_id("bench", str(n)) for n in range(start, min(start + CHUNK, letters))]
        spots = spots_in_run(RUN, ids)
        home, chunk, _ = spots[ids[0]]
        key = OutcomesKey(home, chunk, "email")
        batch_put(LedgerRow, list(roster_items(spots, expires=expires)))
        sent = _deliver(key, len(ids), BEGAN + timedelta(seconds=start / LETTERS_PER_SECOND), expires, chance)
        write_provider_ids(key, {n: f"0107019a{chance.getrandbits(176):044x}" for n in sent}, at=BEGAN, expires=expires)


def _deliver(key: Any, letters: int, at: datetime, expires: int, chance: random.Random) -> list[int]:
    from chalicelib.clock import rfc3339, short_id
    from chalicelib.deliveries import ANY_KEY, Move, S
    from chalicelib.outcomes import Outcomes
    from chalicelib.storage.outcomes import Stored, mark_outcomes, write_outcomes

    outcomes, owner = Outcomes(), short_id()
    skipped = [n for n in range(letters) if chance.random() < _SKIPPED]
    sent = [n for n in range(letters) if n not in skipped]
    called, answered = at + timedelta(seconds=1, microseconds=chance.randrange(10**6)), timedelta(milliseconds=130)
    claim = Move(ANY_KEY, S.CALLING, owner=owner, lease_until=called + timedelta(minutes=2), attempt=1)
    for n in skipped:
        outcomes.take(n, Move(ANY_KEY, S.SKIPPED, reason="opted_out", rule="marketing"), at)
    for n in sent:
        outcomes.take(n, claim, called)
        outcomes.take(n, Move(ANY_KEY, S.SENT, owner=owner), called + answered)
    at_last = rfc3339(called + answered)
    if write_outcomes(key, outcomes, over=Stored(Outcomes()), at=at_last, expires=expires, blind=False) is None:
        raise RuntimeError("the table was not empty")
    if numbers := _heard(sent, called, chance):
        mark_outcomes(key, numbers, told_ids={})
    return sent


def _heard(sent: list[int], called: datetime, chance: random.Random) -> dict[str, list[int]]:
    from chalicelib.deliveries import ANY_KEY, S
    from chalicelib.marks import engaged, told
    from chalicelib.states import Engagement

    numbers: dict[str, list[int]] = {}
    for n in sent:
        luck, at = chance.random(), called + timedelta(seconds=chance.lognormvariate(0, 0.7))
        status, reason = (S.DELIVERED, None) if luck < _DELIVERED else (S.BOUNCED, "hard_bounce")
        heard = [told(ANY_KEY, status, reason, at, now=at)] if luck < _DELIVERED + _BOUNCED else []
        if chance.random() < _OPENED:
            opened = at + timedelta(hours=chance.lognormvariate(0, 1.5))
            heard.append(engaged(ANY_KEY, Engagement.OPENED, opened))
        for one in heard:
            numbers.setdefault(one.mark, []).append(one.number(n))
    return numbers


def _walk(limit: int) -> Counter[str]:
    from chalicelib.storage.run_outcomes import RunPlace, letters_of_run

    found: Counter[str] = Counter()
    after: RunPlace | None = RunPlace()
    while after is not None:
        page, after = letters_of_run(RUN, ["email"], lambda _: True, limit=limit, after=after)
        found.update(str(one.status) for one in page)
    return found


def _count() -> Counter[str]:
    from chalicelib.storage.run_outcomes import ENGAGEMENTS, count_run

    words = count_run(RUN)
    return Counter({word: times for word, times in words.items() if word not in {*ENGAGEMENTS}})


def _measured(made: Database, walk: Callable[[], Counter[str]]) -> Read:
    units, requests, started = made.units, made.requests, time.process_time()
    letters = walk().total()
    return Read(letters, made.units - units, made.requests - requests, time.process_time() - started)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--letters", type=int, default=1_000_000)
    letters: int = parser.parse_args().letters
    os.environ.update(ENVIRONMENT)
    with database() as made:
        fill(letters)
        read = {f"read in pages of {limit:,}": _measured(made, partial(_walk, limit)) for limit in PAGES}
        read["counted"] = _measured(made, _count)
    return _report(read, letters).publish()


def _report(read: dict[str, Read], letters: int) -> Report:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    columns = ("what", "letters", "requests", "read units", "units a million", "CPU seconds")
    report = Report("run_recipients", f"The letters of a run of {letters:,}, read after it", columns)
    for what, one in read.items():
        report.add(what=what, letters=one.letters, requests=one.requests, read_units=one.units,
                   units_a_million=one.units / letters * 1e6, CPU_seconds=one.seconds)  # fmt: skip
    all_of_them = {one.letters for one in read.values()} == {letters}
    units = read[f"read in pages of {PAGES[-1]:,}"].units / letters * 1e6
    report.expect(f"each letter is found once: {letters:,}", met=all_of_them)
    report.expect(f"a million in pages of {PAGES[-1]:,} ≤ {MOST_UNITS:,} units: {units:,.0f}", met=units <= MOST_UNITS)
    report.expect(f"memory ≤ {MOST_MB} MB: {peak_mb:.0f}", met=peak_mb <= MOST_MB)
    return report


if __name__ == "__main__":
    raise SystemExit(main())
