"""The bucket of files that letters carry. Nothing in it is ever changed: an upload is taken once, and what was fetched
is named by its content. It forgets them by age: `files/` and `letters/` as the ledger forgets letters, `campaigns/`
later, counted from the last run (`infra/template.yaml`)."""

from collections.abc import Callable
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from chalicelib.attachments import KeptFile
from chalicelib.aws_session import FAILURES, failure_of, reaching

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL_SECONDS = 900
UPLOAD_HEADERS = {"Content-Type": "application/octet-stream", "If-None-Match": "*"}
_T = TypeVar("_T")
_SILENT = "the bucket of attachments did not answer"
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
_UPLOADED, _FETCHED, _LASTING = "files/", "letters/", "campaigns/"


class AttachmentFiles:
    """The bucket `<prefix>-<account>-<region>`: bucket names are global. Every method raises: UnavailableError
    (retryable)."""

    def __init__(self, s3: "S3Client", *, account: Callable[[], str], prefix: str) -> None:
        self._s3 = s3
        self._account = account
        self._prefix = prefix

    def upload_url(self, file_id: str) -> str:
        """Where a file may be PUT, with UPLOAD_HEADERS and only once, within URL_SECONDS."""
        return self._s3.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": f"{_UPLOADED}{file_id}",
                "ContentType": UPLOAD_HEADERS["Content-Type"],
                "IfNoneMatch": UPLOAD_HEADERS["If-None-Match"],
            },
            ExpiresIn=URL_SECONDS,
        )

    def upload(self, file_id: str, content: bytes) -> None:
        """Stores a file that came through the managers' pages."""
        self._put(f"{_UPLOADED}{file_id}", content)

    def uploaded(self, file_id: str) -> KeptFile | None:
        """The file with that id; None: it was never uploaded, or is no longer kept."""
        key = f"{_UPLOADED}{file_id}"
        found = _unless_missing(lambda: self._s3.head_object(Bucket=self._bucket, Key=key))
        return KeptFile(key=key, size=found["ContentLength"]) if found else None

    def keep(self, content: bytes) -> KeptFile:
        """Keeps what was fetched under its content's name."""
        key = f"{_FETCHED}{sha256(content).hexdigest()}"
        self._put(key, content)
        return KeptFile(key=key, size=len(content))

    def lasting(self, key: str) -> str | None:
        """The key of the same file, kept from now on as long as a campaign may need it; None: it is no longer there."""
        lasting = f"{_LASTING}{key.rpartition('/')[2]}"
        found = _unless_missing(
            lambda: self._s3.copy_object(
                Bucket=self._bucket,
                Key=lasting,
                CopySource={"Bucket": self._bucket, "Key": key},
                MetadataDirective="REPLACE",  # without it S3 refuses to copy an object onto itself
            )
        )
        return lasting if found else None

    def read(self, key: str) -> bytes | None:
        """Its bytes; None: it is no longer there."""
        return _unless_missing(lambda: self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def _put(self, key: str, content: bytes) -> None:
        with reaching(_SILENT):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)

    @cached_property
    def _bucket(self) -> str:
        with reaching("AWS did not say whose account this is"):
            return f"{self._prefix}-{self._account()}-{self._s3.meta.region_name}"


def _unless_missing(ask: Callable[[], _T]) -> _T | None:
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise failure_of(error, _SILENT) from error
    except FAILURES as error:
        raise failure_of(error, _SILENT) from error
