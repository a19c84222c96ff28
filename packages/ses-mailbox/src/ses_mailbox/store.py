"""Letters, the events they owe, and stored templates. One transaction a call of SES."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any

from ses_mailbox.calls import Call, log_call
from ses_mailbox.database import Database
from ses_mailbox.letters import Letter
from ses_mailbox.shapes import Attachment

_HEAD = "id, at, operation, sender, recipients, subject, headers, tags, configuration_set, failure, template"
_LETTER = f"{_HEAD}, html, text, raw, attachments"


@dataclass(frozen=True)
class Search:
    """Which letters are asked for. `to` and `subject` are parts, `any_part` is either; `after` is an id or a time.
    Letters whose template failed were never sent; only `failed` shows them."""

    to: str = ""
    subject: str = ""
    any_part: str = ""
    after: str = ""
    limit: int = -1
    failed: bool = False
    newest_first: bool = False
    offset: int = 0


class Store:
    """What the mailbox keeps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, letters: Sequence[Letter], events: Iterable[tuple[str, str]], call: Call) -> None:
        """Keeps the letters of one call, the events they owe, and the call itself: all or nothing."""
        with self._database.transaction() as connection:
            for letter in letters:
                cursor = connection.execute(
                    "INSERT INTO letters (id, at, operation, sender, recipients, subject, headers, tags,"
                    " configuration_set, failure, template, to_key, subject_key) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    _letter_row(letter),
                )
                connection.execute(
                    "INSERT INTO bodies VALUES (?,?,?,?,?)",
                    (cursor.lastrowid, letter.html, letter.text, letter.raw, _kept(connection, letter.attachments)),
                )
            connection.executemany("INSERT INTO outbox (letter_id, event) VALUES (?,?)", events)
            log_call(connection, call)

    def add_events(self, events: Iterable[tuple[str, str]]) -> None:
        """Queues (letter id, event) pairs for the publisher."""
        with self._database.transaction() as connection:
            connection.executemany("INSERT INTO outbox (letter_id, event) VALUES (?,?)", events)

    def pending_events(self, limit: int) -> list[tuple[int, str, Letter]]:
        """The oldest events that wait, with their letters (without the bodies)."""
        rows = self._database.connection().execute(
            f"SELECT outbox.seq, event, {_HEAD}, '', '', NULL, NULL FROM outbox"  # noqa: S608
            " JOIN letters ON letters.id = letter_id ORDER BY outbox.seq LIMIT ?",
            (limit,),
        )
        return [(row[0], row[1], self._letter(row[2:])) for row in rows]

    def settle_events(self, sequence: Iterable[int]) -> None:
        """Forgets events that were published."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM outbox WHERE seq = ?", ((seq,) for seq in sequence))

    def find(self, search: Search) -> list[Letter]:
        """The letters that match, oldest first unless asked otherwise. Raises: KeyError for an unknown `after` id."""
        where, values = self._conditions(search)
        order = "DESC" if search.newest_first else "ASC"
        rows = self._database.connection().execute(
            f"SELECT {_LETTER} FROM letters JOIN bodies USING (seq) WHERE {where}"  # noqa: S608
            f" ORDER BY seq {order} LIMIT ? OFFSET ?",
            (*values, search.limit, search.offset),
        )
        return [self._letter(row) for row in rows]

    def count(self, search: Search) -> int:
        """How many letters match, whatever `limit` and `offset` say."""
        where, values = self._conditions(search)
        row = self._database.connection().execute(f"SELECT count(*) FROM letters WHERE {where}", values)  # noqa: S608
        return int(row.fetchone()[0])

    def get(self, letter_id: str) -> Letter | None:
        """One letter, or None."""
        query = f"SELECT {_LETTER} FROM letters JOIN bodies USING (seq) WHERE id = ?"  # noqa: S608
        row = self._database.connection().execute(query, (letter_id,)).fetchone()
        return self._letter(row) if row else None

    def clear(self) -> int:
        """Deletes every letter and the events they owe; the number of letters."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM outbox")
            connection.execute("DELETE FROM bodies")
            connection.execute("DELETE FROM files")
            return connection.execute("DELETE FROM letters").rowcount

    def put_template(self, name: str, content: str) -> bool:
        """Stores a template. False if the name is taken."""
        cursor = self._database.connection().execute("INSERT OR IGNORE INTO templates VALUES (?,?)", (name, content))
        return cursor.rowcount == 1

    def template(self, name: str) -> str | None:
        """A stored template's content, or None."""
        row = self._database.connection().execute("SELECT content FROM templates WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def delete_template(self, name: str) -> bool:
        """False if there was none."""
        return self._database.connection().execute("DELETE FROM templates WHERE name = ?", (name,)).rowcount == 1

    def _letter(self, row: Sequence[Any]) -> Letter:
        return Letter(
            id=row[0],
            at=row[1],
            operation=row[2],
            sender=row[3],
            recipients=tuple(json.loads(row[4])),
            subject=row[5],
            headers=tuple((name, value) for name, value in json.loads(row[6])),
            tags=json.loads(row[7]),
            configuration_set=row[8],
            failure=row[9],
            template=row[10],
            html=row[11],
            text=row[12],
            raw=row[13],
            attachments=self._attachments(row[14]),
        )

    def _attachments(self, kept: str | None) -> tuple[Attachment, ...]:
        return tuple(
            Attachment.model_construct(**described, raw_content=self._content(sha256))
            for sha256, described in json.loads(kept or "[]")
        )

    def _content(self, sha256: str) -> bytes:
        row = self._database.connection().execute("SELECT content FROM files WHERE sha256 = ?", (sha256,)).fetchone()
        return bytes(row[0])

    def _conditions(self, search: Search) -> tuple[str, list[str]]:
        clauses, values = ["1" if search.failed else "failure IS NULL"], list[str]()
        for clause, text in (
            ("instr(to_key, ?)", search.to),
            ("instr(subject_key, ?)", search.subject),
            ("instr(to_key || char(10) || subject_key, ?)", search.any_part),
        ):
            if text:
                clauses.append(f"{clause} > 0")
                values.append(text.casefold())
        if search.after:
            clauses.append("at > ?" if "T" in search.after else "seq > ?")
            values.append(search.after if "T" in search.after else self._sequence(search.after))
        return " AND ".join(clauses), values

    def _sequence(self, letter_id: str) -> str:
        row = self._database.connection().execute("SELECT seq FROM letters WHERE id = ?", (letter_id,)).fetchone()
        if row is None:
            raise KeyError(letter_id)
        return str(row[0])


def _letter_row(letter: Letter) -> tuple[str | None, ...]:
    recipients = json.dumps(letter.recipients)
    return (
        letter.id,
        letter.at,
        letter.operation,
        letter.sender,
        recipients,
        letter.subject,
        json.dumps(letter.headers),
        json.dumps(letter.tags),
        letter.configuration_set,
        letter.failure,
        letter.template,
        recipients.casefold(),
        letter.subject.casefold(),
    )


def _kept(connection: Connection, attachments: Sequence[Attachment]) -> str | None:
    """What is said of them, and their contents once each: the letters of a bulk call carry the same."""
    kept = []
    for one in attachments:
        sha256 = hashlib.sha256(one.raw_content).hexdigest()
        connection.execute("INSERT OR IGNORE INTO files VALUES (?,?)", (sha256, one.raw_content))
        kept.append([sha256, one.model_dump(exclude={"raw_content"})])
    return json.dumps(kept) if kept else None
