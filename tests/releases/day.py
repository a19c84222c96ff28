"""A day of the service on moto, in which it writes one of each: every job, every kind of row. What it wrote is what
another release has to read."""

import base64
import json
from datetime import timedelta
from typing import Any

from chalicelib.accounts.managers import Role
from chalicelib.channels.live import Notice
from chalicelib.clock import rfc3339
from chalicelib.pipeline.jobs import DeliverJob
from chalicelib.stage.app import Stage
from tests.integration.api.gateway import PROMO, Gateway, gateway
from tests.integration.campaigns.conftest import Desk, Viewers
from tests.integration.conftest import TABLES
from tests.integration.live.conftest import Gateway as Live
from tests.processes import compose

LETTER = {"template": "new-episode", "context": {"series": "The Lighthouse", "season": 2, "episode": 5, "title": "Low"}}
URL = {"url": "https://cinema.example/s"}
EPISODE = {**LETTER, "context": {**LETTER["context"], **URL}}  # type: ignore[dict-item]


class Recorder:
    """What the service has put into queues and tables: of each kind one, that with the most to it."""

    def __init__(self) -> None:
        self.messages: dict[str, Any] = {}
        self.rows: dict[str, Any] = {}
        sqs = compose(sqs=Stage.own().sqs).sqs  # and every later stage of this process has the same client
        sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", self._put)

    def look(self) -> None:
        """What stands in the tables now."""
        for table in TABLES:
            for item in table._get_connection().scan()["Items"]:
                told = item.get("kind") or item.get("person") or {}
                kind = told.get("S", "").partition("#")[0]  # of the table's rows; of a person's: guest, user, count
                self._keep(self.rows, f"{table.__name__} {kind}".strip(), _plain(item))

    def _put(self, params: dict[str, Any], **_: Any) -> None:
        queue = params["QueueUrl"].rpartition("/")[2].split("-", 2)[2]
        for entry in params["Entries"]:
            body = json.loads(entry["MessageBody"])
            kind = body.get("kind", "") if queue in ("retry", "live") else ""
            self._keep(self.messages, f"{queue} {kind}".strip(), body)

    def _keep(self, kept: dict[str, Any], kind: str, one: Any) -> None:
        if kind not in kept or len(json.dumps(one)) > len(json.dumps(kept[kind])):
            kept[kind] = one


def a_day(desk: Desk, viewers: Viewers, live: Live) -> Recorder:
    """What was recorded of it."""
    day, api = Recorder(), gateway()
    viewers(3, lambda n: {"locale": "en", "timezone": "UTC", "attributes": {"plan": "free", "n": n}})
    _wishes(api)
    _letters(day, desk, api)
    day.look()
    _campaigns(desk, api)
    day.look()
    _live(api, live)
    _desk(api)
    desk.pump.run()
    _reconciled(day)
    day.look()
    return day


def _wishes(api: Gateway) -> None:
    quiet = {"quiet_hours": {"from": "22:00", "to": "08:00"}, "digests": {"series": {"every": "day"}}}
    api.put("/v1/users/u-00001/preferences", quiet)
    api.post("/v1/users/u-00000/endpoints", {"channel": "webhook", "url": "https://partner.example/hook"})
    api.post("/v1/suppressions", {"address": "gone@example.com"})
    api.put("/v1/settings/caps", {"value": {"marketing": {"letters": 5, "days": 7}}})


def _letters(day: Recorder, desk: Desk, api: Gateway) -> None:
    to = [{"user_id": "u-00000"}, {"email": "guest@example.com", "name": "Guest", "locale": "ru"}]
    for lane in ("instant", "bulk"):
        api.post("/v1/notifications", {**PROMO, "recipients": to, "lane": lane}, **{"idempotency-key": f"k-{lane}"})
    api.post("/v1/notifications", {**PROMO, "recipients": to, "send_at": "2026-03-09T10:00:00Z"})
    api.post("/v1/notifications", {**EPISODE, "recipients": [{"user_id": "u-00001"}]})  # into a digest
    api.post("/v1/events", {"id": "e-1", "type": "user.registered", "user": {"id": "u-9", "email": "nine@example.com"}})
    Stage.own().switches.open("ses", by="test", reason="a day with everything")
    desk.pump.run()
    day.look()
    Stage.own().switches.close("ses", by="test", reason="over", ramp=False)
    desk.clock.pass_(days=2)
    desk.tick()
    desk.pump.run()


def _campaigns(desk: Desk, api: Gateway) -> None:
    guests = desk.load_list(b"email,name\none@example.com,One\ntwo@example.com,Two\n")
    desk.start()
    held = desk.start(audience={"list_id": guests}, canary_percent=50)
    soon = rfc3339(desk.clock() + timedelta(minutes=1))
    desk.start(timezone="recipient", start_at=soon, expires_after_hours=24, locale="en")
    desk.clock.pass_(minutes=2)
    desk.tick()
    desk.pump.run("fanout")
    api.post(f"/v1/campaigns/{held}/pause", {})
    desk.forget_states()
    desk.pump.run()
    another = api.post("/v1/lists", {"name": "Another"}, **{"idempotency-key": "k-list"}).body["id"]
    api.post(f"/v1/lists/{another}/load")


def _live(api: Gateway, live: Live) -> None:
    assert live.connect("guest-1") == 200
    live.send("guest-1", "Max")
    live.send("guest-1", "Hello all")
    api.post("/v1/live/tickets", {"user_id": "u-00000"})
    Stage.own().announce.announce([Notice("n-1", "u-00000", {"title": "New", "body": "", "url": ""})])


def _desk(api: Gateway) -> None:
    Stage.own().managers.add("olga", roles=[Role.OPERATOR], by="test")
    Stage.own().sessions.begin(Stage.own().managers.get("olga"), browser="a browser", network="192.0.2.0")
    Stage.own().limiter.take("ses.instant", 1, max_wait_seconds=1)
    api.put("/v1/templates/promo", api.get("/v1/templates/promo").body)


def _reconciled(day: Recorder) -> None:
    """What is asked for where nobody knows whether a letter was sent."""
    Stage.own().retries.reconcile(DeliverJob.model_validate(day.messages["deliver-email"]), in_seconds=60)


def _plain(item: Any) -> Any:
    """JSON, with what is binary in Base64, and nothing of a password's hash but how it was made."""
    if isinstance(item, str) and item.startswith("$argon2id$"):
        return item[: item.index("p=") + 3]
    if isinstance(item, bytes):
        return {"Base64": base64.b64encode(item).decode()}
    if isinstance(item, dict):
        return {name: _plain(value) for name, value in sorted(item.items())}
    return [_plain(one) for one in item] if isinstance(item, list | set) else item
