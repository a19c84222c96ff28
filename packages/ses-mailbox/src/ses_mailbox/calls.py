"""The log of sending calls, from which tests read pace and failures."""

import sqlite3
from collections import Counter
from dataclasses import asdict, dataclass

from ses_mailbox.database import Database


@dataclass(frozen=True)
class Call:
    """One call of a sending operation. `outcome` is `ok`, an error code of SES, or the fault that ate the reply."""

    at: str
    operation: str
    entries: int
    accepted: int
    outcome: str


def log_call(connection: sqlite3.Connection, call: Call) -> None:
    """Notes a call, inside the caller's transaction if there is one."""
    connection.execute(
        "INSERT INTO calls (at, operation, entries, accepted, outcome) VALUES (?,?,?,?,?)",
        (call.at, call.operation, call.entries, call.accepted, call.outcome),
    )


class CallLog:
    """Reads, and forgets, the log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, call: Call) -> None:
        """Notes a call that left no letter."""
        log_call(self._database.connection(), call)

    def clear(self) -> None:
        """Starts over."""
        self._database.connection().execute("DELETE FROM calls")

    def read(self, since: str = "") -> list[Call]:
        """The calls from a time on, oldest first."""
        rows = self._database.connection().execute(
            "SELECT at, operation, entries, accepted, outcome FROM calls WHERE at >= ? ORDER BY seq", (since,)
        )
        return [Call(*row) for row in rows]

    def accepted(self, since: str) -> int:
        """How many letters were accepted from a time on."""
        query = "SELECT coalesce(sum(accepted), 0) FROM calls WHERE at >= ?"
        return int(self._database.connection().execute(query, (since,)).fetchone()[0])

    def stats(self, since: str = "") -> dict[str, object]:
        """Totals, letters accepted in each second (UTC), outcomes, and each call with its time."""
        calls = self.read(since)
        by_second: Counter[str] = Counter()
        for call in calls:
            by_second[call.at[:19] + "Z"] += call.accepted
        return {
            "accepted": sum(call.accepted for call in calls),
            "calls": len(calls),
            "by_second": dict(by_second),
            "outcomes": dict(Counter(call.outcome for call in calls)),
            "call_times": [asdict(call) for call in calls],
        }
