"""What travels through the queues fits them."""

import pytest

from chalicelib.clock import new_id
from chalicelib.control.queues import BATCH_BYTES
from chalicelib.errors import PoisonMessageError
from chalicelib.pipeline.jobs import CHUNK_BYTES, CHUNK_SIZE, DeliverRecipient, EnrichJob, chunks, read_job


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
        size_bytes = sum(len(one.model_dump_json().encode()) for one in portion)
        assert size_bytes <= CHUNK_BYTES
        assert 2 * size_bytes + 2 * 128 * 1024 < BATCH_BYTES


def test_nobody_makes_no_portion() -> None:
    assert list(chunks([])) == []


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"v": 2}', "not json"])
def test_a_job_of_another_shape_is_poison(body: str) -> None:
    with pytest.raises(PoisonMessageError, match="EnrichJob"):
        read_job(EnrichJob, body)
