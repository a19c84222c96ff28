"""Posts frames to open connections, in parallel with bounded concurrency.

It has its own client instead of Chalice's `app.websocket_api`, which knows only AWS's addresses: a connection's record
holds the address that it came through. 410 removes a connection; any other failure is reported and harms nobody.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.clock import Clock, parse_rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.isolation import each, is_contained
from chalicelib.live.server_events import ServerEvent
from chalicelib.observability import log_failure
from chalicelib.storage.connections import Connection, Connections

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

CONCURRENCY = 32
DOOR_SECONDS = 30  # a handshake takes no longer

MakeClient = Callable[[str], "ApiGatewayManagementApiClient"]


class Posted(StrEnum):
    DELIVERED = "delivered"
    GONE = "gone"
    FAILED = "failed"


class Poster:
    """Posts to clients. `make_client` makes the client for a management address, which is cached. `name_went` is called
    when somebody who has gone was removed from the list of those present. Raises there: UnavailableError."""

    def __init__(
        self,
        make_client: MakeClient,
        *,
        connections: Connections,
        clock: Clock,
        name_went: Callable[[], None],
        concurrency: int = CONCURRENCY,
    ) -> None:
        self._make_client = make_client
        self._clock = clock
        self._connections = connections
        self._name_went = name_went
        self._clients: dict[str, ApiGatewayManagementApiClient] = {}
        self._pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="post")

    def post(self, connections: Iterable[Connection], event: ServerEvent) -> dict[str, Posted]:
        """Posts one event to all, each in its own format; the result by connection. Those that are not open yet are
        left out: they will ask for what they missed. Never raises because of a connection."""
        return self.post_each((connection, [event]) for connection in connections)

    def post_each(self, frames: Iterable[tuple[Connection, Sequence[ServerEvent]]]) -> dict[str, Posted]:
        """Posts to each connection its own events, in order."""
        work = [(connection, events) for connection, events in frames if connection.opened_at]
        if len(work) == 1:
            results: Iterator[Posted] = iter([self.say(work[0][0], *work[0][1])])
        else:
            results = self._pool.map(lambda one: self.say(one[0], *one[1]), work)
        return {connection.connection_id: result for (connection, _), result in zip(work, results, strict=True)}

    def say(self, connection: Connection, *events: ServerEvent, removes: bool = True) -> Posted:
        """Posts to one connection, whether it is known to be open or not. `removes`: 410 removes it; during a handshake
        it proves nothing."""
        done = each(lambda one: self._post_all(one, events, removes), [connection], alone=_log, stays=is_contained)
        return done[0] if done else Posted.FAILED

    def end(self, connection: Connection, event: ServerEvent) -> None:
        """Sends a last event, closes the connection and deletes it."""
        self.say(connection, event, removes=False)
        try:
            self._client(connection).delete_connection(ConnectionId=connection.connection_id)
        except (ClientError, BotoCoreError) as error:
            _log(connection, error)
        self._forget(connection)

    def alive(self, connections: Sequence[Connection]) -> list[Connection]:
        """Those that the gateway still has; the others are removed. Those that cannot be checked count as alive."""
        return [c for c, gone in zip(connections, self._pool.map(self._is_gone, connections), strict=True) if not gone]

    def _post_all(self, connection: Connection, events: Iterable[ServerEvent], removes: bool) -> Posted:
        try:
            for event in events:
                data = event.encode(connection.format)
                self._client(connection).post_to_connection(ConnectionId=connection.connection_id, Data=data)
        except ClientError as error:
            if not _means_gone(error):
                return _log(connection, error)
            if removes:
                self._forget(connection)
            return Posted.GONE
        return Posted.DELIVERED

    def _is_gone(self, connection: Connection) -> bool:
        return each(self._asked, [connection], alone=_log, stays=is_contained) == [True]

    def _asked(self, connection: Connection) -> bool:
        if not connection.opened_at and self._is_at_the_door(connection):
            return False  # during a handshake the gateway does not know the connection yet
        try:
            self._client(connection).get_connection(ConnectionId=connection.connection_id)
        except ClientError as error:
            if not _means_gone(error):
                raise
            self._forget(connection)
            return True
        return False

    def _is_at_the_door(self, connection: Connection) -> bool:
        return (self._clock() - parse_rfc3339(connection.connected_at)).total_seconds() < DOOR_SECONDS

    def _forget(self, connection: Connection) -> None:
        try:
            if self._connections.close(connection.connection_id, connection.person):
                self._name_went()
        except UnavailableError as error:
            _log(connection, error)  # it stays gone; the next post removes it

    def _client(self, connection: Connection) -> "ApiGatewayManagementApiClient":
        endpoint = connection.endpoint
        if endpoint not in self._clients:
            self._clients[endpoint] = self._make_client(endpoint)
        return self._clients[endpoint]


def _means_gone(error: ClientError) -> bool:
    metadata: Mapping[str, object] = error.response.get("ResponseMetadata", {})
    return metadata.get("HTTPStatusCode") == 410 or error.response.get("Error", {}).get("Code") == "GoneException"


def _log(connection: Connection, error: Exception) -> Posted:
    log_failure("live post", error, connection_id=connection.connection_id)
    return Posted.FAILED
