"""Uploaded lists: a private bucket written through signed URLs, read as a stream into blocks with an index of their
addresses (ADR 0064). They hold addresses, so they are deleted once no longer needed."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws_session import FAILURES, failure_of, reaching
from chalicelib.campaigns.jobs import LoadJob
from chalicelib.campaigns.list_file import BadListError, ListReport, read_rows
from chalicelib.campaigns.model import shown_spec
from chalicelib.clock import is_id
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.isolation import portions
from chalicelib.manifest import Queue
from chalicelib.observability import Line, Work
from chalicelib.pipeline.jobs import read_job
from chalicelib.schemas import passed
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.states import OVER, ListState
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.list_index import ListIndex
from chalicelib.storage.recipient_lists import RecipientList, RecipientLists

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PAGE = 100
_TRIES = 3
BLOCK_ROWS = 500
# DynamoDB: 400 KB an item. What cannot be made smaller takes up to three bytes a character of its JSON.
_BLOCK_CHARACTERS = 100_000

URL_SECONDS = 900
CONTENT_TYPE = "text/csv"
PIECE_BYTES = 64 * 1024


class Uploads:
    """The bucket `<prefix>-<account>-<region>`: bucket names are global."""

    def __init__(self, s3: "S3Client", *, account: Callable[[], str], prefix: str) -> None:
        self._s3 = s3
        self._account = account
        self._prefix = prefix

    def url(self, list_id: str) -> str:
        """Where the file may be PUT, repeatedly, within URL_SECONDS. Raises: UnavailableError (retryable)."""
        return self._s3.generate_presigned_url(
            "put_object",
            Params={"Bucket": self._bucket, "Key": _key(list_id), "ContentType": CONTENT_TYPE},
            ExpiresIn=URL_SECONDS,
        )

    def put(self, list_id: str, file: bytes) -> None:
        """Stores a file that came through the managers' pages. Raises: UnavailableError (retryable)."""
        try:
            self._s3.put_object(Bucket=self._bucket, Key=_key(list_id), Body=file, ContentType=CONTENT_TYPE)
        except FAILURES as error:
            raise failure_of(error, "the bucket of uploads did not answer") from error

    def pieces(self, list_id: str) -> Iterable[bytes] | None:
        """The uploaded file in pieces of some KB; None if there is none. Raises: UnavailableError (retryable)."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=_key(list_id))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404", "AccessDenied"):
                return None  # without the right to list, a missing file is a forbidden one
            raise failure_of(error, "the bucket of uploads did not answer") from error
        except FAILURES as error:
            raise failure_of(error, "the bucket of uploads did not answer") from error
        return answer["Body"].iter_chunks(PIECE_BYTES)

    @cached_property
    def _bucket(self) -> str:
        with reaching("AWS did not say whose account this is"):
            return f"{self._prefix}-{self._account()}-{self._s3.meta.region_name}"


def _key(list_id: str) -> str:
    return f"{list_id}.csv"


def load_list(list_id: str, *, lists: RecipientLists, queues: JobQueue, sight: Sight = EVERYTHING) -> RecipientList:
    """Reads an uploaded file in the background. Raises: NotFoundError, ConflictError (permanent: it was read already,
    and campaigns may rely on it), UnavailableError (retryable)."""
    lists.get(list_id, sight=sight)
    begun = lists.begin_loading(list_id)
    if begun is None:
        raise ConflictError(Phrase("the list was loaded already; upload another one under a new id"))
    queues.put(Queue.LOAD, [Outgoing(passed(LoadJob(list_id=list_id)))])
    return begun


def forget_list(
    list_id: str,
    *,
    lists: RecipientLists,
    campaigns: Campaigns,
    seen: Seen | None = None,
    sight: Sight = EVERYTHING,
) -> None:
    """Deletes a list for good; idempotent, and completes a deletion that failed half-way. Raises: NotFoundError
    (permanent: there never was such a list), ChangedError (permanent: it is not what was `seen`), ConflictError
    (permanent: it is being read, or used by an unfinished campaign), UnavailableError (retryable)."""
    for _ in range(_TRIES):
        found = lists.find(list_id, sight=sight)
        if found is None:
            if is_id(list_id):
                return
            raise NotFoundError(Phrase("there is no list {id}", id=list_id))
        if found.deleting_at is None:
            if seen is not None:
                seen.require(found.fields(), what=Phrase("the list {id}", id=list_id))
            _refuse_needed(found, campaigns, sight)
            if not lists.close(found):
                continue
        lists.delete(list_id)
        return
    raise ConflictError(Phrase("the list is being changed by others; try again"))


def _refuse_needed(found: RecipientList, campaigns: Campaigns, sight: Sight) -> None:
    if found.state == ListState.LOADING:
        raise ConflictError(Phrase("the list is being read"))
    cursor: str | None = None
    while True:
        heads, cursor = campaigns.page(limit=_PAGE, cursor=cursor)
        for head in heads:
            if head.state not in OVER and shown_spec(head).audience.list_id == found.list_id:
                name = head.id if sight.has(head.service, by=head.created_by) else "of another service or a manager"
                raise ConflictError(Phrase("the campaign {id} is for this list: cancel it first", id=name))
        if cursor is None:
            return


class ListLoader:
    """Reads uploaded files. Loading a file again writes the same blocks."""

    def __init__(self, *, lists: RecipientLists, uploads: Uploads) -> None:
        self._lists = lists
        self._uploads = uploads

    def load(self, list_id: str) -> str:
        """Reads a list's file; returns the list's state then. An unreadable file makes a failed list, with the reason.
        Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        found = self._lists.get(list_id)
        if found.state == ListState.READY:
            return found.state
        file, report = self._uploads.pieces(list_id), ListReport()
        blocks, content = 0, ""
        problem: Phrase | None = Phrase("no file was uploaded")
        if file is not None:
            try:
                blocks, content = self._write_blocks(list_id, read_rows(file, report), report)
                problem = None if report.good else Phrase("the file has no good row")
            except BadListError as error:
                report, problem = ListReport(), error.why
        loaded = found._replace(
            state=ListState.FAILED if problem else ListState.READY,
            problem=problem,
            row_count=report.good,
            content="" if problem else content,
            bad_count=report.bad,
            bad_lines=report.lines,
        )
        self._lists.finish_loading(loaded, blocks=0 if problem else blocks)
        return loaded.state

    def _write_blocks(self, list_id: str, rows: Iterable[Mapping[str, Any]], report: ListReport) -> tuple[int, str]:
        """How many blocks there are, and the digest of all rows."""
        content, number, index = hashlib.sha256(), 0, ListIndex()
        # In blocks that fit into a DynamoDB item, whatever the rows hold.
        for block in portions(rows, most=BLOCK_ROWS, room=_BLOCK_CHARACTERS, size=_characters):
            content.update(self._lists.put_block(list_id, number, block))
            for address in (row["email"] for row in block if row.get("email")):
                index.add(address, number)
            number += 1
        self._lists.put_index(list_id, index, rows=report.good)
        return number, content.hexdigest()


def _characters(row: Mapping[str, Any]) -> int:
    return sum(len(str(value)) for value in row.values())


def load_work(loader: ListLoader) -> Work:
    def work(body: str) -> Line:
        job = read_job(LoadJob, body)
        return Line(ids=[job.list_id], counts={loader.load(job.list_id): 1})

    return work
