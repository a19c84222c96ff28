"""The live side on moto: real tables, and a gateway of our own that keeps what was posted to whom."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from chalice.app import WebsocketEvent

from chalicelib.api import websocket as sockets
from chalicelib.api.live import issue_ticket
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from tests.integration.conftest import Pump
from tests.processes import compose


class Gateway:
    """Plays API Gateway: lets clients in, hands their frames on, keeps what is posted; 410 for those who have left.

    moto's own `post_to_connection` answers 200 for every id, so it cannot show what happens to the gone."""

    def __init__(self, pump: Pump) -> None:
        self.frames: dict[str, list[str]] = {}
        self.failing: set[str] = set()
        self._pump = pump

    def connect(self, connection_id: str, *, origin: str | None = None, source: str = "192.0.2.1", **query: str) -> int:
        """A handshake from the address `source`; the status of `$connect`. The greeting comes by the queue."""
        headers = {"Host": "live.cinema.example"} | ({"Origin": origin} if origin else {})
        event = self._event(connection_id, "CONNECT", headers=headers, queryStringParameters=query or None)
        event.to_dict()["requestContext"]["identity"] = {"sourceIp": source}
        status = sockets.on_connect(event)["statusCode"]
        if status == 200:
            self.frames[connection_id] = []
            self._pump.run("live")
        return status

    def send(self, connection_id: str, frame: str | Mapping[str, Any]) -> list[str]:
        """One frame from the client; what was posted to it since."""
        before = len(self.frames[connection_id])
        text = frame if isinstance(frame, str) else json.dumps(frame)
        assert sockets.on_message(self._event(connection_id, "MESSAGE", body=text)) == {"statusCode": 200}
        return self.frames.get(connection_id, [])[before:]

    def ask(self, connection_id: str, frame: Mapping[str, Any]) -> dict[str, Any]:
        """One JSON frame; the last JSON answer."""
        answer: dict[str, Any] = json.loads(self.send(connection_id, frame)[-1])
        return answer

    def close(self, connection_id: str) -> None:
        """The client says goodbye."""
        del self.frames[connection_id]
        sockets.on_disconnect(self._event(connection_id, "DISCONNECT"))
        self._pump.run("live")

    def lose(self, connection_id: str) -> None:
        """The client is gone, and nobody was told."""
        del self.frames[connection_id]

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # noqa: N803 - boto3's names
        """As the management API's."""
        self._demand(ConnectionId, "PostToConnection")
        self.frames[ConnectionId].append(Data.decode())

    def get_connection(self, *, ConnectionId: str) -> dict[str, Any]:  # noqa: N803
        """As the management API's."""
        self._demand(ConnectionId, "GetConnection")
        return {}

    def delete_connection(self, *, ConnectionId: str) -> None:  # noqa: N803
        """As the management API's; the gateway then tells `$disconnect`."""
        self._demand(ConnectionId, "DeleteConnection")
        self.close(ConnectionId)

    def _demand(self, connection_id: str, operation: str) -> None:
        if connection_id in self.failing:
            raise ClientError(_answer("InternalServerError", 500), operation)
        if connection_id not in self.frames:
            raise ClientError(_answer("GoneException", 410), operation)

    def _event(self, connection_id: str, kind: str, **fields: Any) -> WebsocketEvent:
        context = {
            "eventType": kind,
            "connectionId": connection_id,
            "apiId": "abc123",
            "stage": "api",
            "domainName": "live.cinema.example",
        }
        return WebsocketEvent({"requestContext": context, "isBase64Encoded": False, **fields}, None)


def flood(gateway: Gateway, connection_id: str, to: str) -> list[str]:
    """Floods until the server shows the door; what it said meanwhile."""
    seen: list[str] = []
    for n in range(200):
        seen += gateway.send(connection_id, f"{to}: купи слона {n}")
        if connection_id not in gateway.frames:
            return seen
    raise AssertionError("the flood was never ended")


def _answer(code: str, status: int) -> Any:
    return {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}


@pytest.fixture
def gateway(pump: Pump) -> Gateway:
    """The gateway of the stage, in the place of AWS's."""
    made = Gateway(pump)
    compose(management_client=lambda _endpoint: made)
    return made


Come = Callable[..., str]


@pytest.fixture
def come(gateway: Gateway) -> Come:
    """Lets a user in, with a ticket and under a name; answers the connection's id."""

    def enter(user_id: str, *, connection: str | None = None, name: str | None = None, **query: str) -> str:
        Stage.own().directory.put(user_id, UserBody(name=user_id, locale="ru"))
        connection_id = connection or f"c-{user_id}"
        assert gateway.connect(connection_id, ticket=issue_ticket(user_id)["ticket"], **query) == 200
        if name:
            gateway.send(connection_id, name)
        return connection_id

    return enter
