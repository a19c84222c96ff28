"""The recipients of a run as a CSV file: whole, harmless to spreadsheets, and each recipient once, whenever a worker
dies."""

import csv
import io
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import moto.s3.models as moto_s3
import pytest
from botocore.exceptions import ClientError
from moto.core.models import botocore_stubber

from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.campaigns import export_writer as writing
from chalicelib.campaigns.csv_cells import csv_lines
from chalicelib.campaigns.jobs import ExportJob, LoadJob
from chalicelib.campaigns.run_pass import Wanted
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.clock import new_id
from chalicelib.errors import NewerError
from chalicelib.manifest import Queue
from chalicelib.pipeline.jobs import read_job
from chalicelib.schemas import passed
from chalicelib.stage.app import Stage
from chalicelib.states import ExportState
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.run_outcomes import RunPlace, letters_of_run
from chalicelib.storage.runs import Run
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.campaigns.conftest import Desk, PostOffice, Viewers
from tests.integration.conftest import bucket_of
from tests.twin.client import Sent

GUESTS = 'email,name\n=cmd@guests.example,"=HYPERLINK(""https://evil.example"")"\nb@guests.example,"Боря, ""Б"""\n'


class _S3:
    """moto stumbles over a part of an upload that was completed or aborted; S3 says so ("UploadPart", NoSuchUpload)."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def upload_part(self, **part: Any) -> Any:
        try:
            return self._client.upload_part(**part)
        except KeyError as error:
            raise ClientError({"Error": {"Code": "NoSuchUpload"}}, "UploadPart") from error


class KilledError(BaseException):
    """Lambda ends the process."""


@pytest.fixture
def run(desk: Desk, viewers: Viewers, office: PostOffice) -> Run:
    """A finished run with 60 recipients, of whom three have no address, and one was refused."""
    viewers(60, lambda n: {"email": None} if n < 3 else {})
    office.verdicts["u-00003@example.com"] = Outcome(Verdict.REFUSED, reason="rejected")
    campaign = desk.start()
    desk.finish()
    return desk.runs(campaign)[0]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a file may be as small as a few rows."""
    monkeypatch.setattr(moto_s3, "S3_UPLOAD_PART_MIN_SIZE", 1000)
    monkeypatch.setattr(writing, "LEAST_PART_BYTES", 1000)
    monkeypatch.setattr(writing, "PAGE_ROWS", 20)
    monkeypatch.setattr(Stage.own(), "s3", _S3(Stage.own().s3))


@pytest.fixture
def api(run: Run) -> Gateway:
    """The API, called by a manager who may do everything."""
    return gateway()


def begin(run: Run, wanted: Wanted | None = None) -> ExportJob:
    """An export, and its first message."""
    made = Stage.own().run_exports.begin(run, wanted or Wanted(), by="anna", export_id=new_id())
    return ExportJob(v=2, campaign_id=run.campaign_id, scheduled_at=run.scheduled_at, export_id=made.export_id)


def rows_of(content: bytes) -> list[dict[str, str]]:
    """The rows of a file, as a spreadsheet reads it."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def file_of(job: ExportJob) -> bytes:
    return bytes(
        boto3.client("s3").get_object(Bucket=bucket_of("lists"), Key=f"exports/{job.export_id}.csv")["Body"].read()
    )


def left_over() -> list[str]:
    """Everything in the bucket, and uploads that were not completed."""
    s3 = boto3.client("s3")
    objects = s3.list_objects_v2(Bucket=bucket_of("lists")).get("Contents", [])
    uploads = s3.list_multipart_uploads(Bucket=bucket_of("lists")).get("Uploads", [])
    return [one["Key"] for one in (*objects, *uploads)]


def test_a_file_has_every_recipient_once_with_what_became_of_their_letter(api: Gateway, run: Run, desk: Desk) -> None:
    path = f"/v1/campaigns/{run.campaign_id}/runs/{run.run_id}/exports"
    begun = api.post(path, {})
    assert (begun.status, begun.body["state"], begun.body["url"]) == (202, "writing", None)
    assert desk.pump.run() == []

    done = api.get(f"{path}/{begun.body['id']}").body

    assert (done["state"], done["rows"], done["about"], done["percent"]) == ("ready", 60, 60, 100)
    assert done["url"].startswith("https://") and "X-Amz-Expires=300" in done["url"]
    content = file_of(ExportJob(campaign_id="", scheduled_at="", export_id=done["id"]))
    assert len(content) == done["size_bytes"]
    assert content.startswith(b"\xef\xbb\xbfuser_id,email,phone,name,channel,status,reason,")
    assert content.count(b"\r\n") == content.count(b"\n") == 61
    rows = rows_of(content)
    assert len({one["user_id"] for one in rows}) == len({one["notification_id"] for one in rows}) == 60
    assert Counter((one["status"], one["reason"]) for one in rows) == {
        ("sent", ""): 56, ("skipped", "no_address"): 3, ("failed", "rejected"): 1}  # fmt: skip
    (one,) = [one for one in rows if one["user_id"] == "u-00042"]
    assert (one["email"], one["name"], one["channel"]) == ("u-00042@example.com", "Viewer 42", "email")
    assert [one["id"] for one in api.get(path).body["exports"]] == [done["id"]]


@pytest.mark.parametrize(
    ("body", "rows"), [({"status": "skipped"}, 3), ({"reason": "rejected"}, 1), ({"engagement": "opened"}, 0)]
)
def test_a_part_is_exported_alone(api: Gateway, run: Run, desk: Desk, body: dict[str, str], rows: int) -> None:
    path = f"/v1/campaigns/{run.campaign_id}/runs/{run.run_id}/exports"
    made = api.post(path, body).body
    desk.pump.run()

    assert api.get(f"{path}/{made['id']}").body["rows"] == rows
    assert len(rows_of(file_of(ExportJob(campaign_id="", scheduled_at="", export_id=made["id"])))) == rows


def test_no_cell_is_a_formula(desk: Desk) -> None:
    campaign = desk.start(audience={"list_id": desk.load_list(GUESTS.encode())})
    desk.finish()
    job = begin(desk.runs(campaign)[0])
    desk.pump.run()

    people = {(one["email"], one["name"]) for one in rows_of(file_of(job))}

    assert people == {
        ("b@guests.example", 'Боря, "Б"'),
        ("'=cmd@guests.example", '\'=HYPERLINK("https://evil.example")'),
    }
    for sign in ("=", "+", "-", "@", "\t", "\r", "\n", "＝"):
        assert rows_of(b"a\r\n" + csv_lines([[f"{sign}1+1"]])) == [{"a": f"'{sign}1+1"}], sign


class Deadly:
    """Ends the process at the n-th request, before it leaves or once it has arrived."""

    def __init__(self, n: int, *, arrives: bool) -> None:
        self.left = n
        self.arrives = arrives

    def __call__(self, request: Any, **_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            if self.arrives:
                request.arrive() if isinstance(request, Sent) else botocore_stubber(event_name="", request=request)
            raise KilledError

    def __enter__(self) -> "Deadly":
        for client in self._clients():
            client.meta.events.register_first("before-send", self)
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients():
            client.meta.events.unregister("before-send", self)

    def _clients(self) -> list[Any]:
        return [dynamodb().client, Stage.own().s3, Stage.own().sqs]


def finished(job: ExportJob, desk: Desk, take: Callable[[ExportJob], str]) -> None:
    """Lets the queue deliver the message until the file is there; each time the lease of a dead worker is over."""
    for _ in range(20):
        try:
            if take(job) in ("ready", "stale"):
                return
        except KilledError:
            desk.clock.pass_(seconds=181)
    raise AssertionError("it never ends")


@pytest.mark.parametrize("arrives", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("short", [False, True], ids=["parts", "rests"])
def test_a_worker_may_die_at_every_request(
    run: Run, desk: Desk, small_parts: None, monkeypatch: pytest.MonkeyPatch, *, arrives: bool, short: bool
) -> None:
    """Promise D3: steps that end with a part or by their time, each resumed from where the last has ended."""
    if short:
        monkeypatch.setattr(writing, "STEP_SECONDS", -1.0)
    whole = begin(run)
    finished(whole, desk, Stage.own().export_writer.take)
    expected = file_of(whole)
    assert len(rows_of(expected)) == 60
    n = 0
    while True:
        n += 1
        job = begin(run)
        with Deadly(n, arrives=arrives) as fault:
            finished(job, desk, Stage.own().export_writer.take)
        assert file_of(job) == expected, n
        found = Stage.own().exports.find(run.run_id, job.export_id)
        assert found is not None
        assert (found.state, found.rows) == (ExportState.READY, 60), n
        assert found.size_bytes == len(expected)
        if fault.left > 0:
            break
    assert n > 30
    assert found.step >= 3


def test_two_workers_with_one_message_write_one_file(
    run: Run, desk: Desk, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise D3: a message that comes twice, in the middle of the other's step, and a worker that is only slow."""
    job, other = begin(run), Stage.own().export_writer
    states: list[str] = []
    waits = iter([0, 200])  # the lease holds, then it does not: the other ends the file
    put = Stage.own().export_files.put_part

    def slow(*given: Any) -> Any:
        if (seconds := next(waits, None)) is not None:
            desk.clock.pass_(seconds=seconds)
            states.append(other.take(job))
        return put(*given)

    monkeypatch.setattr(Stage.own().export_files, "put_part", slow)
    states.append(other.take(job))

    assert states == ["waits", "ready", "stale"]
    assert len({one["notification_id"] for one in rows_of(file_of(job))}) == len(rows_of(file_of(job))) == 60
    desk.pump.pass_(Queue.LOAD, seconds=900)
    assert desk.pump.run() == []
    assert left_over() == [f"exports/{job.export_id}.csv"]


def test_an_upload_that_s3_has_forgotten_fails(run: Run, desk: Desk, small_parts: None, api: Gateway) -> None:
    job, monotonic = begin(run), iter([0.0, 0.0, 0.0, 100.0, 100.0])
    Stage.own().export_writer.monotonic = lambda: next(monotonic, 100.0)
    assert Stage.own().export_writer.take(job) == "continued"
    found = Stage.own().exports.find(run.run_id, job.export_id)
    assert found is not None
    Stage.own().export_files.clear(job.export_id, found.upload_id)

    assert desk.pump.run() == []
    path = f"/v1/campaigns/{run.campaign_id}/runs/{run.run_id}/exports/{job.export_id}"
    assert (api.get(path).body["state"], left_over()) == ("failed", [])


def test_a_long_one_takes_turns_with_lists(
    run: Run, desk: Desk, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BUDGET_SECONDS", 0.0)
    job = begin(run)
    assert Stage.own().export_writer.take(job) == "continued"
    monkeypatch.setattr(writing, "BUDGET_SECONDS", 60.0)
    assert desk.pump.run() == []

    assert len(rows_of(file_of(job))) == 60


@pytest.mark.parametrize("when", ["before", "amid", "after"])
def test_one_that_is_given_up_leaves_nothing(api: Gateway, run: Run, desk: Desk, small_parts: None, when: str) -> None:
    """Promise D3."""
    job = begin(run)
    path = f"/v1/campaigns/{run.campaign_id}/runs/{run.run_id}/exports/{job.export_id}"
    if when == "amid":
        put = Stage.own().export_files.put_part
        Stage.own().export_files.put_part = lambda *given: (api.delete(path), put(*given))[1]  # type: ignore[method-assign]
    elif when == "after":
        desk.pump.run()
        assert left_over()
    if when != "amid":
        assert api.delete(path).status == 204
    desk.pump.run()

    assert (left_over(), api.get(path).status, api.delete(path).status) == ([], 404, 204)
    assert api.delete(path.replace(job.export_id, "none")).status == 404


def test_three_are_written_at_a_time(api: Gateway, run: Run, desk: Desk) -> None:
    path = f"/v1/campaigns/{run.campaign_id}/runs/{run.run_id}/exports"
    made = [api.post(path, {}).status for _ in range(4)]
    desk.pump.run()

    assert (made, api.post(path, {}).status) == ([202, 202, 202, 409], 202)


def test_the_same_key_begins_one(api: Gateway, run: Run) -> None:
    path = f"/v1/campaigns/{run.campaign_id}/runs/{run.run_id}/exports"
    first, again = (api.post(path, {}, **{"Idempotency-Key": "export-1"}) for _ in range(2))

    assert first.body["id"] == again.body["id"]
    assert len(api.get(path).body["exports"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [({"status": "gone"}, "status"), ({"channel": "sms"}, "channel"), ({"engagement": "slept"}, "engagement")],
)
def test_what_is_wrong_is_named(api: Gateway, run: Run, body: dict[str, str], field: str) -> None:
    answer = api.post(f"/v1/campaigns/{run.campaign_id}/runs/{run.run_id}/exports", body)

    assert (answer.status, answer.bad_fields) == (422, [field])


def test_a_service_exports_runs_of_its_own_campaigns(api: Gateway, run: Run) -> None:
    path = f"/v1/campaigns/{run.campaign_id}/runs/{run.run_id}/exports"
    assert Gateway(create_key("shop", [Scope.READ])).post(path, {}).status == 404
    assert Gateway(create_key("shop", [Scope.CAMPAIGNS_READ_ALL])).post(path, {}).status == 403
    assert Gateway(create_key("shop", [Scope.READ, Scope.READ_ALL])).post(path, {}).status == 202


def test_after_a_week_it_is_gone(api: Gateway, run: Run, desk: Desk) -> None:
    job = begin(run)
    desk.pump.run()
    path = f"/v1/campaigns/{run.campaign_id}/runs/{run.run_id}/exports/{job.export_id}"
    assert api.get(path).status == 200
    desk.clock.pass_(days=7, seconds=1)

    assert api.get(path).status == 404


def test_a_worker_of_the_last_release_puts_it_aside(run: Run) -> None:
    with pytest.raises(NewerError):
        read_job(LoadJob, passed(begin(run)))


def test_progress_is_told_by_what_was_looked_through(run: Run) -> None:
    """Whatever is wanted of it: the names of chunks are spread evenly."""
    place: RunPlace | None = RunPlace()
    shares = []
    while place is not None:
        shares.append(place.share(run.homes or 1))
        _, place = letters_of_run(run.run_id, run.channels, lambda _: True, limit=1, after=place, homes=run.homes or 1)
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] < 1
    chunks = [RunPlace(0, f"{sign}aaaaaaaaaaaa") for sign in "234567abcdefghijklmnopqrstuvwxyz"]
    assert [round(32 * one.share(1)) for one in chunks] == list(range(32))
    assert RunPlace(4, "").share(5) == partial(round, 0.8, 1)()
