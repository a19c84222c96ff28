"""The live side as the API serves it: the handshake, frames, inbox commands."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.workers import WorkerStage

if TYPE_CHECKING:
    from chalicelib.live.guests import Guests
    from chalicelib.live.handshake import Handshake
    from chalicelib.live.inbox_commands import InboxCommands
    from chalicelib.live.receive import Receive
    from chalicelib.storage.tickets import Tickets


class LiveApi(WorkerStage):
    """What clients of the WebSocket side ask for."""

    @cached_property
    def guests(self) -> Guests:
        """What all guests together may do."""
        from chalicelib.live.guests import Guests
        from chalicelib.storage.allowances import GuestAllowances

        return Guests(counts=GuestAllowances(clock=self.clock), people=self.live_people)

    @cached_property
    def tickets(self) -> Tickets:
        from chalicelib.storage.tickets import Tickets

        return Tickets(clock=self.clock)

    @cached_property
    def handshake(self) -> Handshake:
        from chalicelib.live.handshake import EntryRules, Handshake, origin_of

        settings = self.settings
        pages = {settings.site_url, settings.public_url, *settings.live_origins.split()}
        return Handshake(
            rules=EntryRules(origins=frozenset(map(origin_of, pages)), guests=settings.live_demo),
            tickets=self.tickets,
            people=self.live_people,
            connections=self.connections,
            guests=self.guests,
            poster=self.poster,
            queue=self.live_queue,
        )

    @cached_property
    def inbox_commands(self) -> InboxCommands:
        from chalicelib.live.inbox_commands import InboxCommands

        return InboxCommands(inbox=self.inbox, connections=self.connections, poster=self.poster)

    @cached_property
    def receive(self) -> Receive:
        """The reader of frames."""
        from chalicelib.live.chat_names import ReservedNames
        from chalicelib.live.chat_room import Chat
        from chalicelib.live.flood_control import FloodControl
        from chalicelib.live.receive import Receive

        chat = Chat(
            people=self.live_people,
            connections=self.connections,
            presence=self.presence,
            guests=self.guests,
            reserved=ReservedNames([self.settings.site_name]),
            poster=self.poster,
            queue=self.live_queue,
            clock=self.clock,
        )
        return Receive(
            people=self.live_people,
            connections=self.connections,
            floods=FloodControl(self.live_people, clock=self.clock),
            guests=self.guests,
            chat=chat,
            inbox=self.inbox_commands,
            poster=self.poster,
        )
