"""One transaction over several deliveries: worded once, written with each one's own key and value."""

from pynamodb.expressions.update import Action

from chalicelib.pipeline.run_counters import Tally
from chalicelib.pipeline.transaction import OWN_VALUE, Wording, Writes
from chalicelib.storage.rows.ledger import DeliveryRow, delivery_part

IDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(3)]


def sent() -> Wording:
    actions: list[Action] = [DeliveryRow.status.set("sent"), DeliveryRow.provider_id.set(OWN_VALUE)]
    return actions, DeliveryRow.status.does_not_exist()


def test_what_is_changed_alike_is_worded_once_and_keeps_its_own_value(stage: None) -> None:
    asked: list[str] = []

    def word() -> Wording:
        asked.append("sent")
        return sent()

    writes = Writes()
    for n, one in enumerate(IDS):
        writes.update(one, "email", shape="sent", word=word, own_value=f"m-{n}")
    assert writes.write(Tally(), shard=0) is None
    rows = [DeliveryRow.get(one, delivery_part("email")) for one in IDS]
    assert [(row.status, row.provider_id) for row in rows] == [("sent", f"m-{n}") for n in range(3)]
    assert asked == ["sent"]


def test_a_failed_condition_stops_all_and_names_its_delivery(stage: None) -> None:
    first = Writes()
    first.update(IDS[0], "email", shape=None, word=sent, own_value="m-0")
    first.write(Tally(), shard=0)
    second = Writes()
    for one in IDS:
        second.update(one, "email", shape=None, word=sent, own_value="m-1")
    reasons = second.write(Tally(), shard=0)
    assert [reason is not None for reason in reasons or ()] == [True, False, False]
    assert DeliveryRow.get(IDS[0], delivery_part("email")).provider_id == "m-0"


def new() -> DeliveryRow:
    return DeliveryRow("", "", status="calling", timeline=[], created_at="2026-11-26T12:00:00Z")


def test_what_is_made_alike_is_worded_once_and_only_where_there_is_none(stage: None) -> None:
    made: list[str] = []

    def make() -> DeliveryRow:
        made.append("calling")
        return new()

    writes = Writes()
    for one in IDS:
        writes.put(one, "email", shape="calling", make=make)
    assert writes.write(Tally(), shard=0) is None
    assert [DeliveryRow.get(one, delivery_part("email")).status for one in IDS] == ["calling"] * 3
    assert made == ["calling"]


def test_reasons_come_in_the_order_of_the_writes(stage: None) -> None:
    known = Writes()
    known.put(IDS[2], "email", shape=None, make=new)
    known.write(Tally(), shard=0)
    writes = Writes()
    writes.update(IDS[0], "email", shape="sent", word=sent, own_value="m-0")
    writes.put(IDS[1], "email", shape="calling", make=new)
    writes.update(IDS[2], "email", shape="sent", word=sent, own_value="m-2")  # PynamoDB writes updates after puts
    reasons = writes.write(Tally(), shard=0)
    assert [reason is not None for reason in reasons or ()] == [False, False, True]
    assert not list(DeliveryRow.query(IDS[1]))
