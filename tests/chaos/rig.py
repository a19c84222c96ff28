"""The service on the emulator as a thing to break: wires to cut, orders to die, a mailbox that misbehaves; and what
came of it, counted at the mailbox (the provider) and in the ledger. Made once for all chaos tests by `conftest.py`.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import pytest
import requests

from chalicelib.manifest import CONSUMERS
from chalicelib.storage.deliveries import Delivery
from chalicelib.storage.dynamodb import dynamodb, use
from chalicelib.storage.row_cache import KNOWN_FOR_SECONDS
from infra.local.children import STAGE
from infra.local.cloud import LocalCloud
from tests.chaos.queues import Queues
from tests.chaos.wires import Switchboard, Wire
from tests.chaos.workers import Workers
from tests.e2e.conftest import LIMIT_SECONDS, Vestnik, eventually, rest
from tests.ledgers import delivery, statuses
from tests.processes import forget_everything

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from pynamodb.connection import Connection

CONCURRENCY = 3  # of each consumer: more processes than this are slower on two cores, and time out
_SHIM = Path(__file__).parent / "shim"
_PER_CALL = 100
_TIMEOUT_SECONDS = 30
_TICKS_APART_SECONDS = 1.0  # a tick costs as much as ten letters
# What each component talks to; one wire each.
_WIRES = {
    "api": ("dynamodb", "sqs"),
    "enrich": ("dynamodb", "sqs"),
    "deliver": ("dynamodb", "sqs", "sesv2"),
    "retry": ("dynamodb", "sqs"),
    "feedback": ("dynamodb",),
    "fanout": ("dynamodb", "sqs"),
    "tick": ("dynamodb", "sqs"),
    "digest": ("dynamodb", "sqs"),
    "load": ("dynamodb", "s3"),
}
# How many connections a worker's client tries before it gives up.
TRIES = {"dynamodb": 4, "sqs": 3, "s3": 3}
LETTERS: Mapping[str, tuple[str, dict[str, object]]] = {
    "account": ("password-reset", {"reset_url": "https://cinema.example/reset", "valid_minutes": 30}),
    "marketing": ("promo", {"headline": "Half price", "text": "All November.", "url": "https://cinema.example/promo"}),
}


class Rig:
    """The running service, its wires by `<component>.<service>`, and the folder of orders (`shim/sitecustomize.py`)."""

    def __init__(self, vestnik: Vestnik, board: Switchboard, *, orders: Path, events: Wire) -> None:
        self.vestnik = vestnik
        self._limiter_writes = orders.with_name("limiter-writes")
        self.cloud: LocalCloud = vestnik.cloud
        self.queues = Queues(self.cloud)
        self.workers = Workers(self.cloud)
        self.wires: dict[str, Wire] = {"mailbox.sns": events}
        self._board = board
        self._orders = orders
        self._words = count(1)
        self._ticked_at = 0.0
        self._tables: Connection | None = None

    def connect(self) -> None:
        """Puts a wire into every line between a worker and a service, and the orders into every worker."""
        emulator, mailbox = (int(url.rpartition(":")[2]) for url in (self.cloud.emulator_url, self.cloud.mailbox_url))
        for component, services in _WIRES.items():
            variables = {
                "PYTHONPATH": str(_SHIM),
                "CHAOS_ORDERS": str(self._orders),
                "CHAOS_LIMITER_WRITES": str(self._limiter_writes),
            }
            for service in services:
                wire = self._board.wire(mailbox if service == "sesv2" else emulator)
                self.wires[f"{component}.{service}"] = wire
                variables[f"AWS_ENDPOINT_URL_{service.upper()}"] = wire.url
            if component == "api":  # its stage's settings are production's; the workers' are shorter
                variables |= self.workers.timings()
            self.workers.change_environment(component, variables)

    # -- asking for letters

    def word(self) -> str:
        """A word for the addresses of one test, unique to it."""
        return f"w{next(self._words)}"

    def addresses(self, n: int) -> list[str]:
        """`n` new addresses."""
        word = self.word()
        return [f"{word}-{i}@viewers.example" for i in range(n)]

    def send(
        self, addresses: Sequence[str], *, category: str = "account", lane: str = "instant", **more: object
    ) -> list[str]:
        """Asks for a letter to each; the notifications' ids in order. Every call is accepted, or the test fails."""
        ids: list[str] = []
        for start in range(0, len(addresses), _PER_CALL):
            body = self.body(addresses[start : start + _PER_CALL], category=category, lane=lane, **more)
            answer = self.vestnik.call("POST", "/v1/notifications", body)
            assert answer.status_code == 202, answer.text
            ids += [one["id"] for one in answer.json()["notifications"]]
        return ids

    def campaign(self, addresses: Sequence[str], *, rate_per_second: int, **more: object) -> str:
        """Starts a promo campaign to new people with these addresses of one `addresses()`; its id."""
        word = addresses[0].partition("-")[0]
        people = [{"id": a.partition("@")[0], "email": a, "attributes": {word: True}} for a in addresses]
        for start in range(0, len(people), _PER_CALL):
            answer = self.vestnik.call("POST", "/v1/users/batch", {"users": people[start : start + _PER_CALL]})
            assert answer.ok, answer.text
        template, context = LETTERS["marketing"]
        body = {"name": word, "template": template, "context": context, "rate_per_second": rate_per_second,
                "audience": {"rule": {"attribute": word, "op": "equals", "value": True}}, **more}  # fmt: skip
        made = self.vestnik.call("POST", "/v1/campaigns", body)
        assert made.ok, made.text
        campaign_id = str(made.json()["id"])
        answer = self.vestnik.call("POST", f"/v1/campaigns/{campaign_id}/start")
        assert answer.ok, answer.text
        return campaign_id

    def progress(self, campaign_id: str) -> dict[str, Any]:
        """A campaign's progress, in letters."""
        progress: dict[str, Any] = self.vestnik.call("GET", f"/v1/campaigns/{campaign_id}").json()["progress"]
        return progress

    def insist(self, addresses: Sequence[str]) -> list[str]:
        """One such call by a client that repeats it under its key until it is accepted, as the contract tells it to."""
        key = {"Idempotency-Key": str(uuid.uuid4())}

        def ask() -> list[str]:
            with suppress(requests.RequestException):
                answer = self.vestnik.call("POST", "/v1/notifications", self.body(addresses), headers=key)
                assert answer.status_code == 202 or answer.status_code >= 500, answer.text
                if answer.ok:
                    return [one["id"] for one in answer.json()["notifications"]]
            return []

        return eventually(ask)

    def body(
        self, addresses: Sequence[str], *, category: str = "account", lane: str = "instant", **more: object
    ) -> dict[str, object]:
        """The body of that call."""
        template, context = LETTERS[category]
        recipients = [{"email": address} for address in addresses]
        return {"template": template, "context": context, "recipients": recipients, "lane": lane, **more}

    def control(self, method: str, path: str, body: object = None) -> Any:
        """A call of the failover desk."""
        answer = self.vestnik.call(method, f"/v1/control/{path}".rstrip("/"), body)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def answers(self) -> bool:
        """Whether the API does, in time."""
        with suppress(requests.RequestException):
            return self.vestnik.call("GET", "/v1/control/switches/ses").ok
        return False

    def uncertain(self) -> Iterator[str]:
        """The notifications that wait for a person, those of other tests too."""
        path = "attention"
        while path:
            page = self.control("GET", path)
            yield from (one["notification_id"] for one in page["deliveries"])
            path = page["cursor"] and f"attention?cursor={quote(page['cursor'])}"

    def redriven(self, queue: str, *, at_once: int) -> Iterator[int]:
        """Puts all dead letters back, as a person does: again while some are left; how many each time."""
        left = True
        while left:
            answer = self.control("POST", f"dead-letters/{queue}/redrive", {"limit": at_once})
            yield answer["moved"]
            left = answer["left"] > 0

    # -- what came of it

    def copies(self, addresses: Sequence[str]) -> Counter[str]:
        """How many letters the provider accepted for each of these addresses."""
        word = addresses[0].partition("-")[0]
        wanted = set(addresses)
        found = Counter(letter["to"][0] for letter in self.vestnik.letters(f"{word}-"))
        return Counter({address: found[address] for address in wanted})

    def stats(self) -> dict[str, Any]:
        """What the provider counted since the test began."""
        answer: dict[str, Any] = requests.get(f"{self.cloud.mailbox_url}/api/stats", timeout=_TIMEOUT_SECONDS).json()
        return answer

    def deliveries(self, ids: Sequence[str]) -> dict[str, Delivery]:
        """Each e-mail delivery that has begun, by its notification's id."""
        with self.as_the_app():
            found = {i: delivery(i) for i in ids}
        return {i: one for i, one in found.items() if one}

    def statuses(self, ids: Sequence[str]) -> Counter[str]:
        """How many deliveries are in each status; `accepted` where none has begun."""
        return Counter(self.status_of_each(ids).values())

    def status_of_each(self, ids: Sequence[str]) -> dict[str, str]:
        """The same, letter by letter."""
        with self.as_the_app():
            found = statuses(ids)
        return {i: found.get(i, "accepted") for i in ids}

    def settle(
        self,
        ids: Sequence[str],
        allowed: Collection[str] = ("delivered",),
        *,
        ticking: bool = False,
    ) -> Counter[str]:
        """Waits until every delivery is in one of the allowed statuses, `ticking` where the schedule has a part in it;
        how many are in which."""
        began, left = time.monotonic(), list(ids)
        while left := [i for i, status in self.status_of_each(left).items() if status not in allowed]:
            assert time.monotonic() < began + LIMIT_SECONDS, f"still {self.statuses(ids)}; {self.queues.depths()}"
            if ticking:
                self._tick_again()
            rest(began)
        return self.statuses(ids)

    def timeline(self, notification_id: str) -> list[str]:
        """The statuses of one delivery in the order in which it took them."""
        told = self.deliveries([notification_id])[notification_id].timeline
        return [event["status"] for event in told if "status" in event]

    # -- what is under it

    def tick(self, *, wait: bool = True) -> None:
        """What the schedule does once a minute, now; errors are ignored, as there."""
        kind: Literal["RequestResponse", "Event"] = "RequestResponse" if wait else "Event"
        self.cloud.account.lambdas.invoke(FunctionName=f"vestnik-{STAGE}-tick", InvocationType=kind, Payload=b"{}")
        self._ticked_at = time.monotonic()

    def ticking(self, look: Callable[[], object]) -> Callable[[], object]:
        """A look between ticks, for `eventually`."""

        def tick_and_look() -> object:
            self._tick_again()
            return look()

        return tick_and_look

    def _tick_again(self) -> None:
        if time.monotonic() > self._ticked_at + _TICKS_APART_SECONDS:
            self.tick()

    @contextmanager
    def paused(self, *queues: str) -> Iterator[None]:
        """Consumers that are paused by hand for a while."""
        for queue in queues:
            self.control("POST", f"consumers/{queue}", {"paused": True})
        try:
            yield
        finally:
            for queue in queues:
                self.control("POST", f"consumers/{queue}", {"paused": False})

    def come_to_rest(self, queue: str) -> None:
        """Waits until no worker of a queue holds a message, nor goes by what it knew before something changed."""
        time.sleep(KNOWN_FOR_SECONDS)
        eventually(lambda: self.queues.in_flight(queue) == 0)

    # -- breaking it

    def fault(self, kind: str, **how: object) -> None:
        """Sets a fault of the mailbox (packages/ses-mailbox/README.md); gone at the end of the test."""
        answer = requests.post(
            f"{self.cloud.mailbox_url}/api/faults", json={"kind": kind, **how}, timeout=_TIMEOUT_SECONDS
        )
        assert answer.status_code == 201, answer.text

    def trouble(self, **modes: object) -> None:
        """Of the account at the provider; nothing said: all is well."""
        url = f"{self.cloud.mailbox_url}/api/account"
        requests.put(url, json=modes, timeout=_TIMEOUT_SECONDS).raise_for_status()

    def forgive(self) -> None:
        """Ends the faults of the mailbox."""
        requests.delete(f"{self.cloud.mailbox_url}/api/faults", timeout=_TIMEOUT_SECONDS).raise_for_status()

    def order(self, point: str, texts: Sequence[str]) -> None:
        """A worker that reaches this point with one of these texts, such as the ids of notifications, in its request
        dies there, once for each."""
        for text in texts:
            (self._orders / f"{point}--{text}").touch()

    def orders_left(self) -> int:
        """How many orders were not carried out."""
        return len(list(self._orders.iterdir()))

    def limiter_writes(self) -> int:
        """How often the senders have written to the limits since the test began."""
        return self._limiter_writes.stat().st_size

    def heal(self, *, patience_seconds: float) -> None:
        """Ends every fault; what a test broke by a context is whole by then. What workers still hold gets the time to
        be done."""
        if not self.cloud.mailbox.running:
            self.cloud.mailbox.start()
            self.cloud.mailbox.wait_healthy()
        self.trouble()
        self.forgive()
        for order in self._orders.iterdir():
            order.unlink()
        self._limiter_writes.write_bytes(b"")
        for table in ("switches", "limits", "consumers"):
            for item in self.dynamodb.scan(TableName=f"vestnik-{STAGE}-{table}")["Items"]:
                self.dynamodb.delete_item(TableName=f"vestnik-{STAGE}-{table}", Key={"name": item["name"]})
        for queue in CONSUMERS:
            wish = {"max_concurrency": CONCURRENCY, "batch_size": 1 if queue.endswith("-bulk") else 10}
            numbers = {name: {"N": str(number)} for name, number in wish.items()}
            self.dynamodb.put_item(TableName=f"vestnik-{STAGE}-consumers", Item={"name": {"S": queue}, **numbers})
        self.tick()
        self.queues.empty_all(patience_seconds=patience_seconds)
        requests.delete(f"{self.cloud.mailbox_url}/api/stats", timeout=_TIMEOUT_SECONDS).raise_for_status()

    @contextmanager
    def as_the_app(self) -> Iterator[None]:
        """This process is one of the app's, with its environment and its tables; around the wires."""
        try:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in self.cloud.environment().items():
                    patch.setenv(name, value)
                forget_everything()
                use(self._tables)
                self._tables = dynamodb()  # its client is made once: that takes longer than what is asked here
                yield
        finally:
            forget_everything()

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """A client that goes around the wires."""
        client: DynamoDBClient = self.cloud.account.session.client("dynamodb", endpoint_url=self.cloud.emulator_url)
        return client
