"""Events leave the mailbox as SES sends them, and arrive through an emulator's SNS topic in its SQS queue."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests

from pretended import CONFIGURATION_SET, MAILINGS_SET, SENDER, client
from ses_mailbox.client import MailboxClient, entry, simple
from ses_mailbox.process import running

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_DEADLINE_SECONDS = 30


@dataclass(frozen=True)
class Events:
    """A mailbox whose events go to a queue."""

    mailbox: MailboxClient
    sqs: "SQSClient"
    queue_url: str

    def arrive(self, count: int) -> list[dict[str, Any]]:
        """The next `count` events, in the order of their arrival. Raises: TimeoutError."""
        events: list[dict[str, Any]] = []
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while len(events) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(events)} of {count} events came: {[e['eventType'] for e in events]}")
            answer = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                events.append(json.loads(json.loads(message["Body"])["Message"]))
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return events

    def types(self, count: int) -> list[str]:
        """The types of the next `count` events and proof that no more wait."""
        types = [event["eventType"] for event in self.arrive(count)]
        # A later letter's events show that nothing of the earlier ones is still on its way.
        self.mailbox.send("last@example.com", ConfigurationSetName=CONFIGURATION_SET)
        last = self.arrive(2)
        assert [event["mail"]["destination"] for event in last] == [["last@example.com"]] * 2
        return types


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"GATEWAY_PORT": str(port)}
    command = [sys.executable, "-m", "ministack"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            yield _ready(f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def _ready(url: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(requests.RequestException):
            if requests.get(f"{url}/_ministack/health", timeout=10).ok:
                return url
        time.sleep(0.1)
    raise TimeoutError("the emulator did not start")


@pytest.fixture(scope="module")
def topic_and_queue(cloud: str) -> tuple[str, "SQSClient", str]:
    session = boto3.Session("111122223333", "local", region_name="us-east-1")
    sns, sqs = session.client("sns", endpoint_url=cloud), session.client("sqs", endpoint_url=cloud)
    topic_arn = sns.create_topic(Name="mail-events")["TopicArn"]
    queue_url = sqs.create_queue(QueueName="mail-events")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=attributes["QueueArn"])
    return topic_arn, sqs, queue_url


@pytest.fixture(scope="module")
def options(cloud: str, topic_and_queue: tuple[str, "SQSClient", str]) -> list[str]:
    sets = ["--configuration-set", CONFIGURATION_SET, "--configuration-set", f"{MAILINGS_SET}=DELIVERY,BOUNCE"]
    return [*sets, "--topic-arn", topic_and_queue[0], "--aws-endpoint", cloud]


@pytest.fixture
def events(tmp_path: Path, options: list[str], topic_and_queue: tuple[str, "SQSClient", str]) -> Iterator[Events]:
    with running(tmp_path, options) as url:
        yield Events(client(url), *topic_and_queue[1:])


def _send(events: Events, to: str = "anna@example.com", **more: Any) -> str:
    return events.mailbox.send(to, ConfigurationSetName=CONFIGURATION_SET, **more)


def test_a_delivered_letter_gives_send_and_delivery_with_its_tags_and_headers(events: Events) -> None:
    sent = _send(events, EmailTags=[{"Name": "delivery", "Value": "d-1"}])
    send, delivery = events.arrive(2)
    mail = send["mail"]
    assert (send["eventType"], send["send"], delivery["eventType"]) == ("Send", {}, "Delivery")
    assert (mail["messageId"], mail["destination"], mail["source"]) == (sent, ["anna@example.com"], SENDER)
    assert mail["tags"]["delivery"] == ["d-1"]
    assert mail["tags"]["ses:configuration-set"] == [CONFIGURATION_SET]
    assert {"name": "Subject", "value": "Hello"} in mail["headers"]
    assert mail["commonHeaders"] == {
        "from": [SENDER],
        "to": ["anna@example.com"],
        "messageId": sent,
        "subject": "Hello",
    }
    assert mail["sourceArn"] == "arn:aws:ses:us-east-1:111122223333:identity/cinema.example"
    assert delivery["delivery"]["recipients"] == ["anna@example.com"]
    assert delivery["delivery"]["processingTimeMillis"] >= 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("success", ["Send", "Delivery"]),
        ("ooto", ["Send", "Delivery", "Bounce"]),
        ("bounce", ["Send", "Bounce"]),
        ("suppressionlist", ["Send", "Bounce"]),
        ("complaint", ["Send", "Delivery", "Complaint"]),
    ],
)
def test_the_simulators_addresses_decide_what_happens(events: Events, name: str, expected: list[str]) -> None:
    _send(events, f"{name}+label@simulator.amazonses.com")
    assert sorted(events.types(len(expected))) == sorted(expected)


def test_an_automatic_reply_is_a_bounce_that_does_not_say_why(events: Events) -> None:
    """As SES's simulator has it."""
    address = "ooto@simulator.amazonses.com"
    _send(events, address)
    [bounce] = [event["bounce"] for event in events.arrive(3) if event["eventType"] == "Bounce"]
    assert (bounce["bounceType"], bounce["bounceSubType"]) == ("Transient", "General")
    assert bounce["bouncedRecipients"] == [{"emailAddress": address}]
    assert "reportingMTA" not in bounce


@pytest.mark.parametrize(
    ("name", "agent"), [("apple-privacy", "Mozilla/5.0"), ("gmail-proxy", "ggpht.com GoogleImageProxy")]
)
def test_proxies_open_what_is_delivered(events: Events, name: str, agent: str) -> None:
    _send(events, f"{name}+label@machines.example")
    found = {event["eventType"]: event for event in events.arrive(3)}
    assert agent in found["Open"]["open"]["userAgent"]
    assert found["Open"]["open"]["timestamp"] > found["Delivery"]["delivery"]["timestamp"]


@pytest.fixture
def site() -> Iterator[tuple[str, "Queue[tuple[str, str, str]]"]]:
    """A site on this machine, and who asked it for what: method, path, user agent."""
    asked: Queue[tuple[str, str, str]] = Queue()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.put((self.command, self.path, self.headers["User-Agent"]))
            self.send_response(204)
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_a_scanner_opens_before_the_delivery_and_asks_for_every_link_of_this_machine(
    events: Events, site: tuple[str, "Queue[tuple[str, str, str]]"]
) -> None:
    url, asked = site
    html = f'<a href="https://elsewhere.example/">No</a><a href="{url}/s/x?a=1&amp;b=2">Go</a>'
    _send(events, "scanner@machines.example", Content=simple(html=html))
    found = {event["eventType"]: event for event in events.arrive(4)}
    visits = [asked.get(timeout=_DEADLINE_SECONDS) for _ in range(2)]
    assert [visit[:2] for visit in visits] == [("HEAD", "/s/x?a=1&b=2"), ("GET", "/s/x?a=1&b=2")]
    assert all("Barracuda" in agent for _, _, agent in visits)
    for kind in ("Open", "Click"):
        seen = found[kind][kind.lower()]
        assert "Chrome" in seen["userAgent"]
        assert seen["timestamp"] < found["Delivery"]["delivery"]["timestamp"]


def test_a_hard_bounce_and_a_suppressed_one_differ_in_their_sub_type(events: Events) -> None:
    both = ["bounce@simulator.amazonses.com", "suppressionlist@simulator.amazonses.com"]
    events.mailbox.send(Destination={"ToAddresses": both}, ConfigurationSetName=CONFIGURATION_SET)
    bounces = [event["bounce"] for event in events.arrive(3) if event["eventType"] == "Bounce"]
    assert [bounce["bounceType"] for bounce in bounces] == ["Permanent", "Permanent"]
    assert {bounce["bouncedRecipients"][0]["emailAddress"]: bounce["bounceSubType"] for bounce in bounces} == {
        both[0]: "General",
        both[1]: "Suppressed",
    }


def test_a_missing_variable_gives_a_rendering_failure_alone(events: Events) -> None:
    events.mailbox.send_bulk(entry("anna@example.com", {}), ConfigurationSetName=CONFIGURATION_SET)
    [failure] = events.arrive(1)
    assert failure["eventType"] == "Rendering Failure"
    assert failure["failure"]["errorMessage"] == "Attribute 'name' is not present in the rendering data."
    assert failure["mail"]["destination"] == ["anna@example.com"]


def test_a_call_without_the_configuration_set_gives_no_event(events: Events) -> None:
    events.mailbox.send("silent@example.com")
    assert events.types(0) == []


def test_a_set_tells_of_no_other_events_than_its_own(events: Events) -> None:
    sent = events.mailbox.send("anna@example.com", ConfigurationSetName=MAILINGS_SET)
    assert events.types(1) == ["Delivery"]
    answer = requests.post(f"{events.mailbox.url}/api/messages/{sent}/events", json={"type": "Open"}, timeout=10)
    assert (answer.status_code, "does not report it" in answer.text) == (409, True)


@pytest.mark.parametrize(
    ("asked", "name", "expected"),
    [
        ({"type": "Open"}, "open", {"userAgent": "Mozilla/5.0 (local mailbox)"}),
        ({"type": "Click", "link": "https://cinema.example/f/1"}, "click", {"link": "https://cinema.example/f/1"}),
        ({"type": "DeliveryDelay"}, "deliveryDelay", {"delayType": "TransientCommunicationFailure"}),
        ({"type": "Reject"}, "reject", {"reason": "Bad content"}),
        ({"type": "Bounce", "bounce_type": "Transient"}, "bounce", {"bounceType": "Transient"}),
        ({"type": "Complaint", "complaint_sub_type": "X"}, "complaint", {"complaintSubType": "X"}),
        ({"type": "Subscription"}, "subscription", {"source": "UnsubscribeHeader"}),
    ],
)
def test_an_event_can_be_made_to_happen_to_a_letter(
    events: Events, asked: dict[str, str], name: str, expected: dict[str, str]
) -> None:
    sent = _send(events)
    events.arrive(2)
    answer = requests.post(f"{events.mailbox.url}/api/messages/{sent}/events", json=asked, timeout=10)
    assert answer.status_code == 202
    [event] = events.arrive(1)
    assert (event["eventType"], event["mail"]["messageId"]) == (asked["type"], sent)
    assert event[name].items() >= expected.items()


def test_an_unknown_event_is_refused(events: Events) -> None:
    url = f"{events.mailbox.url}/api/messages/{_send(events)}/events"
    assert requests.post(url, json={"type": "Unheard"}, timeout=10).status_code == 422
    events.arrive(2)


def test_events_can_be_lost_doubled_and_turned_round(events: Events) -> None:
    for kind in ("no_events", "duplicate_events", "reorder_events"):
        events.mailbox.fault(kind=kind, times=1, to=f"{kind}@")
    _send(events, "no_events@example.com")
    _send(events, "duplicate_events@example.com")
    assert sorted(events.types(4)) == ["Delivery", "Delivery", "Send", "Send"]
    _send(events, "reorder_events@example.com")
    assert events.types(2) == ["Delivery", "Send"]


def test_the_events_of_a_whole_bulk_call_arrive(events: Events) -> None:
    addresses = {f"u{number}@example.com" for number in range(50)}
    events.mailbox.send_bulk(*(entry(address) for address in addresses), ConfigurationSetName=CONFIGURATION_SET)
    arrived = events.arrive(100)
    assert {event["mail"]["destination"][0] for event in arrived if event["eventType"] == "Send"} == addresses
    assert {event["mail"]["destination"][0] for event in arrived if event["eventType"] == "Delivery"} == addresses


def test_events_wait_for_a_topic_that_does_not_answer_and_outlive_the_mailbox(
    tmp_path: Path, options: list[str], topic_and_queue: tuple[str, "SQSClient", str]
) -> None:
    nobody = [*options[:-1], "http://127.0.0.1:9"]
    with running(tmp_path, nobody) as url:
        sent = client(url).send(ConfigurationSetName=CONFIGURATION_SET)
    with running(tmp_path, options) as url:
        arrived = Events(client(url), *topic_and_queue[1:]).arrive(2)
    assert [event["mail"]["messageId"] for event in arrived] == [sent, sent]
