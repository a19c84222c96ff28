"""The frame of every worker: partial failures, one log line with ids alone, metrics."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib import observability
from chalicelib.clock import new_id
from chalicelib.errors import NewerError, UnavailableError
from chalicelib.observability import DUE_AT, IDS_IN_A_LINE, Line, Waited, batch_handler, whole_batch_handler
from tests.processes import forget_log


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that writes to the standard output of this test."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", new_id())  # Powertools keeps one handler a service
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Vestnik")
    forget_log()


def work(body: str) -> Line:
    if body == "unavailable":
        raise UnavailableError("the queue retry did not answer")
    if body.startswith("newer"):
        raise NewerError("this DeliverJob is of a newer release")
    if body.startswith("bug"):
        raise ValueError(f"cannot write to anna@example.com: {body}")
    return Line(ids=[f"id-{body}"], counts={"sent": 2}, seconds=[0.5])


QUEUE = "arn:aws:sqs:eu-central-1:123456789012:vestnik-test-deliver-email"


def put_aside(queue: str, body: str) -> None:
    if body == "newer, and the queue is gone":
        raise UnavailableError("the queue retry did not answer")


def event(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [{"messageId": f"m-{n}", "body": body, "eventSourceARN": QUEUE} for n, body in enumerate(bodies)]
    }


def handle(*bodies: str) -> list[str]:
    answer = batch_handler("deliver", lambda: work, newer=put_aside)(event(*bodies), None)
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def logged(output: str) -> list[dict[str, Any]]:
    return [line for line in lines(output) if "_aws" not in line]


def test_a_message_that_fails_is_given_back_alone() -> None:
    assert handle("a", "unavailable", "b", "bug") == ["m-1", "m-3"]


def test_what_a_newer_release_wrote_is_put_aside_and_not_given_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert handle("a", "newer") == []

    warning, line = logged(capsys.readouterr().out)
    assert (warning["message"], warning["message_id"]) == ("a message of a newer release waits for it", "m-1")
    assert line["counts"] == {"sent": 2, "newer": 1}


def test_what_could_not_be_put_aside_is_given_back() -> None:
    assert handle("newer, and the queue is gone") == ["m-0"]


def test_when_all_is_well_nothing_is_given_back() -> None:
    assert handle("a", "b") == []


def test_an_empty_batch_leaves_its_line_and_no_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    assert handle() == []
    assert [line["message"] for line in lines(capsys.readouterr().out)] == ["deliver"]


def test_the_parts_are_made_at_the_first_invocation_and_not_at_import() -> None:
    made: list[int] = []

    def make() -> Any:
        made.append(1)
        return work

    handler = batch_handler("deliver", make, newer=put_aside)
    assert made == []
    handler(event("a"), None)
    assert made == [1]


def test_an_invocation_writes_one_line_with_its_ids_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    handle("a", "b")

    [line] = logged(capsys.readouterr().out)
    assert (line["message"], line["notification_ids"], line["counts"]) == ("deliver", ["id-a", "id-b"], {"sent": 4})


def test_a_line_names_no_more_ids_than_a_chunk_has(capsys: pytest.CaptureFixture[str]) -> None:
    handle(*map(str, range(IDS_IN_A_LINE + 5)))

    [line] = logged(capsys.readouterr().out)
    assert len(line["notification_ids"]) == IDS_IN_A_LINE


def test_a_failure_is_logged_with_its_place_but_not_with_what_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    handle("bug with a secret body")

    output = capsys.readouterr().out
    failure = logged(output)[0]
    assert (failure["level"], failure["error"], failure["message_id"]) == ("ERROR", "ValueError", "m-0")
    assert any("work" in frame for frame in failure["trace"])
    assert "anna@example.com" not in output
    assert "secret body" not in output


def test_a_failure_of_ours_says_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    handle("unavailable")

    failure = logged(capsys.readouterr().out)[0]
    assert (failure["error"], failure["detail"]) == ("UnavailableError", "the queue retry did not answer")


def test_the_counts_and_ages_are_emitted_as_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    handle("a", "unavailable")

    [emitted] = [line for line in lines(capsys.readouterr().out) if "_aws" in line]
    [directive] = emitted["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Vestnik"
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}.items() >= {
        "DeliverSent": "Count",
        "SecondsSinceAccepted": "Seconds",
        "DeliverMessagesFailed": "Count",
    }.items()
    assert (emitted["DeliverSent"], emitted["DeliverMessagesFailed"]) == ([2.0], [0.0, 1.0])
    assert emitted["SecondsSinceAccepted"] == [0.5]


def test_what_is_counted_elsewhere_is_logged_and_not_counted() -> None:
    seen: list[Mapping[str, int]] = []
    whole = whole_batch_handler(
        "deliver",
        lambda: lambda _bodies: [Line(counts={"sent": 1}), Line(counts={"sent": 50}, counted=False)],
        count=lambda counts, _: seen.append(counts),
    )
    whole({"Records": [{"messageId": "a", "body": ""}, {"messageId": "b", "body": ""}]}, None)
    assert seen == [{"sent": 1}]


def test_what_came_of_a_batch_is_counted_with_the_wait_of_its_oldest_message() -> None:
    seen: list[tuple[Mapping[str, int], Waited | None]] = []
    now = time.time()
    records = [
        {
            "messageId": f"m-{age}",
            "body": "fine",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:vestnik-test-retry",
            "attributes": {"SentTimestamp": str(int((now - age) * 1000))},
        }
        for age in (2, 90, 5)
    ]
    batch_handler("deliver", lambda: work, newer=put_aside, count=lambda counts, waited: seen.append((counts, waited)))(
        {"Records": records}, None
    )
    ((counts, waited),) = seen
    assert counts == {"sent": 6}
    assert waited is not None
    assert waited.queue == "vestnik-test-retry"
    assert waited.seconds == pytest.approx(90, abs=5)


def test_what_failed_by_our_own_fault_counts_as_failed_without_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    observability.write_line("api", [Line(counts={"create_500": 1}, failed=True)])
    [emitted] = metrics_in(capsys)
    assert emitted["ApiMessagesFailed"] == [1.0]


def test_the_age_of_the_oldest_message_is_measured_by_queue(capsys: pytest.CaptureFixture[str]) -> None:
    handle_received({"sent_seconds_ago": 10}, {"sent_seconds_ago": 60})
    [emitted] = metrics_in(capsys)
    assert emitted["OldestSecondsDeliverEmailBulk"][0] == pytest.approx(60, abs=5)


def test_a_wanted_delay_is_no_age(capsys: pytest.CaptureFixture[str]) -> None:
    handle_received({"sent_seconds_ago": 900, "due_seconds_ago": 2})
    [emitted] = metrics_in(capsys)
    assert emitted["OldestSecondsDeliverEmailBulk"][0] == pytest.approx(2, abs=5)


def metrics_in(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [line for line in lines(capsys.readouterr().out) if "_aws" in line]


def handle_received(*messages: dict[str, float]) -> None:
    """Messages as Lambda gives them: of a queue, sent at a time, with or without a time when they were due."""
    event: dict[str, Any] = {"Records": []}
    for n, message in enumerate(messages):
        record: dict[str, Any] = {
            "messageId": f"m-{n}",
            "body": "a",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:vestnik-test-deliver-email-bulk",
            "attributes": {"SentTimestamp": str(int((time.time() - message["sent_seconds_ago"]) * 1000))},
        }
        if "due_seconds_ago" in message:
            due = str(time.time() - message["due_seconds_ago"])
            record["messageAttributes"] = {DUE_AT: {"stringValue": due, "dataType": "Number"}}
        event["Records"].append(record)
    batch_handler("deliver", lambda: work, newer=put_aside)(event, None)
