"""What calls of the API leave in the audit."""

from typing import Any

import pytest

from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.accounts.audit import Entry
from chalicelib.stage.app import Stage
from chalicelib.storage.api_keys import revoke_key
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.rows.accounts import AuditRow
from tests.integration.api.gateway import PROMO, REQUEST_ID, Gateway, gateway, without_hashes
from tests.integration.control.requests_made import Requests
from tests.integration.faults import LostReply, unreachable

ANNA = {"email": "anna@example.com", "name": "Anna"}
HOST = "https://cinema.example"


@pytest.fixture
def service(stage: None) -> Gateway:
    """A service whose key is known by name."""
    return Gateway(create_key("test", tuple(Scope), key_id="cinema"))


def entries(**wanted: str) -> list[Entry]:
    return Stage.own().audit_log.page(limit=1000, cursor=None, wanted=wanted)[0]


def test_a_change_by_a_key_is_one_entry_with_its_fields_and_no_value(service: Gateway) -> None:
    service.put("/v1/users/anna", ANNA)
    [one] = entries()
    assert (one.door, one.by, one.did, one.thing, one.outcome) == ("api", "cinema", "put_user", "anna", "done")
    assert (one.ip, one.request) == ("192.0.2.1", REQUEST_ID)
    assert one.details == {"fields": ["email", "name"]}
    assert "anna@" not in str([row.attribute_values for row in AuditRow.scan()])


def test_a_setting_has_its_value_before_and_after_at_either_door(service: Gateway) -> None:
    service.put("/v1/settings/redirect_url", {"value": f"{HOST}/hello"})
    [one] = entries(did="setting.change")
    assert (one.details["before"], one.details["after"]) == (HOST, f"{HOST}/hello")


def test_an_erasure_and_an_export_are_in_the_audit(service: Gateway) -> None:
    service.put("/v1/users/anna", ANNA)
    service.get("/v1/users/anna/export")
    service.delete("/v1/users/anna")
    assert [(one.did, one.outcome) for one in entries()][:2] == [("delete_user", "done"), ("export_user", "read")]


def test_an_address_is_named_by_its_hash_in_a_path_and_in_a_body(service: Gateway) -> None:
    service.post("/v1/suppressions", {"address": "anna@example.com"})
    service.get("/v1/suppressions/email/anna@example.com")
    service.post("/v1/addresses/export", {"email": "Anna@Example.com"})
    assert len({one.thing for one in entries()}) == 1
    assert "anna@" not in str([row.attribute_values for row in AuditRow.scan()]).lower()


def test_a_number_is_named_by_its_hash(service: Gateway) -> None:
    service.get("/v1/suppressions/sms/+79161234567")
    [one] = entries()
    assert "7916" not in without_hashes(str(one._replace(at=None)))


@pytest.mark.parametrize(
    "path",
    ["/v1/users/Анна Петрова", "/v1/users/+79161234567", "/v1/suppressions/email/79161234567", "/v1/links/a b"],
)
def test_what_stands_in_a_path_where_an_id_belongs_is_named_by_its_hash(service: Gateway, path: str) -> None:
    """Promise I4."""
    service.get(path)
    gateway(Scope.SEND).get(path)
    assert [str(one.thing)[:1] for one in entries()] == ["#", "#"]


def test_each_of_many_is_found(service: Gateway) -> None:
    users = [{"id": "anna", **ANNA}, {"id": "boris", "email": "boris@example.com"}]
    service.post("/v1/users/batch", {"users": users})
    service.post("/v1/suppressions/import", {"addresses": ["anna@example.com", "boris@example.com"]})
    assert [one.did for one in entries(thing="boris")] == ["put_users"]
    assert [one.did for one in entries(thing=Stage.own().address_hashes.owner("email", "boris@example.com"))] == [
        "import_suppressions"
    ]
    assert "boris@" not in str([row.attribute_values for row in AuditRow.scan()])


def test_what_was_made_is_found_by_its_id(service: Gateway) -> None:
    made = service.post("/v1/campaigns", {"name": "Spring sale", **PROMO, "audience": {"everyone": True}}).body["id"]
    uploaded = service.post("/v1/lists", {"name": "Subscribers"}).body["id"]
    service.post(f"/v1/campaigns/{made}/cancel")
    assert [one.did for one in entries(thing=made)] == ["campaign.cancel", "campaign.write"]
    assert [one.did for one in entries(thing=uploaded)] == ["list.upload"]


def test_a_refused_change_has_its_outcome(service: Gateway) -> None:
    service.put("/v1/settings/redirect_url", {"value": "https://evil.example"})
    service.delete("/v1/links/none")
    assert {(one.did, one.outcome) for one in entries()} == {("setting.change", "invalid"), ("link.revoke", "notfound")}


def test_a_body_that_cannot_be_read_has_changed_nothing_and_leaves_no_line(service: Gateway) -> None:
    assert service.put("/v1/users/anna", {"email": 7}).status == 422
    assert entries() == []


def test_a_missing_scope_and_an_unknown_key_are_in_the_audit(stage: None) -> None:
    gateway(Scope.READ).put("/v1/settings/redirect_url", {"value": HOST})
    Gateway("vk_cinema_nonsense").get("/v1/users/anna@example.com")
    unknown, lacking = entries()
    assert (unknown.by, unknown.did, unknown.thing, unknown.outcome) == ("?", "user.look", None, "unauthorized")
    assert (lacking.did, lacking.thing, lacking.outcome) == ("setting.change", "redirect_url", "forbidden")


def test_a_revoked_key_is_named_and_a_guess_at_it_is_not(stage: None) -> None:
    """Whose it was is known, for its secret was right."""
    key = create_key("shop", tuple(Scope), key_id="shop-1")
    revoke_key("shop-1")
    assert Gateway(key).get("/v1/users/anna").status == 401
    assert Gateway("vk_shop-1_guess").get("/v1/users/anna").status == 401
    guessed, revoked = entries()
    assert (guessed.by, guessed.thing, guessed.outcome) == ("?", None, "unauthorized")
    assert (revoked.by, revoked.thing, revoked.outcome) == ("shop-1", "anna", "unauthorized")


def test_a_stranger_who_hammers_leaves_few_lines(stage: None) -> None:
    for _ in range(50):
        Gateway("vk_cinema_nonsense").get("/v1/users/anna")
    assert len(entries()) == 20


def test_sending_leaves_no_line(service: Gateway) -> None:
    assert service.post("/v1/notifications", {**PROMO, "recipients": [{"email": "a@example.com"}]}).status == 202
    assert entries() == []


def test_stopping_what_another_service_asked_for_is_an_act(service: Gateway) -> None:
    """Promise I4: of one's own the timeline tells."""
    shop = Gateway(create_key("shop", [Scope.SEND]))
    for key in (shop, service):
        sent = shop.post("/v1/notifications", {**PROMO, "recipients": [{"email": "a@example.com"}]}).body
        made = sent["notifications"][0]["id"]
        assert key.post(f"/v1/notifications/{made}/cancel").status == 200
    assert [(one.by, one.did, one.thing) for one in entries()] == [("cinema", "notification.cancel", made)]


def test_a_change_whose_intention_cannot_be_written_does_not_happen(service: Gateway) -> None:
    """Promise I4."""

    def fail(request: Any, **rest: Any) -> None:
        if b"vestnik-test-audit" in request.body:
            unreachable(**rest)

    dynamodb().client.meta.events.register_first("before-send.dynamodb.PutItem", fail)
    assert service.put("/v1/users/anna", ANNA).status == 503
    assert service.get("/v1/users/anna").status == 503  # nor is anybody shown
    dynamodb().client.meta.events.unregister("before-send.dynamodb.PutItem", fail)
    assert service.get("/v1/users/anna").status == 404


def test_a_line_whose_reply_was_lost_is_written_once(service: Gateway) -> None:
    fault = LostReply()
    dynamodb().client.meta.events.register_first("before-send.dynamodb.PutItem", fault)
    assert service.put("/v1/users/anna", ANNA).status == 200
    assert fault.lost == 1
    assert [one.outcome for one in entries()] == ["done"]


def test_an_answer_that_is_told_again_is_another_look_and_no_other_act(service: Gateway) -> None:
    for _ in range(2):
        service.post("/v1/addresses/export", {"email": "anna@example.com"}, Idempotency_Key="k1")
        service.post("/v1/suppressions", {"address": "anna@example.com"}, Idempotency_Key="k2")
    assert sorted(one.did for one in entries()) == ["export_address", "export_address", "suppression.add"]


def test_a_look_costs_one_write_and_an_act_two(service: Gateway) -> None:
    """None of them a read: a line needs to know nothing of the others."""
    service.put("/v1/users/anna", ANNA)
    looked = Requests()
    service.get("/v1/users/anna")
    assert (looked.count("PutItem"), looked.count()) == (1, 2)
    acted = Requests()
    service.call("DELETE", "/v1/links/none")
    assert acted.count("PutItem") == 2
