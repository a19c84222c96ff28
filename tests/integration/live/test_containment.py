"""One poisonous connection, person or inbox among good ones: everybody else hears what is said."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.channels.live import Notice
from chalicelib.clock import new_id
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.live import ConnectionRow, InboxRow, NameRow, PersonRow
from tests.integration.conftest import Pump
from tests.integration.live.conftest import Come, Gateway
from tests.integration.pipeline.test_containment import raw_put
from tests.integration.poison import spoil

some = settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@given(data=st.data())
@some
def test_a_connection_that_cannot_be_read_keeps_nothing_from_the_others(
    gateway: Gateway, come: Come, pump: Pump, data: Any
) -> None:
    """Promise I1: neither a notification nor the list of those present."""
    users = ["".join(chr(97 + int(digit, 16)) for digit in new_id()[:8]) for _ in range(3)]
    connections = [come(user, name=user, format="json") for user in users]
    connection, person = ConnectionRow.get(connections[1]), PersonRow.get(f"user#{users[1]}")
    inbox = {"user_id": {"S": users[1]}, "part": {"S": "head"}}
    of_connection = ["endpoint", "format", "connected_at", "opened_at", "person", "greeted_at"]
    model, item, names = data.draw(
        st.sampled_from(
            [
                (ConnectionRow, connection.serialize(), of_connection),
                (PersonRow, person.serialize(), ["connections", "name", "barred_until_epoch"]),
                (InboxRow, inbox, ["last", "read_through", "unread"]),
            ]
        )
    )
    raw_put(model, data.draw(spoil(item, names)))
    before = {one: len(gateway.frames[one]) for one in connections}
    content = {"title": "Tonight", "body": "", "url": ""}

    places = [
        place
        for user in users  # one by one: moto copies its tables for a transaction
        for place in Stage.own().announce.announce([Notice(f"n-{new_id()}", user, content)])
    ]
    pump.put("live", '{"v": 1, "kind": "presence"}')
    failed = pump.run("live")

    assert failed == []
    assert [isinstance(places[n], int) for n in (0, 2)] == [True, True]
    for n in (0, 2):
        events = [json.loads(one)["event"] for one in gateway.frames[connections[n]][before[connections[n]] :]]
        assert {"notification", "chat.present"} <= set(events)
    for table in (ConnectionRow, PersonRow, NameRow):
        connected = table._get_connection()
        for left in connected.scan()["Items"]:
            connected.delete_item(*[left[key]["S"] for key in (table._hash_keyname, table._range_keyname) if key])
