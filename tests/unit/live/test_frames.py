"""Whatever a client sends is a frame or a warning that says what is expected."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.live.events import WARNINGS, warning
from chalicelib.live.frames import (
    ACTION_NAMES,
    FrameError,
    Send,
    check_frame,
    clean_text,
    is_json,
    read_json,
    read_line,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["action", "to", "user_id", "text", "name", "cursor", "limit", "ids"])
ACTIONS = st.fixed_dictionaries({"action": st.sampled_from(ACTION_NAMES)})
ALMOST = st.builds(lambda a, b: {**b, **a}, ACTIONS, st.dictionaries(FIELDS, JSON, max_size=4))


def read(text: str) -> None:
    """As `receive.py` reads; any other error than FrameError breaks the loop."""
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
