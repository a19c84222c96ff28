"""What travels through the queues: written by `accept`, `enrich` and the fan-out, read by the workers.

Another release may read them (`chalicelib/schemas.py`). `v` is raised if an older worker would do the wrong thing with
a job: a worker that does not know it puts the job aside until a newer one takes it. The default stays 1. Rendered
bodies never travel.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from chalicelib.attachments import AttachmentRef
from chalicelib.clock import parse_rfc3339
from chalicelib.configuration.setting_shapes import StopWhen
from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import NewerError, PoisonMessageError
from chalicelib.isolation import each, portions
from chalicelib.pipeline.letter_parts import LetterLanguages, LetterRoute, RowId, SpotText
from chalicelib.rendering.model import AskedVersion
from chalicelib.schemas import StrictModel, is_newer, passed, recalled, received

if TYPE_CHECKING:
    from chalicelib.storage.digest_queue import CollectedLetter

# SQS takes 1 MiB. A job that is put aside travels as text inside another, where every quote and backslash is escaped
# once more: twice its size at worst; the letter's context (≤ 128 KB) comes on top of the recipients.
CHUNK_BYTES = 256_000
PROFILE_FIELDS = ("email", "phone", "name", "locale", "timezone", "attributes")
CHUNK_SIZE = 50  # users in a job: SES takes 50 in a bulk send, DynamoDB 100 in a transaction

Lane = Literal["instant", "bulk"]
_J = TypeVar("_J", bound="Job")
_C = TypeVar("_C", "EnrichJob", "DeliverJob")
_R = TypeVar("_R", bound=BaseModel)


class Job(StrictModel):
    """What every job shares."""

    v: Literal[1] = 1


class EnrichRecipient(StrictModel):
    """One recipient as the producer knows them: by id, or complete."""

    notification_id: RowId
    user_id: str | None = None
    profile: dict[str, Any] | None = None  # of a recipient who is not in the directory: email, name, locale, …
    context: dict[str, Any] | None = None  # variables of this letter alone
    duplicate: bool = False  # another recipient of the run has the same email address
    spot: SpotText | None = None  # where the letter's outcomes are; of a campaign's, once it is known


def nobody(notification_id: str) -> EnrichRecipient:
    """An unreadable recipient: `enrich` decides about the letter."""
    return EnrichRecipient(notification_id=notification_id, profile={})


def sendable(recipient: EnrichRecipient) -> EnrichRecipient:
    """The same. Raises: PydanticSerializationError (permanent): it holds lone surrogates, which no message can."""
    passed(recipient)
    return recipient


class LetterSpec(StrictModel):
    """What is the same for all recipients of a job."""

    template: str
    template_version: AskedVersion
    layout: str | None = None
    category: str
    lane: Lane
    context: dict[str, Any]
    request_id: str
    accepted_at: str
    expires_at: str | None = None
    campaign_id: str | None = None
    run_id: str | None = None
    content: dict[str, Any] | None = None  # where a campaign's letters get more variables from
    stop_when: StopWhen | None = None
    route: LetterRoute | None = None
    locale: str | None = None  # for recipients without a language
    languages: LetterLanguages | None = None  # of a campaign whose texts are in some languages
    inside: tuple[str, ...] = ()  # of a collected letter: the category of each of its `items`
    service: str | None = None  # the service that asked for it (`service_scope.py`)
    homes: int = 1  # of a run: the partitions of its chunks (`storage.chunk_letters`)
    of_directory: bool = False  # a run's, whose recipients are users of our own directory, and all by their ids
    attachments: tuple[AttachmentRef, ...] = ()  # of its e-mail
    campaign_name: str | None = None  # for the tags of its links
    track_clicks: bool = True  # of its e-mail, where the stage counts them
    utm: dict[str, str] | None = Field(default_factory=dict)  # instead of the stage's templates; None: no tags
    variant: Literal["A", "B", "C", "D"] | None = None  # of an experiment, which all of its chunk get

    def is_over(self, at: datetime) -> bool:
        """Whether it has expired at that moment."""
        return self.expires_at is not None and parse_rfc3339(self.expires_at) <= at

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that it follows: for a collected letter the ones inside it."""
        return tuple(dict.fromkeys(self.inside)) or (self.category,)

    def without(self, categories: Collection[str]) -> Self:
        """A collected letter without its lines of these categories."""
        kept = [n for n, one in enumerate(self.inside) if one not in categories]
        items = [self.context["items"][n] for n in kept]
        inside = tuple(self.inside[n] for n in kept)
        return self.model_copy(update={"context": {**self.context, "items": items}, "inside": inside})

    @property
    def one_by_one(self) -> bool:
        """Whether its channels are tried one after the other."""
        return self.route is not None and self.route.mode != "all"

    @property
    def rule(self) -> str | None:
        """What decided its channels, for the timeline."""
        return self.route.rule if self.route else None


class ChunkJob(Job):
    """One letter for at most CHUNK_SIZE recipients. `attempt` counts from 1."""

    v: Literal[1, 2, 3] = 1  # type: ignore[assignment]  # 2: attachments, 3: variants; older workers leave them out
    letter: LetterSpec
    attempt: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="before")
    @classmethod
    def _version(cls, given: Any) -> Any:
        letter = given.get("letter") if isinstance(given, dict) else None
        if not isinstance(letter, LetterSpec):
            return given
        of_variant = letter.variant or (letter.languages and letter.languages.subjects)
        v = 3 if of_variant else 2 if letter.attachments else None
        return {**given, "v": v} if v else given

    def only(self, recipients: Iterable[BaseModel]) -> Self:
        """The same for some of its recipients."""
        return self.model_copy(update={"recipients": tuple(recipients)})


class EnrichJob(ChunkJob):
    """A chunk on its way to `enrich`."""

    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    recipients: Annotated[tuple[EnrichRecipient, ...], Field(min_length=1, max_length=CHUNK_SIZE)]
    again: bool = False  # it comes back with some of its channels: its notifications are already recorded
    after: str | None = None  # the channel that was tried before these: its result decides


class DeliverRecipient(StrictModel):
    """One recipient with everything that rendering needs. `user` is what a template may see."""

    notification_id: RowId
    user_id: str | None = None
    address: str
    locale: str
    user: dict[str, Any]
    context: dict[str, Any] | None = None  # variables of this letter alone
    unconfirmed: bool = False  # nobody has confirmed the address
    spot: SpotText | None = None  # where the letter's outcomes are (`deliveries.Spot`)

    @property
    def zone(self) -> str | None:
        """The user's time zone, where it is known."""
        zone: str | None = self.user.get("timezone")
        return zone


class DeliverJob(ChunkJob):
    """A chunk on its way to `deliver`: one channel."""

    channel: str
    recipients: Annotated[tuple[DeliverRecipient, ...], Field(min_length=1, max_length=CHUNK_SIZE)]
    then: tuple[str, ...] = ()  # the channels that follow, where they are tried one after the other
    paced: bool = False  # a campaign's chunk that has waited for its turn
    looked_at: str | None = None  # when the addresses were looked up, None: when the letter was accepted


class DigestJob(Job):
    """Send a user's due letters as one."""

    user_id: str


Enlisted: TypeAlias = "EnrichRecipient | DeliverRecipient | CollectedLetter"  # whoever a delivery is for


def key_of(one: Enlisted, channel: str) -> DeliveryKey:
    """Their delivery on a channel."""
    return DeliveryKey(one.notification_id, channel, one.spot)


def as_known(recipient: DeliverRecipient, *, context: dict[str, Any] | None = None) -> EnrichRecipient:
    """A recipient on the way back to `enrich`: a user by id, since the profile is read again; anybody else complete."""
    given = {name: recipient.user[name] for name in PROFILE_FIELDS if name in recipient.user}
    return EnrichRecipient(
        notification_id=recipient.notification_id,
        user_id=recipient.user_id,
        profile=None if recipient.user_id else given,
        context=context,
        spot=recipient.spot,
    )


def read_job(kind: type[_J], body: str) -> _J:
    """The job in a message's body. Raises: NewerError (retryable): a version that this release does not know;
    PoisonMessageError (permanent): not JSON, or another shape."""
    try:
        return received(kind, body)
    except ValidationError as error:
        if is_newer(error):
            raise NewerError(f"this {kind.__name__} is of a newer release") from error
        where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors()[:5])
        raise PoisonMessageError(f"this is not a {kind.__name__}: {where}") from error


def read_chunk(kind: type[_C], body: str) -> tuple[_C, int]:
    """The job for its readable recipients, and how many are not. Raises: NewerError (retryable), PoisonMessageError
    (permanent): none is."""
    failed: list[Exception] = []
    whole = each(lambda text: read_job(kind, text), [body], alone=lambda _, error: failed.append(error))
    if whole:
        return whole[0], 0
    [parts] = each(_parts_of, [body], alone=lambda *_: None) or [[]]
    good = each(lambda part: recalled(kind, part), parts, alone=lambda *_: None)
    if not good:
        raise failed[0]
    return good[0].only(one for job in good for one in job.recipients), len(parts) - len(good)


def require_all(unreadable: int) -> None:
    """Those who can be read are done, and are not done again: the message goes to the dead letters for the others."""
    if unreadable:
        raise PoisonMessageError(f"{unreadable} recipients of a job cannot be read")


def _parts_of(body: str) -> list[dict[str, Any]]:
    plain = json.loads(body)
    return [{**plain, "recipients": [one]} for one in plain["recipients"]]


def chunks(recipients: Iterable[_R], *, size: int = CHUNK_SIZE) -> Iterator[tuple[_R, ...]]:
    """The recipients in portions for jobs: at most `size` of them, and no more than CHUNK_BYTES unless a single one is
    larger."""
    return portions(recipients, most=size, room=CHUNK_BYTES, size=lambda one: len(passed(one).encode()))
