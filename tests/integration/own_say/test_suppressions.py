"""The suppression list: who is on it, why, for how long, and who took them off."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.accounts.api_keys import Scope
from chalicelib.clock import derived_id, now, rfc3339
from chalicelib.deliveries import OWN, DeliveryKey
from chalicelib.profiles.preferences import EVERYTHING
from chalicelib.reasons import SuppressionReason
from chalicelib.stage.app import Stage
from chalicelib.storage.addresses import change_address, find_address
from tests.integration.api.gateway import Gateway, gateway, stored_rows
from tests.integration.conftest import Pump
from tests.integration.own_say.conftest import Register, outcome, send
from tests.ledgers import event_tags

ADDRESS = "anna@viewers.example"
PATH = f"/v1/suppressions/email/{ADDRESS}"


def bounce(pump: Pump, notification_id: str, *, kind: str = "Transient", at: datetime | None = None) -> None:
    event = {
        "eventType": "Bounce",
        "mail": {
            "messageId": "m",
            "destination": [ADDRESS],
            "tags": event_tags(DeliveryKey(derived_id(notification_id), "email", OWN)),
        },
        "bounce": {
            "bounceType": kind,
            "bounceSubType": "General",
            "timestamp": rfc3339(at or now()),
            "bouncedRecipients": [{"emailAddress": ADDRESS, "status": "5.1.1" if kind == "Permanent" else "4.4.7"}],
        },
    }
    pump.put("feedback", json.dumps(event))
    assert pump.run("feedback") == []


def key() -> str:
    return Stage.own().address_hashes.key("email", ADDRESS)


def is_suppressed(reason: str | None = None) -> bool:
    found = Stage.own().suppressions.reason_of("email", ADDRESS)
    return found == (reason or found) and found is not None


def test_an_address_put_on_the_list_by_hand_is_not_written_to(api: Gateway, register: Register, pump: Pump) -> None:
    register()
    added = api.post("/v1/suppressions", {"address": "Anna@Viewers.example"})
    promo = send(api)
    pump.run()

    assert (added.status, added.body["reason"]) == (201, SuppressionReason.BY_HAND)
    assert outcome(api, promo) == ("skipped", "suppressed_by_hand")


def test_an_address_suppressed_after_queueing_is_not_written_to(api: Gateway, register: Register, pump: Pump) -> None:
    register()
    promo = send(api)
    pump.run("enrich-instant")
    api.post("/v1/suppressions", {"address": ADDRESS})
    pump.run()

    assert outcome(api, promo) == ("skipped", "suppressed_by_hand")


def test_a_removal_leaves_a_trace_of_who_and_when(api: Gateway, register: Register, pump: Pump) -> None:
    register()
    api.post("/v1/suppressions", {"address": ADDRESS})
    assert api.delete(PATH).status == 204

    kept = api.get(PATH).body
    assert kept["removed_at"] is not None
    assert [(one["what"], one["by"] in (api.key or "")) for one in kept["trace"]] == [
        ("added", True),
        ("removed", True),
    ]
    assert api.get("/v1/suppressions").body["suppressions"] == []
    promo = send(api)
    pump.run()
    assert outcome(api, promo) == ("sent", None)


def test_an_address_can_be_suppressed_again_after_its_removal(api: Gateway) -> None:
    for _ in range(2):
        api.post("/v1/suppressions", {"address": ADDRESS})
        api.delete(PATH)
    api.post("/v1/suppressions", {"address": ADDRESS})

    assert is_suppressed(SuppressionReason.BY_HAND)
    assert len(api.get(PATH).body["trace"]) == 5


def test_what_was_never_suppressed_cannot_be_removed(api: Gateway) -> None:
    assert api.delete(PATH).status == 404
    assert api.get(PATH).status == 404


def test_a_removal_that_is_repeated_is_success_and_is_told_once(api: Gateway) -> None:
    """Promise B4: asking for what has happened is success."""
    api.post("/v1/suppressions", {"address": ADDRESS})

    assert [api.delete(PATH).status for _ in range(2)] == [204, 204]
    assert len(api.get(PATH).body["trace"]) == 2


def test_a_suppression_that_was_renewed_is_not_removed_unseen(api: Gateway) -> None:
    """Promise B3: what was changed since it was read stays."""
    api.post("/v1/suppressions", {"address": ADDRESS})
    seen = {"if-match": api.get(PATH).headers["etag"]}
    api.delete(PATH)
    api.post("/v1/suppressions", {"address": ADDRESS})

    assert api.call("DELETE", PATH, headers=seen).status == 412
    assert api.get(PATH).body["removed_at"] is None


def test_the_list_goes_newest_first_page_by_page(api: Gateway) -> None:
    for n in range(5):
        api.post("/v1/suppressions", {"address": f"u{n}@viewers.example"})
    first = api.get("/v1/suppressions", limit="3").body
    second = api.get("/v1/suppressions", limit="3", cursor=first["cursor"]).body

    listed = [one["address"] for page in (first, second) for one in page["suppressions"]]
    assert listed == [f"u{n}@viewers.example" for n in (4, 3, 2, 1, 0)]
    assert second["cursor"] is None


def test_a_list_is_imported_once(api: Gateway) -> None:
    body = {"addresses": ["a@viewers.example", "B@viewers.example", "b@viewers.example"]}

    assert api.post("/v1/suppressions/import", body).body == {"added": 2, "known": 0}
    assert api.post("/v1/suppressions/import", body).body == {"added": 0, "known": 2}
    assert {one["reason"] for one in api.get("/v1/suppressions").body["suppressions"]} == {SuppressionReason.IMPORT}


def test_csv_is_imported_with_or_without_a_header(api: Gateway) -> None:
    with_header = {"csv": 'email,note\r\na@viewers.example,"left, angry"\r\n\r\nb@viewers.example,\r\n'}

    assert api.post("/v1/suppressions/import", with_header).body == {"added": 2, "known": 0}
    assert api.post("/v1/suppressions/import", {"csv": "a@viewers.example\nc@viewers.example"}).body["added"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"addresses": ["a@viewers.example", "nonsense"]}, "addresses[1]"),
        ({"csv": "address\na@viewers.example\nnonsense\n"}, "csv line 3"),
        ({"csv": "address\n"}, "csv"),
        ({"csv": "\n".join(f"u{n}@viewers.example" for n in range(501))}, "csv"),
        ({}, "body"),
        ({"addresses": ["a@viewers.example"], "csv": "b@viewers.example"}, "body"),
    ],
)
def test_a_list_with_a_mistake_is_refused_whole(api: Gateway, body: dict[str, Any], field: str) -> None:
    answer = api.post("/v1/suppressions/import", body)

    assert (answer.status, answer.bad_fields) == (422, [field])
    assert stored_rows() == []


def test_a_suppression_until_a_moment_ends_by_itself(api: Gateway) -> None:
    api.post("/v1/suppressions", {"address": ADDRESS, "until": rfc3339(now() + timedelta(hours=1))})
    assert is_suppressed()
    past = int(now().timestamp()) - 1
    assert change_address(key(), lambda one: one._replace(until_epoch=past))

    assert not is_suppressed()
    assert api.get("/v1/suppressions").body["suppressions"] == []


def test_a_hard_bounce_is_for_good(stage: None, pump: Pump) -> None:
    bounce(pump, "n-1", kind="Permanent")

    assert is_suppressed(SuppressionReason.BOUNCE)


def test_a_few_soft_bounces_do_no_harm_and_too_many_suppress_for_a_while(stage: None, pump: Pump) -> None:
    for n in range(4):
        bounce(pump, f"n-{n}")
    assert not is_suppressed()

    bounce(pump, "n-4")

    assert is_suppressed(SuppressionReason.SOFT_BOUNCES)
    record = find_address(key())
    assert record is not None
    assert abs((record.until_epoch or 0) - (now() + timedelta(days=30)).timestamp()) < 60


def test_old_soft_bounces_are_forgotten(stage: None, pump: Pump) -> None:
    for n in range(4):
        bounce(pump, f"n-{n}", at=now() - timedelta(days=15))
    bounce(pump, "n-4")

    assert not is_suppressed()


def test_a_soft_bounce_told_many_times_counts_once(stage: None, pump: Pump) -> None:
    at = now()
    for _ in range(10):
        bounce(pump, "n-1", at=at)

    assert not is_suppressed()


def test_the_limit_of_soft_bounces_is_a_setting(api: Gateway, pump: Pump) -> None:
    api.put("/v1/settings/soft_bounces", {"value": {"letters": 2, "within_days": 1, "suppress_days": 1}})
    bounce(pump, "n-1")
    bounce(pump, "n-2")

    assert is_suppressed(SuppressionReason.SOFT_BOUNCES)


def test_what_is_for_good_takes_the_place_of_what_is_for_a_while(stage: None, pump: Pump) -> None:
    for n in range(5):
        bounce(pump, f"n-{n}")
    bounce(pump, "n-9", kind="Permanent")
    assert is_suppressed(SuppressionReason.BOUNCE)

    Stage.own().suppressions.add(
        "email", ADDRESS, reason=SuppressionReason.SOFT_BOUNCES, until=now() + timedelta(days=1)
    )
    assert is_suppressed(SuppressionReason.BOUNCE)


def test_a_bounce_is_told_before_an_opt_out_and_ends_without_it(api: Gateway) -> None:
    mailboxes = Stage.own().address_opt_outs
    mailboxes.unsubscribe("email", ADDRESS, "marketing", by="a test")
    assert Stage.own().suppressions.add("email", ADDRESS, reason=SuppressionReason.BOUNCE)
    mailboxes.unsubscribe("email", ADDRESS, EVERYTHING, by="a test")

    assert api.get(PATH).body["reason"] == SuppressionReason.BOUNCE
    api.delete(PATH)
    assert api.get(PATH).body["reason"] == SuppressionReason.UNSUBSCRIBED
    assert [one["reason"] for one in api.get("/v1/suppressions").body["suppressions"]] == [
        SuppressionReason.UNSUBSCRIBED
    ]
    api.delete(PATH)
    assert api.get("/v1/suppressions").body["suppressions"] == []
    assert api.delete(PATH).status == 204


@pytest.mark.parametrize(("kind", "letters", "reason"), [("Permanent", 1, "bounce"), ("Transient", 5, "soft_bounces")])
def test_an_event_that_is_told_again_takes_back_no_removal(
    api: Gateway, pump: Pump, kind: str, letters: int, reason: str
) -> None:
    """Promise D3: of a dead letter that is redriven, or of SNS telling it twice; what happens later counts."""
    at = now()
    for n in range(letters):
        bounce(pump, f"n-{n}", kind=kind, at=at)
    assert is_suppressed(SuppressionReason(reason))
    assert api.delete(PATH).status == 204

    bounce(pump, "n-0", kind=kind, at=at)
    assert Stage.own().suppressions.reason_of("email", ADDRESS) is None
    bounce(pump, "n-9", kind=kind, at=now())
    assert is_suppressed(SuppressionReason(reason))


@pytest.mark.parametrize("events", [("bounce", "complaint"), ("complaint", "bounce")])
def test_a_bounce_and_a_complaint_end_alike_in_either_order(stage: None, events: tuple[str, ...]) -> None:
    for reason in events:
        Stage.own().suppressions.add("email", ADDRESS, reason=reason)

    assert is_suppressed(SuppressionReason.COMPLAINT)


def test_the_list_has_scopes_of_its_own(stage: None) -> None:
    reader = gateway(Scope.SUPPRESSIONS_READ)

    assert reader.get("/v1/suppressions").status == 200
    assert reader.post("/v1/suppressions", {"address": ADDRESS}).status == 403
    assert reader.delete(PATH).status == 403
    assert gateway(Scope.SEND).get("/v1/suppressions").status == 403


def test_a_channel_that_there_is_not_is_named(api: Gateway) -> None:
    assert api.get("/v1/suppressions", channel="pigeon").bad_fields == ["channel"]
    assert api.get("/v1/suppressions/pigeon/x").bad_fields == ["channel"]
