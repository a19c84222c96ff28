"""What leaves by SMS, push, webhook and chat is kept and shown."""

import json

import pytest
import requests
from markupsafe import escape

from ses_mailbox.client import MailboxClient


def test_a_webhook_and_a_chat_are_kept_oldest_first_with_their_signature(mailbox: MailboxClient) -> None:
    hook = {
        "type": "notification",
        "data": {"title": "<b>Tonight</b>", "body": "Half price", "url": "https://c.example"},
    }
    headers = {"webhook-signature": "v1,abc"}
    assert requests.post(f"{mailbox.url}/hooks/anna", json=hook, headers=headers, timeout=10).ok
    assert requests.post(f"{mailbox.url}/chats/anna", json={"message": "Hello"}, timeout=10).ok

    kept = requests.get(f"{mailbox.url}/api/other", params={"to": "anna"}, timeout=10).json()[-2:]
    assert [(one["channel"], one["signature"]) for one in kept] == [("webhook", "v1,abc"), ("chat", "")]
    assert json.loads(kept[0]["text"]) == hook

    page = requests.get(f"{mailbox.url}/other", timeout=10).text
    assert "&lt;b&gt;Tonight&lt;/b&gt; · Half price · https://c.example" in page
    assert "<b>Tonight" not in page


@pytest.mark.parametrize("body", ["plain & simple", '["a", "list & more"]', '{"other": "words & names"}', "7"])
def test_what_is_of_another_shape_is_shown_as_it_is(mailbox: MailboxClient, body: str) -> None:
    requests.post(f"{mailbox.url}/chats/boris", data=body.encode(), timeout=10)
    answer = requests.get(f"{mailbox.url}/other", timeout=10)
    assert answer.ok
    assert escape(body) in answer.text
