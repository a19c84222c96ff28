"""One local cloud for all end-to-end tests of a process: the same artifacts as on AWS, on free ports, with a state of
its own, and with times short enough to watch retries and leases end."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests

from infra.local.children import Ports
from infra.local.cloud import LocalCloud
from infra.local.process import free_port
from infra.stages import WorkerTimings

_T = TypeVar("_T")
_REQUEST_SECONDS = 30
LIMIT_SECONDS = 300  # guards against hangs; measures nothing
# A hung worker is killed, its lease ends and its message comes back, all within six seconds.
SHORT = WorkerTimings(
    events_window_seconds=0,  # the emulator can take it, and every letter is delivered a second sooner
    function_timeout_seconds=6,
    visibility_timeout_seconds=6,
)
SETTINGS = {"VESTNIK_LEASE_SECONDS": "6", "VESTNIK_RECONCILE_SECONDS": "10", "VESTNIK_RETRY_SECONDS": "1"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What reads the logs of the whole run comes after it."""
    folders = list(dict.fromkeys(item.path.parent for item in items))
    items.sort(key=lambda item: (folders.index(item.path.parent), item.path.stem == "test_what_logs_hold"))


@dataclass(frozen=True)
class Vestnik:
    """The running service as its callers see it."""

    cloud: LocalCloud
    api_key: str

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> requests.Response:
        """One request to the API; `key` other than the suite's own, "" for none."""
        key = self.api_key if key is None else key
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        return requests.request(
            method,
            self.cloud.api_url + path,
            json=body,
            headers={**authorization, **(headers or {})},
            timeout=_REQUEST_SECONDS,
        )

    def tick(self) -> bool:
        """A tick out of turn, after a second: nobody waits for the minute of the clock's own. True, to stand in a
        condition."""
        time.sleep(1)
        self.cloud.account.lambdas.invoke(FunctionName="vestnik-local-tick", Payload=b"{}")
        return True

    def letters(self, to: str) -> list[dict[str, Any]]:
        """What is in the mailbox for an address or a part of one, oldest first."""
        answer = requests.get(f"{self.cloud.mailbox_url}/api/messages", params={"to": to}, timeout=_REQUEST_SECONDS)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found


def eventually(look: Callable[[], _T]) -> _T:
    """The first result of `look` that is not empty."""
    began = time.monotonic()
    while not (seen := look()):
        if time.monotonic() > began + LIMIT_SECONDS:
            pytest.fail(f"nothing came in {LIMIT_SECONDS} s")
        rest(began)
    return seen


def rest(began: float) -> None:
    """Between two looks: a tenth of what has been waited. Every look costs the machine on which others work."""
    time.sleep(min(max((time.monotonic() - began) / 10, 0.05), 1.0))


@contextmanager
def started(root: Path) -> Iterator[Vestnik]:
    """A service of its own in a folder, warm, with a key that may do everything."""
    ports = Ports(emulator=free_port(), mailbox=free_port())
    cloud = LocalCloud(ports, state_dir=root / "state", logs_dir=root / "logs", settings=SETTINGS, timings=SHORT)
    with cloud:
        key = cloud.seed()
        cloud.warm()
        yield Vestnik(cloud, key)


@pytest.fixture(scope="session")
def vestnik(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vestnik]:
    """The service of all tests."""
    with started(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="session")
def cloud(vestnik: Vestnik) -> LocalCloud:
    """The machine under the service, for tests that break it."""
    return vestnik.cloud


@pytest.fixture(autouse=True)
def a_test_that_is_run_again_finds_no_letters(request: pytest.FixtureRequest) -> None:
    """Those of its first try are in the mailbox, and would be counted with its own."""
    if "vestnik" in request.fixturenames and getattr(request.node, "execution_count", 1) > 1:
        mailbox = request.getfixturevalue("vestnik").cloud.mailbox_url
        requests.delete(f"{mailbox}/api/messages", timeout=_REQUEST_SECONDS).raise_for_status()
