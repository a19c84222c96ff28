"""No log of the whole run, of whatever part, holds an address, a token, a password or a word of a letter or a chat.
Collected last (conftest.py), so that it reads what all other end-to-end tests left; alone it makes its own traffic."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from chalicelib.security.signing import KEYS, parameter_name
from infra.local.children import STAGE
from tests.e2e.conftest import Vestnik, eventually
from tests.e2e.leaks import addresses_in, found_in, private_words
from tests.e2e.sockets import guest, user

pytestmark = pytest.mark.e2e

# The emulator keeps no logs of functions that a WebSocket calls: tests/integration/live/test_chat.py looks at theirs.
PARTS = {"", "-public_pages", "-enrich", "-deliver", "-feedback", "-live", "-tick"}
PHONE = "+79161234568"
PLAIN_MARK = f"secret-{uuid.uuid4().hex}"
MARK = f"тайна-{PLAIN_MARK}"  # stands in bodies, names, chats and forms, and nowhere else


@pytest.fixture(scope="module")
def traffic(vestnik: Vestnik) -> None:
    """Traffic with private data of every kind, including refused calls."""
    name = f"u-{uuid.uuid4().hex[:12]}"
    person = {"id": name, "email": f"{name}@viewers.example", "phone": PHONE, "name": MARK, "locale": "ru"}
    vestnik.call("POST", "/v1/events", {"type": "user.registered", "id": f"registered-{name}", "user": person})
    promo = {"headline": MARK, "text": MARK, "url": f"https://cinema.example/{name}"}
    body = {"template": "promo", "recipients": [{"user_id": name}], "context": promo}
    vestnik.call("POST", "/v1/notifications", body)
    letters = eventually(lambda: seen if len(seen := vestnik.letters(person["email"])) == 2 else None) or []
    for token in private_words(letters):
        if link := re.search(rf"{re.escape(vestnik.cloud.api_url)}/\w+/{re.escape(token)}", letters[0]["html"]):
            requests.get(link[0], allow_redirects=False, timeout=30)
    other_channels(vestnik, name, body)
    vestnik.call("POST", "/v1/notifications", {**body, "recipients": [{"email": f"{PLAIN_MARK}@@viewers.example"}]})
    vestnik.call("GET", "/v1/control", key=f"vk_nobody_{PLAIN_MARK}")
    sign_in = f"{vestnik.cloud.api_url}/admin/sign-in"
    browser = requests.Session()
    token = re.findall(r'name="token" value="([^"]+)"', browser.get(sign_in, timeout=30).text)[0]
    assert (
        browser.post(sign_in, data={"token": token, "name": "admin", "password": MARK}, timeout=30).status_code == 422
    )
    with guest(vestnik, "Тайный") as first, guest(vestnik, "Явный") as second, user(vestnik, name):
        first.send(f"Явный: {MARK}")
        second.until(MARK)
        first.ask(f"Никто: {MARK}", "нет никого")
        first.ask('{"action": "fly", "text": "' + MARK + '"}', "action")
    bounced = {**body, "recipients": [{"email": f"bounce+{name}@simulator.amazonses.com"}]}
    vestnik.call("POST", "/v1/notifications", bounced)
    address = f"bounce%2B{name}%40simulator.amazonses.com"
    eventually(lambda: vestnik.call("GET", f"/v1/suppressions/email/{address}").ok)
    vestnik.cloud.account.lambdas.invoke(FunctionName=f"vestnik-{STAGE}-tick")


def other_channels(vestnik: Vestnik, user_id: str, body: dict[str, Any]) -> None:
    """The same by SMS, webhook and chat, whose addresses are also secret."""
    mailbox = vestnik.cloud.mailbox_url
    for endpoint in (
        {"channel": "webhook", "url": f"{mailbox}/hooks/{PLAIN_MARK}"},
        {"channel": "chat", "url": f"json://{mailbox.removeprefix('http://')}/chats/{PLAIN_MARK}"},
    ):
        assert vestnik.call("POST", f"/v1/users/{user_id}/endpoints", endpoint).ok
    answer = vestnik.call("POST", "/v1/notifications", {**body, "channels": ["sms", "webhook", "chat"]})
    [sent] = answer.json()["notifications"]

    def left() -> bool:
        deliveries = vestnik.call("GET", f"/v1/notifications/{sent['id']}").json()["deliveries"]
        return [one["status"] for one in deliveries] == ["sent"] * 3

    eventually(left)


@pytest.fixture(scope="module")
def logs(vestnik: Vestnik, traffic: None) -> dict[str, str]:
    """The text of every log group of the stage, by the name of its function without the stage's, and of both processes
    of the local cloud."""
    client = vestnik.cloud.account.session.client("logs", endpoint_url=vestnik.cloud.emulator_url)
    prefix = f"/aws/lambda/vestnik-{STAGE}"

    def messages(group: str) -> Iterator[str]:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group):
            yield from (event["message"] for event in page["events"])

    groups = [
        group["logGroupName"]
        for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for group in page["logGroups"]
    ]
    processes = {child.log.name: child.log.read_text() for child in (vestnik.cloud.emulator, vestnik.cloud.mailbox)}
    return {group.removeprefix(prefix): "\n".join(messages(group)) for group in groups} | processes


def test_every_part_has_a_log(logs: dict[str, str]) -> None:
    assert {part for part, log in logs.items() if log} >= PARTS


def test_no_log_holds_an_address(logs: dict[str, str]) -> None:
    assert {part: addresses_in(log) for part, log in logs.items() if addresses_in(log)} == {}


def test_no_log_holds_a_word_or_a_link_of_a_letter(vestnik: Vestnik, logs: dict[str, str]) -> None:
    words = private_words(vestnik.letters("")) | {MARK, PLAIN_MARK}
    assert len(words) > 10
    assert {part: found_in(log, words) for part, log in logs.items() if found_in(log, words)} == {}


def test_no_log_holds_a_secret_of_the_service(vestnik: Vestnik, logs: dict[str, str]) -> None:
    ssm = vestnik.cloud.account.session.client("ssm", endpoint_url=vestnik.cloud.emulator_url)
    names = [parameter_name(STAGE, key) for key in KEYS]
    keys = {one["Value"] for one in ssm.get_parameters(Names=names, WithDecryption=True)["Parameters"]}
    key_id, _, secret = vestnik.api_key.removeprefix("vk_").partition("_")
    assert len(keys) == len(KEYS)
    secrets = {*keys, secret, vestnik.cloud.state.manager_password(), "ticket="}
    assert key_id
    assert {part: found_in(log, secrets) for part, log in logs.items() if found_in(log, secrets)} == {}


def test_the_search_finds_what_it_looks_for() -> None:
    letter = {
        "subject": MARK,
        "html": "https://x/unsubscribe/abcdefghijklmnopqrstu",
        "text": "a line that is long enough",
    }
    log = json.dumps({"to": "anna@viewers.example", "s": MARK}) + f"/unsubscribe/abcdefghijklmnopqrstu {PHONE}: hi"
    assert addresses_in(log) == {"anna@viewers.example", PHONE}
    assert found_in(log, private_words([letter])) == {MARK, "abcdefghijklmnopqrstu"}
