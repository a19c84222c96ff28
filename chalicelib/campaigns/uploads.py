"""Storage of uploaded lists: a private bucket, written through signed URLs."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.aws_session import FAILURES, failure_of, reaching

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL_SECONDS = 900
CONTENT_TYPE = "text/csv"
PIECE_BYTES = 64 * 1024


class S3Uploads:
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
        """See `campaigns.list_loader.Uploads`."""
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
