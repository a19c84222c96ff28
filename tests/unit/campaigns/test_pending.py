"""The page that waits to be published: it comes back as it was, whoever is on it, and takes little room."""

from chalicelib.campaigns.held_chunks import pack, unpack
from chalicelib.campaigns.recipient_sources import user_recipient
from chalicelib.pipeline.jobs import EnrichRecipient

RUN = "c-1@2026-11-26T18:00:00Z"
USER = user_recipient(RUN, "u-1")
BY_ADDRESS = EnrichRecipient(notification_id="n-2", profile={"email": "a@viewers.example", "name": "Анна"})
OF_A_RESEND = EnrichRecipient(notification_id="n-3", user_id="u-3")
WITH_A_CONTEXT = USER.model_copy(update={"context": {"films": 3}})


def test_every_kind_of_recipient_comes_back_as_it_was() -> None:
    slots = {"": [USER, BY_ADDRESS], "at#2026-11-26T19:00:00Z#": [OF_A_RESEND, WITH_A_CONTEXT]}
    assert unpack(RUN, pack(RUN, slots)) == slots


def test_nobody_is_nothing() -> None:
    assert pack(RUN, {}) is None
    assert unpack(RUN, None) == {}


def test_a_thousand_users_take_a_few_kilobytes() -> None:
    users = [user_recipient(RUN, f"00000000-0000-4000-8000-{n:012}") for n in range(1_000)]
    packed = pack(RUN, {"": users})
    assert packed is not None
    assert len(packed) < 4_000  # with the ids of their notifications: 24,000
