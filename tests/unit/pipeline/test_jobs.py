"""What travels through the queues fits them, and is read by other releases."""

import json
from typing import Any

import pytest

from chalicelib.attachments import AttachmentRef
from chalicelib.clock import new_id
from chalicelib.configuration.setting_shapes import StopWhen
from chalicelib.errors import NewerError, PoisonMessageError
from chalicelib.flow.queues import BATCH_BYTES
from chalicelib.isolation import portions
from chalicelib.live.jobs import read_live_job
from chalicelib.pipeline.jobs import (
    CHUNK_BYTES,
    CHUNK_SIZE,
    DeliverRecipient,
    EnrichJob,
    EnrichRecipient,
    LetterSpec,
    chunks,
    read_chunk,
    read_job,
)
from chalicelib.pipeline.letter_parts import LetterLanguages
from chalicelib.schemas import passed


def people(count: int, *, size_bytes: int = 0) -> list[DeliverRecipient]:
    user = {"attributes": {"bio": '"' * (size_bytes // 2)}}  # a quote is two bytes of JSON
    return [
        DeliverRecipient(notification_id=new_id(), address=f"u{n}@example.com", locale="ru", user=user)
        for n in range(count)
    ]


def test_recipients_are_portioned_in_order_and_none_is_lost() -> None:
    everyone = people(2 * CHUNK_SIZE + 1)

    portions = list(chunks(everyone))

    assert [len(portion) for portion in portions] == [CHUNK_SIZE, CHUNK_SIZE, 1]
    assert [one for portion in portions for one in portion] == everyone


def test_recipients_with_much_to_them_travel_in_smaller_portions_that_fit_twice_escaped() -> None:
    portions = list(chunks(people(CHUNK_SIZE, size_bytes=32_000)))

    assert sum(map(len, portions)) == CHUNK_SIZE
    for portion in portions:
        size_bytes = sum(len(passed(one).encode()) for one in portion)
        assert size_bytes <= CHUNK_BYTES
        assert 2 * size_bytes + 2 * 128 * 1024 < BATCH_BYTES


def test_nobody_makes_no_portion() -> None:
    assert list(chunks([])) == []


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"v": 0}', '{"v": "2"}', "not json"])
def test_a_job_of_another_shape_is_poison(body: str) -> None:
    with pytest.raises(PoisonMessageError, match="EnrichJob"):
        read_job(EnrichJob, body)


LETTER = LetterSpec(
    template="promo",
    template_version=3,
    category="promo",
    lane="bulk",
    context={"headline": None},
    request_id="r-1",
    accepted_at="2026-03-02T10:00:00Z",
    stop_when=StopWhen(attribute="email_confirmed", equals=None),
)
JOB = EnrichJob(letter=LETTER, channels=("email",), recipients=(EnrichRecipient(notification_id="n-1", user_id="u-1"),))


def test_a_job_travels_without_defaults_and_with_whatever_null_was_said() -> None:
    body = json.loads(passed(JOB))

    assert body == {
        "letter": {
            "template": "promo",
            "template_version": 3,
            "category": "promo",
            "lane": "bulk",
            "context": {"headline": None},
            "request_id": "r-1",
            "accepted_at": "2026-03-02T10:00:00Z",
            "stop_when": {"attribute": "email_confirmed", "equals": None},
        },
        "channels": ["email"],
        "recipients": [{"notification_id": "n-1", "user_id": "u-1"}],
    }
    assert read_job(EnrichJob, json.dumps(body)) == JOB


def test_what_a_newer_release_has_added_anywhere_is_read_over() -> None:
    body = json.loads(passed(JOB))
    for part in (body, body["letter"], body["letter"]["stop_when"], body["recipients"][0]):
        part["added"] = {"since": "then"}

    assert read_job(EnrichJob, json.dumps(body)) == JOB
    assert read_chunk(EnrichJob, json.dumps(body)) == (JOB, 0)


@pytest.mark.parametrize(
    ("more", "v"),
    [
        ({}, 1),
        ({"attachments": (AttachmentRef(key="k", name="a.pdf", size=1),)}, 2),
        ({"variant": "B"}, 3),
        ({"languages": LetterLanguages(written=("en",), subjects={"en": "Hungry?"})}, 3),
    ],
    ids=["plain", "attachments", "variant", "subject"],
)
def test_a_job_says_what_an_older_worker_would_leave_out(more: dict[str, Any], v: int) -> None:
    job = EnrichJob(letter=JOB.letter.model_copy(update=more), channels=JOB.channels, recipients=JOB.recipients)
    assert json.loads(passed(job)).get("v", 1) == v
    assert read_job(EnrichJob, passed(job)) == job


@pytest.mark.parametrize("v", [4, 99])
def test_a_job_whose_meaning_is_newer_is_no_poison(v: int) -> None:
    body = json.dumps({**json.loads(passed(JOB)), "v": v, "letter": "of another shape"})

    for read in (lambda: read_job(EnrichJob, body), lambda: read_chunk(EnrichJob, body)):
        with pytest.raises(NewerError):
            read()
    for kind in ("greet", "presence"):
        with pytest.raises(NewerError):
            read_live_job(json.dumps({"v": v, "kind": kind, "whom": 1}))


def test_what_is_portioned_keeps_its_order_whatever_its_size() -> None:
    sizes = [3, 1, 1, 9, 2, 2, 2, 2]

    assert list(portions(sizes, most=3, room=5, size=lambda one: one)) == [(3, 1, 1), (9,), (2, 2), (2, 2)]
