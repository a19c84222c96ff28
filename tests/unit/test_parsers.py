"""Everything that reads what somebody else wrote takes any input: a good one is read, any other is refused by the error
of its kind. Frames, tokens, redirects, rules and templates have such tests beside their own."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.problem import plain_json
from chalicelib.campaigns.list_file import ListFile
from chalicelib.campaigns.list_report import BadListError, ListReport
from chalicelib.clock import now
from chalicelib.errors import InvalidError, PoisonMessageError
from chalicelib.live.jobs import read_live_job
from chalicelib.pipeline.feedback import Feedback
from chalicelib.pipeline.feedback_messages import read_event
from chalicelib.pipeline.jobs import DeliverJob, EnrichJob, read_job
from chalicelib.public.views import choose_locale
from chalicelib.storage.cursor import read_cursor, write_cursor
from tests.integration.conftest import ENVIRONMENT
from tests.processes import forget_settings

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
JSON_LIKE = st.text(alphabet='{}[]",:\\ud8001e+-.tfn \n', max_size=60) | st.text()


def with_any(shape: dict[str, Any]) -> st.SearchStrategy[Any]:
    """The shape with anything in the place of some of its parts, or without them."""
    parts = {
        name: st.just(value) | (with_any(value) if isinstance(value, dict) else st.just(value)) | JSON
        for name, value in shape.items()
    }
    return st.fixed_dictionaries({}, optional=parts)


@given(JSON_LIKE)
def test_a_body_is_json_that_can_be_written_again_or_refused(text: str) -> None:
    try:
        content = plain_json(text)
    except InvalidError:
        return
    json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


@given(JSON)
def test_every_json_without_halves_of_characters_is_read_as_it_is(content: Any) -> None:
    try:
        text = json.dumps(content, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        return
    assert plain_json(text) == content


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()) | JSON.map(json.dumps))
def test_a_cursor_is_one_of_this_list_or_refused(text: str) -> None:
    good = write_cursor({"id": {"S": "a"}}, scope="users")
    assert read_cursor(good, scope="users") == {"id": {"S": "a"}}
    for cursor in (text, good + text, base64.urlsafe_b64encode(text.encode(errors="replace")).decode()):
        if cursor.rstrip("=") != good:
            refused_or(dict, lambda cursor=cursor: read_cursor(cursor, scope="users"), InvalidError)


CELLS = st.text(alphabet='ab1@.;,"\r\n\x00ё ', max_size=12)
FILES = st.binary(max_size=200) | st.lists(CELLS, max_size=20).map(
    lambda cells: ("email;name\n" + "".join(cells)).encode()
)


@given(FILES)
def test_an_uploaded_list_gives_good_rows_or_is_refused(content: bytes) -> None:
    report = ListReport()
    try:
        rows = list(ListFile([content[:9], content[9:]], report).rows())
    except BadListError:
        return
    assert len(rows) == report.good
    assert all(row.get("email") or row.get("user_id") for row in rows)


class Recorder:
    """Plays whatever an event is recorded by."""

    def __getattr__(self, name: str) -> Any:
        return Recorder()

    def __call__(self, *_: Any, **__: Any) -> Any:
        return Recorder()


EVENT = {
    "eventType": "Bounce",
    "mail": {"messageId": "m-1", "tags": {"delivery": ["n-1_email"], "run": ["r-1"]}},
    "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "a@example.com"}]},
}


@given(JSON_LIKE | JSON.map(json.dumps) | with_any(EVENT).map(json.dumps))
def test_a_word_of_the_provider_is_an_event_or_poison(body: str) -> None:
    try:
        event = read_event(body)
    except PoisonMessageError:
        return
    if event is not None:
        Feedback(ledger=Recorder(), suppressions=Recorder(), site=Recorder(), clock=now).take([event])  # type: ignore[arg-type]


JOB = {"v": 1, "letter": {"template": "promo"}, "recipients": [{"notification_id": "n-1"}], "attempt": 1}


@given(JSON_LIKE | JSON.map(json.dumps) | with_any(JOB).map(json.dumps))
def test_a_message_of_a_queue_is_a_job_or_poison(body: str) -> None:
    for read in (read_live_job, lambda text: read_job(EnrichJob, text), lambda text: read_job(DeliverJob, text)):
        refused_or(object, lambda read=read: read(body), PoisonMessageError)


@pytest.mark.parametrize("reader", [read_event, read_live_job, lambda text: read_job(EnrichJob, text)])
def test_json_that_is_nested_without_end_is_poison(reader: Any) -> None:
    with pytest.raises(PoisonMessageError):
        reader("[" * 100_000)


@pytest.fixture(scope="module")
def stage() -> Iterator[None]:
    """The settings of a stage."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        forget_settings()
        yield
    forget_settings()


@given(st.none() | st.text(), st.none() | st.text() | st.text(alphabet="enru-;q=0.19*, ", max_size=40))
def test_a_page_has_a_language_whatever_the_browser_says(stage: None, asked: str | None, accepted: str | None) -> None:
    assert choose_locale(asked, accepted) in ("ru", "en")


def refused_or(kind: type, read: Any, error: type[Exception]) -> None:
    with suppress(error):
        assert isinstance(read(), kind)
