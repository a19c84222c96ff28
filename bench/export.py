"""What it takes to write the recipients of a run into a CSV file, resumed again and again: memory of the worker, read
units, seconds. DynamoDB is the twin in another process, and S3 keeps no more than each part's size and digest.

    python -m bench.export [--recipients 1000000]

The fill is that of `bench.run_recipients`; each recipient is a user of the directory.
"""

import argparse
import hashlib
import os
import resource
import time
from collections import Counter
from typing import Any

from bench.fanout import ENVIRONMENT
from bench.harness import Report
from bench.run_recipients import BEGAN, RUN, Database, database, fill, make_table

MOST_MB = 150  # of the worker
MOST_SECONDS = 900  # of CPU for a million: Lambda's longest invocation, which it is never one of
_RESTART_EVERY = 5  # messages
_BATCH = 1000


class Shelf:
    """S3, as far as an export uses it."""

    def __init__(self) -> None:
        self.parts: dict[int, int] = {}
        self.rests: dict[int, bytes] = {}
        self.lines = 0
        self.made: list[int] = []

    def begin(self, _export_id: str) -> str:
        return "upload"

    def put_part(self, _export_id: str, _upload_id: str, number: int, content: bytes) -> Any:
        from chalicelib.storage.recipient_exports import Part

        self.parts[number] = len(content)
        self.lines += content.count(b"\r\n")
        return Part(number, hashlib.md5(content, usedforsecurity=False).hexdigest())  # as S3 names parts

    def put_rest(self, _export_id: str, number: int, content: bytes) -> None:
        self.rests[number] = content

    def rest(self, _export_id: str, number: int) -> bytes:
        return self.rests[number]

    def drop_rest(self, _export_id: str, number: int) -> None:
        del self.rests[number]

    def complete(self, _export_id: str, _upload_id: str, parts: Any) -> bool:
        self.made = [one.number for one in parts]
        return True


class Jobs:
    """The queue: how often a message went on."""

    def __init__(self) -> None:
        self.put_times = 0

    def put(self, _queue: str, messages: Any) -> None:
        self.put_times += len(messages)


def fill_people(recipients: int) -> None:
    """The rows of users and of their notifications, as the directory and `enrich` write them."""
    import json

    from chalicelib.clock import derived_id
    from chalicelib.storage.dynamodb import batch_put
    from chalicelib.storage.rows.ledger import NOTIFICATION_PART, LedgerRow
    from chalicelib.storage.rows.people import UserRow

    for start in range(0, recipients, _BATCH):
        numbers = range(start, min(start + _BATCH, recipients))
        batch_put(LedgerRow, [
            {"notification_id": {"S": derived_id("bench", str(n))}, "part": {"S": NOTIFICATION_PART},
             "recipient": {"S": json.dumps({"user_id": f"u-{n:07}"})}, "run_id": {"S": RUN}}
            for n in numbers
        ])  # fmt: skip
        batch_put(UserRow, [
            {"id": {"S": f"u-{n:07}"}, "email": {"S": f"viewer-{n:07}@example.com"}, "name": {"S": f"Зритель {n}"},
             "attributes": {"S": '{"stats": {"films": 12}}'}}
            for n in numbers
        ])  # fmt: skip


def write(recipients: int) -> tuple[Shelf, Jobs, Counter[str]]:
    """The export, by a worker that begins again every few messages."""
    from chalicelib.campaigns.jobs import ExportJob
    from chalicelib.stage.workers import WorkerStage
    from chalicelib.storage.runs import Run

    campaign, _, at = RUN.partition("@")
    run = Run(campaign, at, RUN, 1, {}, {}, ["email"], 1, BEGAN.isoformat(), targeted=recipients, homes=1)
    shelf, jobs, ended = Shelf(), Jobs(), Counter[str]()
    exports = WorkerStage.begin().exports
    exports.add(RUN, "bench", asked={}, labels=None, by="bench")
    job = ExportJob(v=2, campaign_id=campaign, scheduled_at=at, export_id="bench")
    while not ended["ready"]:
        if sum(ended.values()) % _RESTART_EVERY == 0:
            stage = WorkerStage.begin(export_files=shelf, queues=jobs)
            stage.runs.get = lambda *_: run  # type: ignore[method-assign]
        ended[stage.export_writer.take(job)] += 1
    return shelf, jobs, ended


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipients", type=int, default=1_000_000)
    recipients: int = parser.parse_args().recipients
    os.environ.update(ENVIRONMENT)
    with database() as made:
        _make_tables()
        fill(recipients)
        fill_people(recipients)
        before = (made.units, made.requests, time.process_time(), time.monotonic())
        shelf, _, ended = write(recipients)
    return _report(recipients, made, before, shelf, ended).publish()


def _make_tables() -> None:
    from chalicelib.storage.rows.exports import ExportRow
    from chalicelib.storage.rows.people import UserRow

    for row in (ExportRow, UserRow):
        make_table(row)


def _report(
    recipients: int, made: Database, before: tuple[float, int, float, float], shelf: Shelf, ended: Counter[str]
) -> Report:
    units, requests, cpu, wall = before
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, mb = time.process_time() - cpu, sum(shelf.parts.values()) / 1e6
    columns = ("rows", "MB", "parts", "messages", "requests", "read units", "CPU seconds", "seconds", "peak MB")
    report = Report("export", f"The recipients of a run of {recipients:,} as CSV", columns)
    report.add(rows=shelf.lines - 1, MB=mb, parts=len(shelf.made), messages=sum(ended.values()),
               requests=made.requests - requests, read_units=made.units - units, CPU_seconds=seconds,
               seconds=time.monotonic() - wall, peak_MB=peak_mb)  # fmt: skip
    report.expect(f"each recipient is a row, once: {recipients:,}", met=shelf.lines == recipients + 1)
    report.expect("every part is in the file", met=shelf.made == sorted(shelf.parts))
    report.expect(f"memory ≤ {MOST_MB} MB: {peak_mb:.0f}", met=peak_mb <= MOST_MB)
    limit = MOST_SECONDS * recipients / 1e6
    report.expect(f"CPU ≤ {limit:,.0f} s: {seconds:,.0f}", met=seconds <= limit)
    return report


if __name__ == "__main__":
    raise SystemExit(main())
