"""The enricher."""

from functools import cache

from chalicelib.clock import now
from chalicelib.pipeline.digest_queue import Collect
from chalicelib.pipeline.enrich import Enrich
from chalicelib.pipeline.profile_lookup import Lookup
from chalicelib.pipeline.reach import Reach
from chalicelib.settings import settings
from chalicelib.wiring.control import gate, queues
from chalicelib.wiring.ledger import ledger, retries
from chalicelib.wiring.people import addresses, consent, profile_source
from chalicelib.wiring.running import admission


@cache
def enrich() -> Enrich:
    """The enricher."""
    return Enrich(
        lookup=Lookup(
            source=profile_source(), gate=gate("profiles"), retries=retries(), max_attempts=settings().max_attempts
        ),
        reach=Reach(addresses=addresses(), consent=consent(), clock=now),
        collect=Collect(
            ledger=ledger(),
            clock=now,
            default_zone=settings().default_timezone,
            default_locale=settings().default_locale,
        ),
        ledger=ledger(),
        queues=queues(),
        retries=retries(),
        campaigns=admission(),
        clock=now,
        default_locale=settings().default_locale,
    )
