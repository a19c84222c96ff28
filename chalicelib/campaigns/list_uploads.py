"""The bucket of uploaded lists: each file as it came, and the lines of it that were left out. Both hold addresses: the
bucket forgets them after a week."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from chalicelib.aws_session import FAILURES, failure_of, reaching

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL_SECONDS = 900
CONTENT_TYPE = "text/csv"
PIECE_BYTES = 64 * 1024
KEPT_DAYS = 7
MAX_BYTES = 500_000_000
MAX_REFUSED_BYTES = 16_000_000  # more than `list_refused` writes
_REFUSED = "refused.jsonl"
_SILENT = "the bucket of uploads did not answer"


class FilePiece(NamedTuple):
    """Some bytes of a stored file, and the size of the whole."""

    content: bytes
    whole_bytes: int


class StoredFile(NamedTuple):
    """A stored file, to be read once."""

    pieces: Iterable[bytes]
    size_bytes: int


class Uploads:
    """The bucket `<prefix>-<account>-<region>`: bucket names are global. Every method raises: UnavailableError
    (retryable)."""

    def __init__(self, s3: "S3Client", *, account: Callable[[], str], prefix: str) -> None:
        self._s3 = s3
        self._account = account
        self._prefix = prefix

    def url(self, list_id: str) -> str:
        """Where the file may be PUT, repeatedly, within URL_SECONDS."""
        return self._s3.generate_presigned_url(
            "put_object",
            Params={"Bucket": self._bucket, "Key": _key(list_id), "ContentType": CONTENT_TYPE},
            ExpiresIn=URL_SECONDS,
        )

    @cached_property
    def place(self) -> str:
        """What all of these addresses begin with."""
        return self.url("").partition("?")[0].removesuffix(_key(""))

    def put(self, list_id: str, file: bytes) -> None:
        """Stores a file that came through the managers' pages."""
        self._put(_key(list_id), file, CONTENT_TYPE)

    def put_refused(self, list_id: str, lines: bytes) -> None:
        """Stores the lines that were left out, over those of an earlier file."""
        self._put(_key(list_id, _REFUSED), lines, "application/jsonl")

    def file(self, list_id: str) -> StoredFile | None:
        """The uploaded file in pieces of some KB; None if there is none."""
        answer = self._get(_key(list_id))
        return None if answer is None else StoredFile(answer["Body"].iter_chunks(PIECE_BYTES), answer["ContentLength"])

    def head(self, list_id: str, most: int) -> FilePiece | None:
        """The first bytes of the uploaded file; None if there is none."""
        return self._piece(_key(list_id), 0, most)

    def refused(self, list_id: str, *, start: int = 0, most: int = MAX_REFUSED_BYTES) -> FilePiece | None:
        """Some bytes of the lines that were left out; None if there are none, or no longer."""
        return self._piece(_key(list_id, _REFUSED), start, most)

    def _piece(self, key: str, start: int, most: int) -> FilePiece | None:
        answer = self._get(key, Range=f"bytes={start}-{start + most - 1}")
        if answer is None:
            return None
        if "Body" not in answer:
            return FilePiece(b"", start)
        whole = int(str(answer.get("ContentRange", "")).rpartition("/")[2] or answer["ContentLength"])
        with reaching(_SILENT):
            return FilePiece(answer["Body"].read(), whole)

    def _put(self, key: str, content: bytes, kind: str) -> None:
        with reaching(_SILENT):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=kind)

    def _get(self, key: str, **how: Any) -> Any:
        """The answer; None: there is no such object; empty: it ends before the range."""
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key, **how)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404", "AccessDenied"):
                return None  # without the right to list, a missing file is a forbidden one
            if error.response["Error"]["Code"] in ("InvalidRange", "416"):
                return {}
            raise failure_of(error, _SILENT) from error
        except FAILURES as error:
            raise failure_of(error, _SILENT) from error

    @cached_property
    def _bucket(self) -> str:
        with reaching("AWS did not say whose account this is"):
            return f"{self._prefix}-{self._account()}-{self._s3.meta.region_name}"


def _key(list_id: str, kind: str = "csv") -> str:
    return f"{list_id}.{kind}"
