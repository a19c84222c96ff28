"""Recipients on their way: a planned page and a chunk that waits come back as they were, and take little room."""

import json
import zlib

from chalicelib.campaigns.held_chunks import Chunk, Slot, pack, read_held, unpack, user_recipient
from chalicelib.pipeline.jobs import EnrichRecipient, nobody
from chalicelib.storage.held_chunks import HeldItem

RUN = "c-1@2026-11-26T18:00:00Z"
USER = user_recipient(RUN, "u-1")
BY_ADDRESS = EnrichRecipient(notification_id="n-2", profile={"email": "a@viewers.example", "name": "Анна"})
OF_A_RESEND = EnrichRecipient(notification_id="n-3", user_id="u-3")
WITH_A_CONTEXT = USER.model_copy(update={"context": {"films": 3}})


def test_every_kind_of_recipient_comes_back_as_it_was() -> None:
    later = "at#2026-11-26T19:00:00Z#"
    slots = {Slot("now"): [USER, BY_ADDRESS], Slot(later): [OF_A_RESEND], Slot(later, "B"): [WITH_A_CONTEXT]}
    assert unpack(RUN, pack(RUN, slots)) == slots


def test_a_page_of_the_last_release_is_read() -> None:
    plain = {"now": ["u-1"], "canary#": ["u-2"], "at#2026-11-26T19:00:00Z#": ["u-3"]}
    assert [slot.text for slot in unpack(RUN, zlib.compress(json.dumps(plain).encode()))] == list(plain)


def test_nobody_is_nothing() -> None:
    assert pack(RUN, {}) is None
    assert unpack(RUN, None) == {}


def test_a_thousand_users_take_a_few_kilobytes() -> None:
    users = [user_recipient(RUN, f"00000000-0000-4000-8000-{n:012}") for n in range(1_000)]
    packed = pack(RUN, {Slot("now"): users})
    assert packed is not None
    assert len(packed) < 4_000  # with the ids of their notifications: 24,000


def held(stored: object) -> Chunk | None:
    return read_held(HeldItem("run#0", "paused#x", json.dumps(stored)))


def test_of_a_damaged_chunk_those_who_can_be_read_go_on_and_the_others_by_their_notification() -> None:
    chunk = Chunk(channels=("email",), recipients=(USER, BY_ADDRESS), again=True)
    stored = json.loads(chunk.model_dump_json())
    assert held(stored) == chunk

    stored["recipients"][1]["profile"] = "nonsense"
    salvaged = held(stored)
    assert salvaged is not None
    assert salvaged.recipients == (USER, nobody(BY_ADDRESS.notification_id))
    assert salvaged.again


def test_a_chunk_of_which_nothing_can_be_read_is_nothing() -> None:
    assert held({"channels": ["email"], "recipients": [5]}) is None
    assert read_held(HeldItem("run#0", "paused#x", None)) is None
