"""Deferred work of the live side, through the queue `live`: `$connect` may not post (API Gateway connects the client
only after it), and a list of those present need not be sent before a frame is answered."""

from typing import Annotated, Literal, Protocol

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from chalicelib.errors import NewerError, PoisonMessageError
from chalicelib.flow.queues import Outgoing
from chalicelib.manifest import Queue
from chalicelib.schemas import StrictModel, is_newer, passed, received


class _Job(StrictModel):
    v: Literal[1] = 1


class GreetJob(_Job):
    """Greet a connection; `attempt` counts from 1."""

    kind: Literal["greet"]
    connection_id: str
    attempt: Annotated[int, Field(ge=1)] = 1


class PresenceJob(_Job):
    """Somebody came or left: tell those who are here."""

    kind: Literal["presence"]


LiveJob = GreetJob | PresenceJob
_ADAPTER: TypeAdapter[LiveJob] = TypeAdapter(
    Annotated[LiveJob, Field(discriminator="kind")], config=ConfigDict(defer_build=True)
)


class _Queues(Protocol):
    def put(self, queue: str, messages: list[Outgoing]) -> None: ...


class LiveQueue:
    """Puts the jobs. Every method raises: UnavailableError (retryable)."""

    def __init__(self, queues: _Queues) -> None:
        self._queues = queues

    def greet(self, connection_id: str, *, attempt: int = 1, delay_seconds: int = 0) -> None:
        """A connection waits for its greeting."""
        job = GreetJob(kind="greet", connection_id=connection_id, attempt=attempt)
        self._queues.put(Queue.LIVE, [Outgoing(passed(job), delay_seconds)])

    def presence_changed(self) -> None:
        """The list of those present has changed."""
        self._queues.put(Queue.LIVE, [Outgoing(passed(PresenceJob(kind="presence")))])


def read_live_job(body: str) -> LiveJob:
    """The job in a message. Raises: NewerError (retryable), PoisonMessageError (permanent)."""
    try:
        return _ADAPTER.validate_json(body, extra="ignore")
    except ValidationError as error:
        _refuse_newer(body)
        raise PoisonMessageError("this is not a LiveJob") from error


def _refuse_newer(body: str) -> None:
    """By its `v` alone: a newer release may have kinds of its own."""
    try:
        received(_Job, body)
    except ValidationError as error:
        if is_newer(error):
            raise NewerError("this LiveJob is of a newer release") from error
