"""The SQLite file under the mailbox: its tables, a connection a thread, transactions.

The file survives restarts of the process; it is not synced to disk for each letter: after a power cut nobody misses
the letters of a test."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
PRAGMA page_size = 16384;
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS letters (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at TEXT NOT NULL, operation TEXT NOT NULL,
    sender TEXT NOT NULL, recipients TEXT NOT NULL, subject TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL,
    configuration_set TEXT, failure TEXT, template TEXT, to_key TEXT NOT NULL, subject_key TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS bodies (
    seq INTEGER PRIMARY KEY, html TEXT NOT NULL, text TEXT NOT NULL, raw BLOB, attachments TEXT
);
CREATE TABLE IF NOT EXISTS files (sha256 TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, letter_id TEXT NOT NULL, event TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS templates (name TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS others (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL,
    text TEXT NOT NULL, signature TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS calls (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, operation TEXT NOT NULL, entries INTEGER NOT NULL,
    accepted INTEGER NOT NULL, outcome TEXT NOT NULL
);
"""


class Database:
    """The file. Each thread that uses it gets a connection of its own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / "mailbox.sqlite3"
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self.connection().executescript(_SCHEMA)

    def connection(self) -> sqlite3.Connection:
        """This thread's connection; outside of `transaction` every statement commits by itself."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, timeout=30, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            connection.execute("PRAGMA synchronous = OFF")
            self._local.connection = connection
            with self._lock:
                self._opened.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Closes every thread's connection; the threads must have stopped using them."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
