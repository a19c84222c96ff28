"""What workers run, in the process's own stage: the steps of a notification, and the channels that letters leave by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.manifest import CHANNELS
from chalicelib.stage.media import MediaParts
from chalicelib.storage import dynamodb as tables

if TYPE_CHECKING:
    from pynamodb.connection import Connection

    from chalicelib.channels.port import Channel, ChannelParts
    from chalicelib.live.announce import Announce
    from chalicelib.live.greetings import Greetings
    from chalicelib.live.jobs import LiveQueue
    from chalicelib.live.posting import Poster
    from chalicelib.live.presence import Presence
    from chalicelib.observability import Waited
    from chalicelib.pipeline.deliver import Deliver
    from chalicelib.pipeline.digest import Digest
    from chalicelib.pipeline.enrich import Enrich
    from chalicelib.pipeline.feedback import Feedback
    from chalicelib.pipeline.feedback_messages import SmsReplies
    from chalicelib.storage.connections import Connections
    from chalicelib.storage.inbox import Inbox
    from chalicelib.storage.live_people import LivePeople


class LazyChannels(Mapping[str, "Channel"]):
    """Channels by name, each imported and made on first use: a worker that sends letters starts without the rest."""

    def __init__(self, parts: ChannelParts) -> None:
        self._parts = parts
        self._made: dict[str, Channel] = {}

    def __getitem__(self, name: str) -> Channel:
        if name not in self._made:
            self._made[name] = import_module(f"chalicelib.channels.{name}").make(self._parts)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(CHANNELS)

    def __len__(self) -> int:
        return len(CHANNELS)


class WorkerStage(MediaParts):
    """The stage of a worker."""

    _own: ClassVar[WorkerStage | None] = None

    @classmethod
    def own(cls) -> Self:
        """This process's stage."""
        return WorkerStage._own if isinstance(WorkerStage._own, cls) else cls.begin()

    @classmethod
    def begin(cls, *, dynamodb: Connection | None = None, **parts: Any) -> Self:
        """Gives this process a new stage, whose tables are behind `dynamodb` where it is given."""
        if dynamodb is not None:
            tables.use(dynamodb)
        WorkerStage._own = made = cls(**parts)
        return made

    @cached_property
    def enrich(self) -> Enrich:
        from chalicelib.pipeline.enrich import Enrich
        from chalicelib.pipeline.reach import ProfileLookup, Reach

        return Enrich(
            lookup=ProfileLookup(
                source=self.profile_source,
                throttle=self.throttle("profiles"),
                retries=self.retries,
                max_attempts=self.settings.max_attempts,
            ),
            reach=Reach(
                addresses=self.addresses,
                consent=self.eligibility,
                clock=self.clock,
                default_locale=self.settings.default_locale,
            ),
            digest_queue=self.digest_queue,
            ledger=self.ledger,
            queues=self.queues,
            retries=self.retries,
            campaigns=self.admission,
            clock=self.clock,
        )

    @cached_property
    def deliver(self) -> Deliver:
        from chalicelib.pipeline.caps import Caps
        from chalicelib.pipeline.claims import Claims
        from chalicelib.pipeline.compose import Composer
        from chalicelib.pipeline.deliver import Deliver
        from chalicelib.pipeline.fallback import Fallback
        from chalicelib.pipeline.file_cache import AttachedFiles
        from chalicelib.pipeline.once_to_an_address import OnceToAnAddress
        from chalicelib.pipeline.pre_send_check import PreSendCheck

        caps = Caps(site=self.site_settings, store=self.caps, addresses=self.address_hashes)
        fallback = Fallback(ledger=self.ledger, retries=self.retries, clock=self.clock)
        throttles = {name: self.throttle(spec.subsystem) for name, spec in CHANNELS.items()}
        return Deliver(
            attached=AttachedFiles(self.attachment_files),
            composer=Composer(templates=self.templates, renderer=self.renderer, link_maker=self.link_maker),
            pre_send_check=PreSendCheck(
                consent=self.eligibility,
                caps=caps,
                once=OnceToAnAddress(caps=caps, sole=self.sole_users, campaigns=self.admission, clock=self.clock),
                ledger=self.ledger,
                retries=self.retries,
                fallback=fallback,
                clock=self.clock,
            ),
            claims=Claims(
                ledger=self.ledger,
                retries=self.retries,
                fallback=fallback,
                clock=self.clock,
                lease=timedelta(seconds=self.settings.lease_seconds),
                grace=timedelta(seconds=self.settings.reconcile_seconds),
                max_attempts=self.settings.max_attempts,
            ),
            fallback=fallback,
            links=self.links,
            channels=self.channels,
            throttles=throttles,
            campaigns=self.admission,
            retries=self.retries,
            clock=self.clock,
        )

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        return LazyChannels(self)

    @cached_property
    def feedback(self) -> Feedback:
        from chalicelib.pipeline.feedback import Feedback

        return Feedback(ledger=self.ledger, suppressions=self.suppressions, site=self.site_settings, clock=self.clock)

    @cached_property
    def sms_replies(self) -> SmsReplies:
        from chalicelib.pipeline.feedback_messages import SmsReplies

        return SmsReplies(suppressions=self.suppressions)

    @cached_property
    def digest(self) -> Digest:
        from chalicelib.pipeline.digest import Digest

        return Digest(
            accept=self.accept,
            templates=self.templates,
            renderer=self.renderer,
            preferences=self.preferences,
            ledger=self.ledger,
            clock=self.clock,
        )

    @cached_property
    def live_people(self) -> LivePeople:
        """The people behind the connections."""
        from chalicelib.storage.live_people import LivePeople

        return LivePeople(clock=self.clock)

    @cached_property
    def connections(self) -> Connections:
        from chalicelib.storage.connections import Connections

        return Connections(self.live_people, clock=self.clock)

    @cached_property
    def poster(self) -> Poster:
        from chalicelib.live.posting import Poster

        return Poster(
            self.management_client,
            connections=self.connections,
            clock=self.clock,
            name_went=self.live_queue.presence_changed,
        )

    @cached_property
    def live_queue(self) -> LiveQueue:
        from chalicelib.live.jobs import LiveQueue

        return LiveQueue(self.queues)

    @cached_property
    def inbox(self) -> Inbox:
        from chalicelib.storage.inbox import Inbox

        return Inbox(clock=self.clock, retention_days=self.settings.retention_days)

    @cached_property
    def announce(self) -> Announce:
        from chalicelib.live.announce import Announce

        return Announce(inbox=self.inbox, connections=self.connections, poster=self.poster)

    @cached_property
    def presence(self) -> Presence:
        from chalicelib.live.presence import Presence
        from chalicelib.storage.chat_names import ChatNames

        return Presence(names=ChatNames(), people=self.live_people, connections=self.connections, poster=self.poster)

    @cached_property
    def greet(self) -> Greetings:
        from chalicelib.live.greetings import Greetings

        return Greetings(
            people=self.live_people,
            connections=self.connections,
            presence=self.presence,
            inbox=self.inbox,
            poster=self.poster,
            queue=self.live_queue,
            sleep=self.sleep,
        )


stage = WorkerStage.own


def newer(queue: str, body: str) -> None:
    """Puts aside a message that a newer release wrote. Raises: UnavailableError (retryable)."""
    stage().retries.newer(queue, body)


def begin(seconds: float) -> None:
    """Starts an invocation that Lambda ends in so many seconds."""
    stage().deadline.begin(seconds)


def count(counts: Mapping[str, int], waited: Waited | None) -> None:
    """Adds what became of a batch to the statistics of the hour."""
    stage().hourly_stats.add(counts, waited)
