"""A local cloud with a crowd in its directory, for the measurements that need one."""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import requests

from bench import letter
from chalicelib.clock import parse_rfc3339
from infra.local.children import Ports
from infra.local.cloud import LocalCloud
from infra.local.process import free_port

_PAGE = 500
RATE = 10_000.0  # the most: no limit of the service is to be measured
READERS = {"rule": {"attribute": "bench", "op": "equals", "value": True}}


@dataclass(frozen=True)
class Crowd:
    """The service, as a manager uses it."""

    cloud: LocalCloud
    session: requests.Session
    key: str

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call that must succeed."""
        answer = self.session.request(method, self.cloud.api_url + path, json=body, timeout=60)
        if not answer.ok:
            raise RuntimeError(f"{method} {path} answers {answer.status_code}: {answer.text[:1000]}")
        return answer.json()

    def gather(self, users: int) -> None:
        """Puts users into the directory."""
        for start in range(0, users, _PAGE):
            batch = [letter.reader(n) for n in range(start, min(start + _PAGE, users))]
            self.call("POST", "/v1/users/batch", {"users": batch})

    def start(self, rate_per_second: float = RATE, audience: object = READERS) -> str:
        """A campaign with the letter of `bench.letter`, running."""
        body = {"name": "Bench", "template": letter.KEY, "audience": audience, "context": letter.CONTEXT,
                "rate_per_second": rate_per_second, "publish_per_second": 10_000}  # fmt: skip
        campaign_id = str(self.call("POST", "/v1/campaigns", body)["id"])
        self.call("POST", f"/v1/campaigns/{campaign_id}/start")
        return campaign_id

    def progress(self, campaign_id: str) -> dict[str, Any]:
        """Its progress now, with its state."""
        seen = self.call("GET", f"/v1/campaigns/{campaign_id}")
        return {**seen["progress"], "state": seen["state"]}

    def mailbox(self) -> "Mailbox":
        """What was taken by the mailbox from now on."""
        return Mailbox(self.cloud.state.mailbox / "mailbox.sqlite3")


class Mailbox:
    """Counts letters in the mailbox's own file, at no cost to the processes that are measured."""

    def __init__(self, file: Path) -> None:
        self._file = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)
        self._before = self._one("SELECT coalesce(max(seq), 0) FROM letters")

    def letters(self) -> int:
        """How many came."""
        return int(self._one("SELECT count(*) FROM letters WHERE seq > ?", self._before))

    def addresses(self) -> int:
        """To how many different addresses."""
        return int(self._one("SELECT count(DISTINCT recipients) FROM letters WHERE seq > ?", self._before))

    def accepted_at(self, address: str) -> str | None:
        """When the first letter to an address came, RFC 3339; None before."""
        question = "SELECT min(at) FROM letters WHERE seq > ? AND recipients LIKE ?"
        return cast("str | None", self._one(question, self._before, f"%{address}%"))

    def last_at(self) -> float:
        """When the last of them came, in epoch seconds."""
        at = str(self._one("SELECT max(at) FROM letters WHERE seq > ?", self._before))
        return parse_rfc3339(at).timestamp()

    def _one(self, question: str, *values: Any) -> Any:
        return self._file.execute(question, values).fetchone()[0]


@contextmanager
def crowd(users: int) -> Iterator[Crowd]:
    """A cloud of its own on free ports; what SES would allow is no limit here."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cloud = LocalCloud(
            Ports(emulator=free_port(), mailbox=free_port()),
            state_dir=root / "state",
            logs_dir=root / "logs",
            settings={"VESTNIK_SES_PER_SECOND": str(RATE)},
            forks=False,
        )
        with cloud, requests.Session() as session:
            key = cloud.seed()
            session.headers["Authorization"] = f"Bearer {key}"
            cloud.warm()
            made = Crowd(cloud, session, key)
            started = time.monotonic()
            made.gather(users)
            made.call("PUT", f"/v1/templates/{letter.KEY}", letter.template())
            print(f"{users:,} users in the directory after {time.monotonic() - started:.0f} s", flush=True)
            yield made
