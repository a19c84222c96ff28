"""The live side as workers know it: connections, inboxes, presence."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.campaigns import CampaignParts

if TYPE_CHECKING:
    from chalicelib.live.announce import Announce
    from chalicelib.live.greetings import Greetings
    from chalicelib.live.jobs import LiveQueue
    from chalicelib.live.posting import Poster
    from chalicelib.live.presence import Presence
    from chalicelib.storage.connections import Connections
    from chalicelib.storage.inbox import Inbox
    from chalicelib.storage.live_people import LivePeople


class Live(CampaignParts):
    """Open WebSocket connections and the inbox behind them."""

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
        )
