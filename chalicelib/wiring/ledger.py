"""The ledger, its readers, and the way back of what was put aside."""

import random
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.control import queues

if TYPE_CHECKING:
    from chalicelib.pipeline.reconcile import Reconcile
    from chalicelib.pipeline.retry import Retries
    from chalicelib.storage.hourly_stats import Hours
    from chalicelib.storage.ledger import Ledger


@cache
def ledger() -> "Ledger":
    """The only writer of statuses."""
    from chalicelib.storage.ledger import Ledger

    return Ledger(clock=now, retention_days=settings().retention_days)


@cache
def hours() -> "Hours":
    """What each hour saw."""
    from chalicelib.storage.hourly_stats import PLACES, Hours

    return Hours(clock=now, place=random.randrange(len(PLACES)))  # noqa: S311 (not a secret)


@cache
def retries() -> "Retries":
    """The retry queue."""
    from chalicelib.pipeline.retry import Retries

    return Retries(queues=queues(), clock=now, jitter=random.random, base_seconds=settings().retry_seconds)


def newer(queue: str, body: str) -> None:
    """Puts aside a message that a newer release wrote. Raises: UnavailableError (retryable)."""
    retries().newer(queue, body)


@cache
def reconcile() -> "Reconcile":
    """The reconciler."""
    from chalicelib.pipeline.reconcile import Reconcile

    return Reconcile(ledger=ledger(), retries=retries(), clock=now, reconcile_seconds=settings().reconcile_seconds)
