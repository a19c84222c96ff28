"""One transaction over several deliveries: worded once, written with each one's own key and value."""

from pynamodb.expressions.update import Action

from chalicelib.pipeline.tally import Tally
from chalicelib.pipeline.transaction import OWN_VALUE, Updates, Wording
from chalicelib.storage.ledger import DeliveryRow, delivery_part

IDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(3)]


def sent() -> Wording:
    actions: list[Action] = [DeliveryRow.status.set("sent"), DeliveryRow.provider_id.set(OWN_VALUE)]
    return actions, DeliveryRow.status.does_not_exist()


def test_what_is_changed_alike_is_worded_once_and_keeps_its_own_value(stage: None) -> None:
    asked: list[str] = []

    def word() -> Wording:
        asked.append("sent")
        return sent()

    updates = Updates()
    for n, one in enumerate(IDS):
        updates.add(one, "email", shape="sent", word=word, own_value=f"m-{n}")
    assert updates.write(Tally(), shard=0) is None
    rows = [DeliveryRow.get(one, delivery_part("email")) for one in IDS]
    assert [(row.status, row.provider_id) for row in rows] == [("sent", f"m-{n}") for n in range(3)]
    assert asked == ["sent"]


def test_a_failed_condition_stops_all_and_names_its_delivery(stage: None) -> None:
    first = Updates()
    first.add(IDS[0], "email", shape=None, word=sent, own_value="m-0")
    first.write(Tally(), shard=0)
    second = Updates()
    for one in IDS:
        second.add(one, "email", shape=None, word=sent, own_value="m-1")
    reasons = second.write(Tally(), shard=0)
    assert [reason is not None for reason in reasons or ()] == [True, False, False]
    assert DeliveryRow.get(IDS[0], delivery_part("email")).provider_id == "m-0"
