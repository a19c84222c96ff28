"""Whatever a client sends is a frame or a warning that says what is expected."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.live.frames import (
    ACTION_NAMES,
    Send,
    check_frame,
    clean_text,
    is_json,
    read_json,
    read_line,
)
from chalicelib.live.server_events import WARNINGS, FrameError, warning

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["action", "to", "user_id", "text", "name", "cursor", "limit", "ids"])
ACTIONS = st.fixed_dictionaries({"action": st.sampled_from(ACTION_NAMES)})
ALMOST = st.builds(lambda a, b: {**b, **a}, ACTIONS, st.dictionaries(FIELDS, JSON, max_size=4))


def read(text: str) -> None:
    """As `live/receive.py` reads; any other error than FrameError breaks the loop."""
    try:
        check_frame(text)
        read_json(text) if is_json(text) else read_line(text)
    except FrameError as error:
        told = warning(error.code, **error.values)
        assert told.line
        assert told.encode("text")
        assert json.loads(told.encode("json"))["event"] == "warning"


@given(st.text())
@example("")
@example("\ud800")
@example("{" * 5000)
@example('{"action":' * 3000)
@example('{"action": "chat.send", "to": "a", "text": "\\ud800"}')
def test_no_text_breaks_the_loop(text: str) -> None:
    read(text)


@given(ALMOST)
def test_no_json_breaks_the_loop(frame: object) -> None:
    read(json.dumps(frame))


@given(st.text().map(lambda rest: "{" + rest))
def test_no_broken_json_breaks_the_loop(text: str) -> None:
    read(text)


@pytest.mark.parametrize(
    ("line", "to", "text"),
    [("Анна: привет", "Анна", "привет"), ("a:b:c", "a", "b:c"), ("block: это имя", "block", "это имя")],
)
def test_a_line_is_a_name_a_colon_and_a_text(line: str, to: str, text: str) -> None:
    frame = read_line(line)
    assert isinstance(frame, Send)
    assert (frame.to, frame.text) == (to, text)


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        ({"action": "chat.send", "text": "x"}, "to"),
        ({"action": "chat.send", "to": "a", "user_id": "b", "text": "x"}, "to"),
        ({"action": "chat.send", "to": "a"}, "text"),
        ({"action": "chat.send", "to": "a", "text": 5}, "text"),
        ({"action": "inbox.list", "limit": 0}, "limit"),
        ({"action": "inbox.list", "cursor": "x"}, "cursor"),
        ({"action": "inbox.read", "ids": []}, "ids"),
        ({"action": "ping", "more": 1}, "more"),
        ({"action": "resume"}, "cursor"),
    ],
)
def test_a_bad_field_is_named(frame: object, field: str) -> None:
    with pytest.raises(FrameError) as caught:
        read_json(json.dumps(frame))
    assert (caught.value.code, caught.value.values["field"]) == ("bad_field", field)


@pytest.mark.parametrize("text", ['{"action"', "{}x", '{"action": "ping"} {"action": "ping"}', "{'action': 'ping'}"])
def test_broken_json_is_told_from_an_unknown_action(text: str) -> None:
    with pytest.raises(FrameError, match="broken_json"):
        read_json(text)


@pytest.mark.parametrize("text", ["{}", '{"action": 5}', '{"action": "ping "}', '{"action": null}'])
def test_an_unknown_action_is_answered_with_the_known_ones(text: str) -> None:
    with pytest.raises(FrameError) as caught:
        read_json(text)
    assert caught.value.code == "unknown_action"
    assert "chat.send" in caught.value.values["expected"]


def test_the_mistake_inside_a_text_keeps_its_own_warning() -> None:
    with pytest.raises(FrameError, match="empty_text"):
        read_json('{"action": "chat.send", "to": "a", "text": " "}')


@pytest.mark.parametrize("code", WARNINGS)
def test_every_warning_speaks_both_languages_and_says_what_is_expected(code: str) -> None:
    values = {"limit": 5, "field": "f", "expected": "e", "name": "n", "seconds": 3, "per_second": 2}
    message = json.loads(warning(code, **values).encode("json"))["message"]
    assert "{" not in message["ru"].replace('{"action": …}', "").replace("«{»", "")
    asks = ("Expected", "Introduce yourself", "`?`")
    assert any(word in message["en"] for word in asks)
    assert message["ru"] != message["en"]


def test_a_line_of_the_chat_has_the_normal_form_and_keeps_what_its_script_needs() -> None:
    """Promise E2: Unicode NFC; a joiner of Persian stays, what turns the rest of a line round is refused."""
    assert clean_text("И\u0306од\r\n \u2066ok\u2069") == "Йод \u2066ok\u2069"
    assert clean_text("می\u200cخواهم") == "می\u200cخواهم"
    with pytest.raises(FrameError, match="bad_characters"):
        clean_text("a\u202eb")


ALLOWED = {
    "soft hyphen": "вод\xadка",
    "joiner": "می\u200cخواهم",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "marks of direction": "a\u200e\u200f\u061cb",
    "selector": "\u2764\ufe0f",
    "flag": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "private use": "\uf8ff",
    "newer than Python": "\U0003fffd",
    "isolates": "\u2067אבג\u2069 ok",
}
REFUSED = {
    "null": "a\x00",
    "escape": "\x1b[2J",
    "delete": "a\x7f",
    "C1": "a\x9b",
    "override": "a\u202eb",
    "embedding": "\u202bab\u202c",
    "deprecated": "a\u206eb",
    "annotation": "a\ufff9b",
    "noncharacter": "a\ufdd0",
    "last of a plane": "a\U0010ffff",
    "half a pair": "a\ud800",
}


@pytest.mark.parametrize("kind", ALLOWED)
def test_text_is_allowed_by_the_properties_of_its_characters(kind: str) -> None:
    """Promise I5."""
    assert clean_text(ALLOWED[kind]) == ALLOWED[kind]


@pytest.mark.parametrize("kind", REFUSED)
def test_what_controls_or_turns_the_line_is_refused(kind: str) -> None:
    """Promise I5."""
    with pytest.raises(FrameError, match="bad_characters"):
        clean_text(REFUSED[kind])


@pytest.mark.parametrize(
    ("text", "sent"),
    [("\u2067אב", "\u2067אב\u2069"), ("a\u2069b", "ab"), ("\u2066\u2067a\u2069", "\u2066\u2067a\u2069\u2069")],
)
def test_an_isolate_ends_with_its_line(text: str, sent: str) -> None:
    assert clean_text(text) == sent


@pytest.mark.parametrize(
    "text", ["", " \t\n", "\u200b", "\u2800", "\u3164\u3164", "\ufe0f\u200d", "\U000e0041", "\xad"]
)
def test_a_message_of_nothing_that_is_seen_is_empty(text: str) -> None:
    """Promise I5."""
    with pytest.raises(FrameError, match="empty_text"):
        clean_text(text)


@given(st.text(max_size=80))
def test_what_is_sent_on_stays_as_it_is_when_it_is_sent_on(text: str) -> None:
    try:
        sent = clean_text(text)
    except FrameError:
        return
    assert clean_text(sent) == sent
    assert sent.count("\u2069") == sum(map(sent.count, "\u2066\u2067\u2068"))
