"""A local cloud with a crowd in its directory, for the measurements that need one."""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from infra.local.cloud import LocalCloud, Ports
from infra.local.process import free_port
from infra.stages import WorkerTimings

_PAGE = 500
CROWD = {"rule": {"attribute": "crowd", "op": "equals", "value": True}}
CONTEXT = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}


@dataclass(frozen=True)
class Crowd:
    """The service, as a manager uses it."""

    cloud: LocalCloud
    session: requests.Session

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call that must succeed."""
        answer = self.session.request(method, self.cloud.api_url + path, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def gather(self, users: int) -> None:
        """Puts users into the directory."""
        for start in range(0, users, _PAGE):
            batch = [
                {"id": f"crowd-{n}", "email": f"crowd-{n}@crowd.example", "name": f"Viewer {n}",
                 "attributes": {"crowd": True}}
                for n in range(start, min(start + _PAGE, users))
            ]  # fmt: skip
            self.call("POST", "/v1/users/batch", {"users": batch})

    def start(self, rate_per_second: float) -> str:
        """A campaign to the crowd, running."""
        body = {"name": "Crowd", "template": "promo", "audience": CROWD, "context": CONTEXT,
                "rate_per_second": rate_per_second, "publish_per_second": 1000}  # fmt: skip
        campaign_id = str(self.call("POST", "/v1/campaigns", body)["id"])
        self.call("POST", f"/v1/campaigns/{campaign_id}/start")
        return campaign_id

    def progress(self, campaign_id: str) -> dict[str, Any]:
        """Its progress now, with its state."""
        seen = self.call("GET", f"/v1/campaigns/{campaign_id}")
        return {**seen["progress"], "state": seen["state"]}

    def received(self, part: str) -> Counter[str]:
        """How many letters came to each address that holds `part`."""
        found: Counter[str] = Counter()
        query = {"to": part, "limit": str(_PAGE)}
        while True:
            url = f"{self.cloud.mailbox_url}/api/messages"
            letters = requests.get(url, params=query, timeout=120).json()
            found.update(letter["to"][0] for letter in letters)
            if len(letters) < _PAGE:
                return found
            query["after"] = letters[-1]["id"]


@contextmanager
def crowd(users: int) -> Iterator[Crowd]:
    """A cloud of its own on free ports; what SES would allow is no limit here."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cloud = LocalCloud(
            Ports(emulator=free_port(), mailbox=free_port()),
            state_dir=root / "state",
            logs_dir=root / "logs",
            timings=WorkerTimings(ses_per_second=10_000),
        )
        with cloud, requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {cloud.seed()}"
            cloud.warm()
            made = Crowd(cloud, session)
            started = time.monotonic()
            made.gather(users)
            print(f"{users:,} users in the directory after {time.monotonic() - started:.0f} s", flush=True)
            yield made
