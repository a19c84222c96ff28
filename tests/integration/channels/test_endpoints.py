"""Registering devices, webhooks and chats over the API."""

import json
from typing import Any

import boto3
import pytest

from chalicelib.channels.chat import ChatChannel
from chalicelib.channels.port import Message, Verdict
from chalicelib.channels.push import PushChannel, payloads
from chalicelib.stage.app import Stage
from chalicelib.storage.endpoints import MAX_ENDPOINTS
from tests.integration.api.conftest import api
from tests.integration.api.gateway import Gateway
from tests.processes import compose

__all__ = ["api"]

PATH = "/v1/users/anna/endpoints"
HOOK = {"channel": "webhook", "url": "https://partner.example/hooks/1"}
CHAT = "tgram://123456789:abcdefg_hijklmnop/987654/"
DEVICE = {"channel": "push", "platform": "android", "token": "token-of-a-device"}


@pytest.fixture
def anna(api: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    sns = boto3.client("sns")
    arn = sns.create_platform_application(Name="vestnik-test-android", Platform="GCM", Attributes={})
    monkeypatch.setenv("VESTNIK_PUSH_ANDROID", arn["PlatformApplicationArn"])
    compose()
    for name in ("anna", "boris"):
        api.put(f"/v1/users/{name}", {"email": f"{name}@example.com"})
    return api


def shown(api: Gateway, user: str = "anna") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/v1/users/{user}/endpoints").body["endpoints"]
    return found


def push(user: str = "anna") -> Any:
    channel = PushChannel(Stage.own().sns, devices=Stage.own().endpoints)
    [outcome] = channel.send([Message("n_push", user, {"title": "T"})])
    return outcome


def test_a_webhook_has_a_secret_that_is_told_once(anna: Gateway) -> None:
    made = anna.post(PATH, HOOK)
    assert made.status == 201
    assert made.body["secret"].startswith("whsec_")
    [listed] = shown(anna)
    assert (listed["shown"], listed["enabled"]) == ("https://partner.example/…", True)
    assert "secret" not in listed
    assert made.body["secret"] not in json.dumps(anna.get("/v1/users/anna/export").body)


def test_the_same_endpoint_again_is_the_same_and_on_again(anna: Gateway) -> None:
    first = anna.post(PATH, HOOK).body
    off = anna.patch(f"{PATH}/{first['id']}", {"enabled": False}).body
    assert (off["enabled"], off["off_reason"]) == (False, "by_hand")
    again = anna.post(PATH, HOOK).body
    assert (again["id"], again["enabled"], again["secret"]) == (first["id"], True, first["secret"])


REFUSED = {
    "a webhook without an address": {"channel": "webhook"},
    "a webhook with a token": {**HOOK, "token": "t" * 10},
    "plain http": {"channel": "webhook", "url": "http://partner.example/"},
    "a password in the address": {"channel": "webhook", "url": "https://me:secret@partner.example/"},
    "an address inside": {"channel": "webhook", "url": "https://169.254.169.254/latest/meta-data"},
    "an address inside, spelled oddly": {"channel": "webhook", "url": "https://0x7f.1/"},
    "an address inside, for IPv6": {"channel": "webhook", "url": "https://[::ffff:10.0.0.1]/"},
    "a name inside": {"channel": "webhook", "url": "https://metadata.google.internal/"},
    "another scheme": {"channel": "webhook", "url": "file:///etc/passwd"},
    "a device without a platform": {"channel": "push", "token": "t" * 10},
    "a platform that the stage has not": {**DEVICE, "platform": "ios"},
    "a chat of a kind that is not allowed": {"channel": "chat", "url": "json://127.0.0.1/x"},
    "a chat that is no address": {"channel": "chat", "url": "tgram://nonsense"},
    "a chat that reads a file": {"channel": "chat", "url": f"{CHAT}?template=/proc/self/environ"},
    "a chat that reads a file, spelled oddly": {"channel": "chat", "url": f"{CHAT}?%54emplate=/proc/self/environ"},
    "a chat without TLS's check": {"channel": "chat", "url": f"{CHAT}?silent=yes&verify=no"},
    "a chat of two rooms": {"channel": "chat", "url": f"{CHAT}1234/"},
    "a chat of two rooms, with a comma": {"channel": "chat", "url": f"{CHAT.rstrip('/')},1234"},
    "a chat that holds the worker": {"channel": "chat", "url": f"{CHAT}?rto=900"},
    "a channel without endpoints": {"channel": "email", "url": "https://partner.example/"},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_with_the_field(anna: Gateway, case: str) -> None:
    told = anna.post(PATH, REFUSED[case])
    assert (told.status, bool(told.body["errors"])) == (422, True)
    assert shown(anna) == []


def test_a_chat_that_names_a_host_of_its_own_is_refused_outside_of_one_machine(
    anna: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VESTNIK_CHAT_KINDS", "tgram json mmost")
    for host in ("169.254.169.254", "chat.example"):
        for kind in ("json", "mmost"):
            compose()
            told = anna.post(PATH, {"channel": "chat", "url": f"{kind}://{host}/x"})
            assert (told.status, told.body["errors"][0]["field"]) == (422, "url")


def test_a_chat_from_before_these_rules_gets_nothing(anna: Gateway) -> None:
    """Promise I7: an old row is judged by the new rules."""
    rooms = Stage.own().endpoints
    rooms.add("anna", "chat", target=f"{CHAT}?template=/proc/self/environ", shown="", name=None)
    [outcome] = ChatChannel(rooms=rooms, kinds=["tgram"]).send([Message("n_chat", "anna", {"text": "T"})])
    assert (outcome.verdict, outcome.reason) == (Verdict.REFUSED, "unsupported_chat")


def test_a_chat_with_a_thread_is_taken(anna: Gateway) -> None:
    assert anna.post(PATH, {"channel": "chat", "url": f"{CHAT}?topic=3&silent=yes"}).status == 201


def test_a_chat_is_kept_and_never_shown(anna: Gateway) -> None:
    anna.post(PATH, {"channel": "chat", "url": "tgram://123456789:abcdefg_hijklmnop/987654/"})
    [listed] = shown(anna)
    assert (listed["channel"], listed["shown"]) == ("chat", "tgram://…")


def test_a_user_who_is_not_there_has_no_endpoints(anna: Gateway) -> None:
    assert anna.post("/v1/users/nobody/endpoints", HOOK).status == 404
    assert anna.delete(f"{PATH}/nothing").status == 404


def test_there_is_a_most(anna: Gateway) -> None:
    for n in range(MAX_ENDPOINTS):
        anna.post(PATH, {**HOOK, "url": f"https://partner.example/{n}"})
    assert anna.post(PATH, HOOK).status == 409


def test_the_log_of_an_endpoint_is_empty_until_something_was_sent(anna: Gateway) -> None:
    made = anna.post(PATH, HOOK).body
    assert anna.get(f"{PATH}/{made['id']}/deliveries").body == {"deliveries": []}
    Stage.own().endpoints.note("anna", made["id"], delivery_id="n_webhook", outcome="accepted", status=200)
    [line] = anna.get(f"{PATH}/{made['id']}/deliveries").body["deliveries"]
    assert (line["outcome"], line["status"]) == ("accepted", 200)


def test_a_device_gets_pushes(anna: Gateway) -> None:
    assert anna.post(PATH, DEVICE).body["shown"] == "android …vice"
    assert push().verdict is Verdict.ACCEPTED


def test_a_device_whose_endpoint_is_disabled_is_forgotten(anna: Gateway) -> None:
    anna.post(PATH, DEVICE)
    [device] = Stage.own().endpoints.of("anna")
    boto3.client("sns").set_endpoint_attributes(EndpointArn=device.target, Attributes={"Enabled": "false"})
    outcome = push()
    assert (outcome.verdict, outcome.reason) == (Verdict.REFUSED, "device_gone")
    assert shown(anna) == []


def test_who_is_reached_on_one_device_is_reached(anna: Gateway) -> None:
    anna.post(PATH, DEVICE)
    anna.post(PATH, {**DEVICE, "token": "token-of-another-device"})
    device = Stage.own().endpoints.of("anna")[0]
    boto3.client("sns").set_endpoint_attributes(EndpointArn=device.target, Attributes={"Enabled": "false"})
    assert push().verdict is Verdict.ACCEPTED
    assert len(shown(anna)) == 1


def test_a_device_belongs_to_whoever_signed_in_on_it_last(anna: Gateway) -> None:
    anna.post(PATH, DEVICE)
    assert anna.post("/v1/users/boris/endpoints", DEVICE).status == 201
    assert (shown(anna), len(shown(anna, "boris"))) == ([], 1)
    assert push("boris").verdict is Verdict.ACCEPTED


def test_an_erasure_takes_the_endpoints_away_here_and_at_the_provider(anna: Gateway) -> None:
    anna.post(PATH, DEVICE)
    anna.post(PATH, HOOK)
    [device, _] = Stage.own().endpoints.of("anna")
    assert anna.delete("/v1/users/anna").status == 204
    assert Stage.own().endpoints.of("anna") == []
    with pytest.raises(boto3.client("sns").exceptions.NotFoundException):
        boto3.client("sns").get_endpoint_attributes(EndpointArn=device.target)


def test_a_push_replaces_itself_on_both_platforms_and_fits_them() -> None:
    message = Message("id-1_push", "anna", {"title": "т" * 1000, "body": "б" * 5000, "url": "https://c.example"})
    made = payloads(message)
    google = json.loads(made["GCM"])["fcmV1Message"]["message"]
    assert google["android"] == {"collapse_key": "id-1", "notification": {"tag": "id-1"}}
    assert json.loads(made["APNS"])["notification_id"] == "id-1"
    assert max(len(text.encode()) for text in made.values()) < 4000
