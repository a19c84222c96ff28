"""Files that letters carry, from the call to the provider: moto's S3 behind the stage, a server of files on this
machine."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from chalicelib.attachments import MAX_BYTES, media_type
from chalicelib.channels.port import AttachedFile, Message, Outcome, Verdict
from chalicelib.clock import now, rfc3339
from chalicelib.pipeline.jobs import DeliverJob, EnrichJob, read_job
from chalicelib.stage.app import Stage
from tests.integration.api.gateway import PROMO, Gateway, Reply, gateway
from tests.integration.conftest import Pump
from tests.integration.faults import unreachable
from tests.processes import compose
from tests.serving import serving

TICKET = b"%PDF-1.7 a ticket"
TO_ANNA = {**PROMO, "recipients": [{"email": "anna@example.com", "locale": "en"}]}


class FileServer(ThreadingHTTPServer):
    """Serves whatever a test puts there; counts what it is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.status = 200
        self.asked = 0

    def put(self, name: str, content: bytes) -> str:
        self.files[f"/{name}"] = content
        return f"http://127.0.0.1:{self.server_port}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        self.server.asked += 1
        content = self.server.files.get(self.path)
        self.send_response(404 if content is None else self.server.status)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


class Office:
    """The provider of e-mail: keeps the messages, and answers as it is told."""

    name = "email"
    batch_size = 50

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answers: list[Outcome] = []

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        self.messages += messages
        return [self.answers.pop(0) if self.answers else Outcome(Verdict.ACCEPTED, provider_id="p") for _ in messages]

    @property
    def carried(self) -> list[tuple[str, str, bytes]]:
        return [(one.name, one.type, one.content) for message in self.messages for one in message.files]


@pytest.fixture
def server(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("VESTNIK_PRIVATE_ADDRESSES", "true")
    compose()
    made = FileServer()
    with serving(made):
        yield made


@pytest.fixture
def office(bucket: str) -> Office:
    made = Office()
    compose(channels={"email": made})
    return made


@pytest.fixture
def api(bucket: str) -> Gateway:
    return gateway()


def uploaded(api: Gateway, content: bytes = TICKET) -> str:
    """The id of a file that lies where its signed address leads (moto cannot be asked by it)."""
    asked = api.post("/v1/files").body
    there = urlsplit(asked["upload"]["url"])
    _, bucket, key = there.path.split("/", 2)
    assert "if-none-match" in parse_qs(there.query)["X-Amz-SignedHeaders"][0]  # it is taken once
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return str(asked["id"])


def send(api: Gateway, *attachments: dict[str, Any], **more: Any) -> Reply:
    return api.post("/v1/notifications", {**TO_ANNA, "attachments": list(attachments), **more})


def what_is_wrong(answer: Reply) -> list[tuple[str, str]]:
    assert answer.status == 422, answer.text
    return [(one["field"], one["message"]) for one in answer.body["errors"]]


# ---------------------------------------------------------------- the way of a file


def test_an_uploaded_file_reaches_the_provider(api: Gateway, pump: Pump, office: Office) -> None:
    assert send(api, {"file": uploaded(api), "name": "ticket.pdf"}).status == 202

    pump.run()

    assert office.carried == [("ticket.pdf", "application/pdf", TICKET)]


def test_an_address_is_fetched_once_whatever_it_serves_later(
    api: Gateway, pump: Pump, office: Office, server: FileServer
) -> None:
    url = server.put("ticket.pdf", TICKET)
    compose(channels={"email": office})
    people = [{"email": f"u{n}@example.com"} for n in range(3)]
    answer = api.post(
        "/v1/notifications",
        {**PROMO, "recipients": people, "attachments": [{"url": url, "name": "ticket.pdf"}]},
        idempotency_key="k",
    )
    server.put("ticket.pdf", b"another")
    again = api.post(
        "/v1/notifications",
        {**PROMO, "recipients": people, "attachments": [{"url": url, "name": "ticket.pdf"}]},
        idempotency_key="k",
    )

    pump.run()

    assert (answer.status, again.body) == (202, answer.body)
    assert server.asked == 1
    assert [content for _, _, content in office.carried] == [TICKET] * 3


def test_jobs_carry_references_and_a_version_that_older_workers_put_aside(
    api: Gateway, pump: Pump, office: Office
) -> None:
    send(api, {"file": uploaded(api), "name": "ticket.pdf"})
    [body] = pump.bodies("enrich-instant")
    pump.run("enrich-instant")
    [later] = pump.bodies("deliver-email")

    for kind, text in ((EnrichJob, body), (DeliverJob, later)):
        assert json.loads(text)["v"] == read_job(kind, text).v == 2
        assert "ticket" in text
        assert "%PDF" not in text
    send(api)
    assert "v" not in json.loads(pump.bodies("enrich-instant")[0])


def test_a_letter_that_is_tried_again_carries_the_same_file_and_is_sent_once(
    api: Gateway, pump: Pump, office: Office
) -> None:
    office.answers = [Outcome(Verdict.NOT_ACCEPTED, reason="throttled")]
    send(api, {"file": uploaded(api), "name": "ticket.pdf"})
    pump.run()
    pump.pass_("retry", seconds=3600)
    for body in pump.take("retry"):
        job = json.loads(body)
        pump.put(job["queue"], job["body"])
    pump.run()
    pump.run()

    assert [content for _, _, content in office.carried] == [TICKET, TICKET]


def test_while_the_bucket_is_away_letters_wait_and_none_is_lost_or_sent_twice(
    api: Gateway, pump: Pump, office: Office
) -> None:
    ids = [one["id"] for one in send(api, {"file": uploaded(api), "name": "ticket.pdf"}).body["notifications"]]
    pump.run("enrich-instant")
    compose()
    events = Stage.own().s3.meta.events
    events.register_first("before-send.s3.GetObject", unreachable)

    failed = pump.run()

    assert (failed, office.messages, pump.waiting("retry"), pump.waiting("deliver-email-dlq")) == ([], [], 1, 0)
    events.unregister("before-send.s3.GetObject", unreachable)
    pump.pass_("retry", seconds=3600)
    [aside] = map(json.loads, pump.take("retry"))
    assert read_job(DeliverJob, aside["body"]).attempt == 1  # it was not tried
    pump.put("deliver-email", aside["body"])
    pump.run()
    pump.run()

    assert [content for _, _, content in office.carried] == [TICKET]
    assert api.get(f"/v1/notifications/{ids[0]}").body["status"] == "sent"


def test_a_file_that_is_gone_fails_the_letter_with_a_reason_of_its_own(
    api: Gateway, pump: Pump, office: Office, bucket: str
) -> None:
    file = uploaded(api)
    [one] = send(api, {"file": file, "name": "ticket.pdf"}).body["notifications"]
    boto3.client("s3").delete_object(Bucket=bucket, Key=f"files/{file}")

    pump.run()

    [delivery] = api.get(f"/v1/notifications/{one['id']}").body["deliveries"]
    assert (delivery["status"], delivery["reason"]) == ("failed", "attachment_gone")
    assert office.messages == []


def test_a_worker_reads_a_file_once_for_many_letters(api: Gateway, pump: Pump, office: Office) -> None:
    file, read = uploaded(api), list[str]()
    for _ in range(3):
        send(api, {"file": file, "name": "ticket.pdf"})
    Stage.own().s3.meta.events.register("before-send.s3.GetObject", lambda **_: read.append("one"))

    pump.run()

    assert (len(office.messages), len(read)) == (3, 1)


def test_other_channels_go_without_files(api: Gateway, pump: Pump) -> None:
    api.put("/v1/users/anna", {"email": "anna@viewers.example", "locale": "en"})
    answer = api.post(
        "/v1/notifications",
        {
            **PROMO,
            "recipients": [{"user_id": "anna"}],
            "channels": ["live"],
            "attachments": [{"file": uploaded(api), "name": "ticket.pdf"}],
        },
    )
    pump.run()
    told = api.get(f"/v1/notifications/{answer.body['notifications'][0]['id']}").body
    assert [one["status"] for one in told["deliveries"]] == ["sent"]


# ---------------------------------------------------------------- what is refused, at its field

GOOD = {"file": "0d2b0c56-5a0b-4c3e-9a55-0c1d2e3f4a5b", "name": "a.pdf"}
BAD = {
    "no source": ({"name": "a.pdf"}, "attachments[0]", "expected either file or url"),
    "two sources": ({**GOOD, "url": "https://c.example/a"}, "attachments[0]", "expected either file or url"),
    "no name": ({"file": GOOD["file"]}, "attachments[0].name", ""),
    "a name without an ending": ({**GOOD, "name": "ticket"}, "attachments[0].name", "with an ending"),
    "a path": ({**GOOD, "name": "../a.pdf"}, "attachments[0].name", "with an ending"),
    "a program": ({**GOOD, "name": "Setup.EXE"}, "attachments[0].name", "SES refuses files of the type .exe"),
    "a script": ({**GOOD, "name": "a.pdf.js"}, "attachments[0].name", "SES refuses files of the type .js"),
    "a Content-ID with a space": ({**GOOD, "inline": "a b"}, "attachments[0].inline", ""),
    "a file that nobody uploaded": (GOOD, "attachments[0].file", "never uploaded"),
    "an inner address": ({"url": "https://10.0.0.1/a.pdf", "name": "a.pdf"}, "attachments[0].url", "public IP"),
    "plain http": ({"url": "http://c.example/a.pdf", "name": "a.pdf"}, "attachments[0].url", "https"),
    "a Content-ID that the letter does not show": (
        {**GOOD, "inline": "poster"},
        "attachments[0].inline",
        "the HTML of promo does not show cid:poster",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_said_at_its_field(api: Gateway, what: str) -> None:
    attachment, field, words = BAD[what]
    [(at, said)] = what_is_wrong(send(api, attachment))
    assert at == field
    assert words in said


def test_names_and_content_ids_are_given_once(api: Gateway) -> None:
    file = uploaded(api)
    told = what_is_wrong(send(api, {"file": file, "name": "a.pdf"}, {"file": file, "name": "A.PDF"}))
    assert told == [("attachments[1].name", "another attachment has it already")]


def test_an_empty_file_and_one_that_is_too_large_are_refused(api: Gateway) -> None:
    for content in (b"", b"x" * (MAX_BYTES + 1)):
        [(field, said)] = what_is_wrong(send(api, {"file": uploaded(api, content), "name": "a.pdf"}))
        assert (field, said) == ("attachments[0].file", "expected a file of 1 byte to 10 MB")


def test_files_are_10_mb_together_at_most(api: Gateway) -> None:
    files = [{"file": uploaded(api, b"x" * (MAX_BYTES // 2 + n)), "name": f"{n}.pdf"} for n in (0, 1)]
    assert what_is_wrong(send(api, *files)) == [("attachments", "expected at most 10 MB together")]


def test_ten_files_go_and_eleven_do_not(api: Gateway) -> None:
    file = uploaded(api)
    files = [{"file": file, "name": f"{n}.pdf"} for n in range(11)]
    assert send(api, *files[:10]).status == 202
    assert what_is_wrong(send(api, *files))[0][0] == "attachments"


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [(302, TICKET, "it answered 302"), (503, TICKET, "it answered 503"), (200, b"", "1 byte"), (200, None, "404")],
)
def test_an_address_that_gives_no_file_is_refused(
    api: Gateway, server: FileServer, status: int, content: bytes | None, words: str
) -> None:
    url = server.put("a.pdf", content) if content is not None else f"http://127.0.0.1:{server.server_port}/none"
    server.status = status
    [(field, said)] = what_is_wrong(send(api, {"url": url, "name": "a.pdf"}))
    assert field == "attachments[0].url"
    assert words in said


def test_an_address_that_serves_too_much_is_not_read_to_its_end(api: Gateway, server: FileServer) -> None:
    url = server.put("a.pdf", b"x" * (MAX_BYTES + 1))
    assert what_is_wrong(send(api, {"url": url, "name": "a.pdf"}))[0][0] == "attachments[0].url"


def test_an_address_where_nobody_answers_is_refused(api: Gateway, server: FileServer) -> None:
    [(field, said)] = what_is_wrong(send(api, {"url": "http://127.0.0.1:1/a.pdf", "name": "a.pdf"}))
    assert (field, said) == ("attachments[0].url", "the address did not answer")


def test_a_letter_with_files_is_not_planned_beyond_their_life(api: Gateway) -> None:
    late = rfc3339(now() + timedelta(days=91))
    [(field, said)] = what_is_wrong(send(api, {"file": uploaded(api), "name": "a.pdf"}, send_at=late))
    assert field == "send_at"
    assert "within 90 days" in said


def test_a_bucket_that_does_not_answer_is_no_fault_of_the_call(api: Gateway) -> None:
    file = uploaded(api)
    Stage.own().s3.meta.events.register_first("before-send.s3.HeadObject", unreachable)
    assert send(api, {"file": file, "name": "a.pdf"}).status == 503


def test_types_follow_the_name_alone() -> None:
    assert [media_type(f"a.{one}") for one in ("pdf", "PNG", "webp", "docx", "ics", "pkpass", "unheard")] == [
        "application/pdf",
        "image/png",
        "image/webp",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "text/calendar",
        "application/vnd.apple.pkpass",
        "application/octet-stream",
    ]


def test_a_picture_is_shown_by_its_content_id_and_missed_where_it_is_not_attached(
    api: Gateway, pump: Pump, office: Office
) -> None:
    template = {
        "category": "marketing",
        "channels": ["email"],
        "default_locale": "en",
        "variables": {},
        "locales": {"en": {"email.subject": "Tonight", "email.html": '<img src="cid:poster" alt="The Lighthouse">'}},
    }
    stored = api.put("/v1/templates/lighthouse", template)
    assert stored.status == 200, stored.text
    call = {"template": "lighthouse", "recipients": [{"email": "anna@example.com"}]}

    [(field, said)] = what_is_wrong(api.post("/v1/notifications", call))
    picture = {"file": uploaded(api, b"\x89PNG"), "name": "poster.png", "inline": "poster"}
    assert api.post("/v1/notifications", {**call, "attachments": [picture]}).status == 202
    pump.run()

    assert (field, "cid:poster" in said) == ("attachments", True)
    assert office.messages[0].files == (AttachedFile("poster.png", "image/png", b"\x89PNG", "poster"),)
