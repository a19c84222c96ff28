"""A run's recipients as stored on their way: the page that a fan-out has planned and may not have published yet, and
held chunks. Both hold ids, and addresses only of people who are in no directory."""

import json
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.addresses import same_address_key
from chalicelib.clock import derived_id
from chalicelib.errors import Phrase
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.pipeline.jobs import EnrichJob, EnrichRecipient, LetterSpec, nobody, sendable
from chalicelib.schemas import StrictModel, kept, passed, recalled
from chalicelib.storage.held_chunks import HeldItem


class Slot(NamedTuple):
    """When recipients of a run get their letter, and which variant of an experiment that is."""

    when: str
    variant: str | None = None

    @property
    def text(self) -> str:
        """`<when>`, or `<when>@<variant>`."""
        return f"{self.when}@{self.variant}" if self.variant else self.when

    @classmethod
    def of(cls, text: str) -> "Slot":
        """The inverse of `text`."""
        when, _, variant = text.partition("@")
        return cls(when, variant or None)


Slots = dict[Slot, list[EnrichRecipient]]


class Chunk(StrictModel):
    """The stored part of a waiting job; the letter is the run's, or that of a variant."""

    channels: tuple[str, ...]
    recipients: tuple[EnrichRecipient, ...]
    attempt: int = 1
    again: bool = False
    variant: str | None = None

    def job(self, letter: LetterSpec) -> EnrichJob:
        return EnrichJob(
            letter=letter,
            channels=self.channels,
            recipients=self.recipients,
            attempt=self.attempt,
            again=self.again,
        )


def notification_of(run_id: str, *, user_id: str | None = None, address: str | None = None) -> str:
    """The notification's id: the same for the same recipient of the same run, however often a page is sent."""
    recipient = f"user:{user_id}" if user_id else f"address:{same_address_key('email', address or '')}"
    return derived_id("campaign", run_id, recipient)


def user_recipient(run_id: str, user_id: str) -> EnrichRecipient:
    """A user of the directory as a recipient of a run."""
    return EnrichRecipient(notification_id=notification_of(run_id, user_id=user_id), user_id=user_id)


def read_held(item: HeldItem) -> Chunk | None:
    """The chunk; of a damaged one its readable recipients, and the others by notification only; None: unreadable."""
    failed = list[Exception]()
    found = each(_whole, [item], alone=lambda _, error: failed.append(error))
    for error in failed:
        log_failure("held chunk", error, place=item.place, slot=item.slot)
        found = each(_salvaged, [item], alone=_nothing)
    return found[0] if found else None


def pack(run_id: str, slots: Slots) -> bytes | None:
    """A planned page in a fifth of its JSON: a user of whom only the id is known is stored as that id. Its row is
    written several times per page, and charged by size."""
    if not slots:
        return None
    plain = {slot.text: [_packed(run_id, one) for one in recipients] for slot, recipients in slots.items()}
    return zlib.compress(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode())


def unpack(run_id: str, packed: bytes | None) -> Slots:
    """The inverse of `pack`."""
    if not packed:
        return {}
    plain = json.loads(zlib.decompress(packed))
    return {Slot.of(slot): [_unpacked(run_id, one) for one in recipients] for slot, recipients in plain.items()}


def _packed(run_id: str, one: EnrichRecipient) -> str | dict[str, Any]:
    if one.user_id and one == user_recipient(run_id, one.user_id):
        return one.user_id
    return kept(one)


def _unpacked(run_id: str, one: str | dict[str, Any]) -> EnrichRecipient:
    return user_recipient(run_id, one) if isinstance(one, str) else recalled(EnrichRecipient, one)


def _whole(item: HeldItem) -> Chunk:
    chunk = recalled(Chunk, json.loads(item.stored or ""))
    passed(chunk)  # as it is to travel
    return chunk


def _salvaged(item: HeldItem) -> Chunk:
    stored = json.loads(item.stored or "")
    people = each(_person, stored["recipients"], alone=_nothing)
    if not people:
        raise ValueError(Phrase("no recipient is named"))
    return Chunk(
        channels=stored["channels"],
        recipients=tuple(people),
        again=stored.get("again") is True,
        variant=stored.get("variant"),
    )


def _person(stored: Mapping[str, Any]) -> EnrichRecipient:
    whole = each(sendable, each(lambda one: recalled(EnrichRecipient, one), [stored], alone=_nothing), alone=_nothing)
    return whole[0] if whole else nobody(stored["notification_id"])


def _nothing(_: object, _error: Exception) -> None:
    pass  # the chunk was logged
