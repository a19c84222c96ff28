"""What a task of celery or dramatiq does for one recipient: claim in the history, read the user, render, send by SMTP,
record. Imported by `celery_way.py` and `dramatiq_way.py`, in the rivals' own virtual environment.
"""

import json
import os
import smtplib
import sqlite3
from email.message import EmailMessage
from functools import cache
from typing import Any

import jinja2

from bench import letter


@cache
def database() -> sqlite3.Connection:
    """This process's connection; the history and the users are in one file."""
    connection = sqlite3.connect(
        os.environ["RIVAL_DATABASE"], timeout=60, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


@cache
def templates() -> dict[str, jinja2.Template]:
    """The parts of the letter, compiled once."""
    environment = jinja2.Environment(autoescape=True)
    sources = {"subject": letter.SUBJECT, "html": letter.page(), "text": letter.TEXT}
    return {part: environment.from_string(source) for part, source in sources.items()}


def rendered(user: dict[str, Any]) -> dict[str, str]:
    """The letter of one user."""
    return {part: template.render(user=user, **letter.CONTEXT) for part, template in templates().items()}


def prepare(letters: int) -> None:
    """Makes a fresh file, with so many users."""
    database().executescript(
        "CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, user TEXT);"
        "CREATE TABLE IF NOT EXISTS history (id TEXT PRIMARY KEY, user_id TEXT, status TEXT);"
    )
    users = [letter.reader(n) for n in range(letters)]
    rows = [(one["id"], json.dumps(one)) for one in users]
    database().executemany("INSERT OR REPLACE INTO users VALUES (?, ?)", rows)


def send(smtp: smtplib.SMTP, job_id: str, user_id: str) -> None:
    """One letter, unless its job was taken before."""
    taken = database().execute("INSERT OR IGNORE INTO history VALUES (?, ?, 'sending')", (job_id, user_id))
    if not taken.rowcount:
        return
    [text] = database().execute("SELECT user FROM users WHERE id = ?", (user_id,)).fetchone()
    user = json.loads(text)
    parts = rendered(user)
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = parts["subject"], "news@cinema.example", user["email"]
    message.set_content(parts["text"])
    message.add_alternative(parts["html"], subtype="html")
    smtp.send_message(message)
    database().execute("UPDATE history SET status = 'sent' WHERE id = ?", (job_id,))


def connect() -> smtplib.SMTP:
    """To the sink; kept open."""
    return smtplib.SMTP("127.0.0.1", int(os.environ["RIVAL_SMTP_PORT"]))
