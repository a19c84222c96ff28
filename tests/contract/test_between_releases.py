"""What one release of the service writes, the release before it and the one after it read: while both run side by side,
and after a way back. `tests/releases/last` holds what the last release wrote, and the shapes that it reads.

`make record` records both from this checkout; CONTRIBUTING.md says when.
"""

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from chalicelib.campaigns.jobs import FanoutJob, LoadJob
from chalicelib.live.jobs import read_live_job
from chalicelib.media.jobs import MediaJob
from chalicelib.pipeline.jobs import DeliverJob, DigestJob, EnrichJob, Job, read_job
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.pipeline.retry import RetryJob
from chalicelib.schemas import recalled
from tests.integration.api.gateway import PROMO
from tests.integration.campaigns.conftest import Desk, Viewers, clock, desk, office, viewers
from tests.integration.conftest import TABLES, pump, stage
from tests.integration.live.conftest import Gateway, gateway
from tests.releases.changes import changes
from tests.releases.day import Recorder, a_day
from tests.releases.shapes import HELD, JOBS, rows, shapes

__all__ = ["clock", "desk", "gateway", "office", "pump", "stage", "viewers"]  # fixtures
LAST = Path(__file__).parents[1] / "releases" / "last"
RECORDS = "RECORD_RELEASE" in os.environ
MOVED = {"LedgerRow delivery"}  # and read by `storage/last_release.py` (tests/integration/test_last_release.py)
NEW = {"MediaRow"}  # of a table of its own, which the last release never reads
KINDS: dict[str, type[Job]] = {
    "enrich": EnrichJob,
    "deliver": DeliverJob,
    "digest": DigestJob,
    "retry": RetryJob,
    "fanout": FanoutJob,
    "load": LoadJob,
    "media": MediaJob,
}


def kept(name: str) -> Any:
    return json.loads((LAST / f"{name}.json").read_text(encoding="utf-8"))


def keep(name: str, value: Any) -> None:
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    (LAST / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


@pytest.fixture
def today(desk: Desk, viewers: Viewers, gateway: Gateway) -> Recorder:
    return a_day(desk, viewers, gateway)


def kind_of(queue: str) -> type[Job]:
    return KINDS[queue.split()[0].split("-")[0]]


def last_rows() -> Iterator[tuple[str, Any]]:
    for name, item in kept("rows").items():
        if name in MOVED:
            continue
        table = next(one for one in TABLES if one.__name__ == name.split()[0])
        raw = {attribute: _binary(value) for attribute, value in item.items()}
        yield name, table.from_raw_data(raw)


def _binary(value: dict[str, Any]) -> dict[str, Any]:
    return {"B": value["B"]["Base64"]} if isinstance(value.get("B"), dict) else value


# ---------------------------------------------------------------- forward: this release reads what the last one wrote


@pytest.mark.parametrize("queue", sorted(kept("messages")))
def test_every_job_of_the_last_release_is_read(queue: str) -> None:
    """Promise A5."""
    body = json.dumps(kept("messages")[queue])

    job = read_live_job(body) if queue.startswith("live") else read_job(kind_of(queue), body)

    if isinstance(job, RetryJob):
        read_job(kind_of(job.queue), job.body)


def test_every_row_of_the_last_release_is_read_with_the_documents_in_it() -> None:
    """Promise A5."""
    read = set()
    for _, row in last_rows():
        for name in row.get_attributes():
            value, held = getattr(row, name), HELD.get((type(row).__name__, name))
            for one in value if isinstance(value, list) else [value]:
                if held is not None and one is not None:
                    recalled(held, one)
                    read.add((type(row).__name__, name))
    assert read == set(HELD)


def test_a_call_that_is_repeated_after_a_deployment_is_the_same_call() -> None:
    """Promise A5."""
    asked = NotificationRequest.model_validate({**PROMO, "recipients": [{"user_id": "anna"}, {"email": "b@c.example"}]})
    if RECORDS:
        keep("fingerprint", asked.fingerprint())

    assert asked.fingerprint() == kept("fingerprint"), "a new field at its default must not be part of the fingerprint"


# ---------------------------------------------------------------- back: the last release reads what this one writes


def test_the_last_release_reads_what_this_one_writes(today: Recorder) -> None:
    """Promise A5."""
    if RECORDS:
        keep("messages", today.messages)
        keep("rows", today.rows)
    known = kept("shapes")
    for queue, body in today.messages.items():
        if queue.startswith("live"):
            kind = {"greet": "GreetJob", "presence": "PresenceJob"}[body["kind"]]
        else:
            kind = kind_of(queue).__name__
        OAS31Validator({"$ref": f"#/$defs/{kind}", "$defs": known["models"]}).validate(body)
    assert {queue.split()[0] for queue in kept("messages")} <= {queue.split()[0] for queue in today.messages}
    assert set(kept("rows")) - MOVED <= set(today.rows)


def test_what_the_last_release_reads_is_what_this_one_says() -> None:
    """Promise A5."""
    if RECORDS:
        keep("shapes", shapes())
        keep("decided", {})
    decided: dict[str, str] = kept("decided")
    found = changes(kept("shapes"), shapes())

    assert not (stale := sorted(decided.keys() - found.keys())), f"decided, and not so: {stale}"
    left = [f"{place} {what}" for place, what in found.items() if place not in decided]
    assert not left, "\n".join(
        ["another release would misread this (a reason in tests/releases/last/decided.json says that it may):", *left]
    )


# ---------------------------------------------------------------- the contract can fail


def changed(edit: Any) -> dict[str, str]:
    before = shapes()
    after = deepcopy(before)
    edit(after)
    return changes(before, after)


def field(name: str, **schema: Any) -> Any:
    def edit(after: Any) -> None:
        after["models"]["LetterSpec"]["properties"][name] = schema

    return edit


def test_a_new_field_with_a_default_is_fine() -> None:
    assert changed(field("priority", type="integer", default=0)) == {}
    assert changed(lambda after: after["tables"]["RunRow"].update(new={"type": "S", "optional": True})) == {}


def without_default(after: Any) -> None:
    field("priority", type="integer")(after)
    after["models"]["LetterSpec"]["required"].append("priority")


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (without_default, "LetterSpec.priority"),
        (lambda after: after["models"]["LetterSpec"]["properties"].pop("locale"), "LetterSpec.locale"),
        (field("context", type="string"), "LetterSpec.context"),
        (field("lane", enum=["instant", "bulk", "slow"], type="string"), "LetterSpec.lane"),
        (field("inside", type="array", items={"type": "string"}, default=["a"]), "LetterSpec.inside"),
        (lambda after: after["models"]["LetterSpec"]["required"].append("locale"), "LetterSpec.locale"),
        (lambda after: after["models"]["DeliverJob"]["properties"]["v"].update(const=2), "DeliverJob.v"),
        (lambda after: after["models"].pop("DigestJob"), "DigestJob"),
        (lambda after: after["tables"]["RunRow"].pop("spec"), "RunRow.spec"),
        (lambda after: after["tables"].pop("RunRow"), "RunRow"),
        (lambda after: after["tables"]["RunRow"].update(new={"type": "S", "optional": False}), "RunRow.new"),
        (lambda after: after["tables"]["RunRow"]["shards"].update(type="S"), "RunRow.shards"),
        (lambda after: after["words"]["statuses"].append("lost"), "statuses: lost"),
        (lambda after: after["words"]["categories"].remove("marketing"), "categories: marketing"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_another_release_would_misread_is_named(edit: Any, place: str) -> None:
    found = changed(edit)

    assert list(found) == [place]
    assert len(found[place]) > 30  # what to do


def test_every_kind_of_job_and_row_is_kept() -> None:
    assert {kind.__name__ for kind in JOBS} <= set(kept("shapes")["models"])
    assert {row.__name__ for row in rows()} | kept("decided").keys() >= set(kept("shapes")["tables"])
    assert {row.__name__ for row in rows()} - NEW <= set(kept("shapes")["tables"])
