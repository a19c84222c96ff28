"""The files of exports, in the bucket of uploaded lists under `exports/`: it forgets everything after a week, and parts
of an upload that was never completed after a day."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.aws_session import FAILURES, failure_of, reaching
from chalicelib.storage.recipient_exports import Part

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URL_SECONDS = 300
LEAST_PART_BYTES = 5 * 1024 * 1024  # S3: of every part but the last
_SILENT = "the bucket of exports did not answer"
_MISSING = ("NoSuchKey", "404", "AccessDenied")  # without the right to list, a missing file is a forbidden one


class ExportFiles:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, s3: "S3Client", *, account: Callable[[], str], prefix: str) -> None:
        self._s3 = s3
        self._account = account
        self._prefix = prefix

    def begin(self, export_id: str) -> str:
        """The id of a new upload."""
        with reaching(_SILENT):
            answer = self._s3.create_multipart_upload(
                Bucket=self._bucket, Key=_key(export_id), ContentType="text/csv; charset=utf-8"
            )
        return answer["UploadId"]

    def put_part(self, export_id: str, upload_id: str, number: int, content: bytes) -> Part | None:
        """Uploads a part; None if the upload is gone: completed, or forgotten."""
        try:
            answer = self._s3.upload_part(
                Bucket=self._bucket, Key=_key(export_id), UploadId=upload_id, PartNumber=number, Body=content
            )
        except ClientError as error:
            _require_gone(error)
            return None
        except FAILURES as error:
            raise failure_of(error, _SILENT) from error
        return Part(number, answer["ETag"])

    def complete(self, export_id: str, upload_id: str, parts: Sequence[Part]) -> bool:
        """Makes the file; False if the upload is gone without having become one. May be repeated."""
        named = [{"PartNumber": one.number, "ETag": one.etag} for one in parts]
        try:
            self._s3.complete_multipart_upload(
                Bucket=self._bucket,
                Key=_key(export_id),
                UploadId=upload_id,
                MultipartUpload={"Parts": named},  # type: ignore[typeddict-item]
            )
        except ClientError as error:
            _require_gone(error)
            return self._is_there(export_id)
        except FAILURES as error:
            raise failure_of(error, _SILENT) from error
        return True

    def put_rest(self, export_id: str, number: int, content: bytes) -> None:
        """What is too small for a part, until the next step."""
        with reaching(_SILENT):
            self._s3.put_object(Bucket=self._bucket, Key=_rest(export_id, number), Body=content)

    def rest(self, export_id: str, number: int) -> bytes:
        with reaching(_SILENT):
            return self._s3.get_object(Bucket=self._bucket, Key=_rest(export_id, number))["Body"].read()

    def drop_rest(self, export_id: str, number: int) -> None:
        with reaching(_SILENT):
            self._s3.delete_object(Bucket=self._bucket, Key=_rest(export_id, number))

    def clear(self, export_id: str, upload_id: str | None) -> None:
        """Removes the file, and what was uploaded of it; idempotent."""
        with reaching(_SILENT):
            self._s3.delete_object(Bucket=self._bucket, Key=_key(export_id))
        if upload_id is not None:
            self.abort(export_id, upload_id)

    def abort(self, export_id: str, upload_id: str) -> None:
        """Removes what was uploaded, unless it has become a file; idempotent."""
        try:
            self._s3.abort_multipart_upload(Bucket=self._bucket, Key=_key(export_id), UploadId=upload_id)
        except ClientError as error:
            _require_gone(error)
        except FAILURES as error:
            raise failure_of(error, _SILENT) from error

    def url(self, export_id: str, *, file_name: str) -> str:
        """Where it can be downloaded within URL_SECONDS, under this name (ASCII)."""
        shown = f'attachment; filename="{file_name}"'
        return self._s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": _key(export_id), "ResponseContentDisposition": shown},
            ExpiresIn=URL_SECONDS,
        )

    def _is_there(self, export_id: str) -> bool:
        try:
            self._s3.head_object(Bucket=self._bucket, Key=_key(export_id))
        except ClientError as error:
            if error.response["Error"]["Code"] in (*_MISSING, "403"):
                return False
            raise failure_of(error, _SILENT) from error
        except FAILURES as error:
            raise failure_of(error, _SILENT) from error
        return True

    @cached_property
    def _bucket(self) -> str:
        with reaching("AWS did not say whose account this is"):
            return f"{self._prefix}-{self._account()}-{self._s3.meta.region_name}"


def _require_gone(error: ClientError) -> None:
    if error.response["Error"]["Code"] != "NoSuchUpload":
        raise failure_of(error, _SILENT) from error


def _key(export_id: str) -> str:
    return f"exports/{export_id}.csv"


def _rest(export_id: str, number: int) -> str:
    return f"exports/{export_id}/{number}"
