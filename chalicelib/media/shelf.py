"""The bucket of pictures, `<prefix>-<account>-<region>`. `originals/` holds uploads until they are ready, `media/` what
letters show, under names that follow from the content: a CDN serves it, and nobody lists it.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.aws_session import FAILURES, failure_of, reaching

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOR_EVER = "public, max-age=31536000, immutable"
FORGOTTEN = "forgotten=yes"  # by this tag the bucket deletes them (`infra/template.yaml`)
_SILENT = "the bucket of pictures did not answer"
# Without the right to list, a missing object is a forbidden one.
_MISSING = ("NoSuchKey", "404", "AccessDenied")


class Shelf:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, s3: Callable[[], "S3Client"], *, account: Callable[[], str], prefix: str) -> None:
        self._make_s3 = s3
        self._account = account
        self._prefix = prefix

    def put_original(self, picture_id: str, content: bytes) -> None:
        with reaching(_SILENT):
            self._s3.put_object(Bucket=self._bucket, Key=_original(picture_id), Body=content)

    def original(self, picture_id: str) -> bytes | None:
        """The upload; None if it is gone."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=_original(picture_id))
            return answer["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise failure_of(error, _SILENT) from error
        except FAILURES as error:
            raise failure_of(error, _SILENT) from error

    def drop_original(self, picture_id: str) -> None:
        with reaching(_SILENT):
            self._s3.delete_object(Bucket=self._bucket, Key=_original(picture_id))

    def put(self, name: str, content: bytes, *, content_type: str) -> None:
        """Stores what letters show."""
        with reaching(_SILENT):
            self._s3.put_object(
                Bucket=self._bucket, Key=name, Body=content, ContentType=content_type, CacheControl=FOR_EVER
            )

    def forget(self, names: Iterable[str], *, content_type: str) -> None:
        """Lets pictures go: letters that were sent show them for the stage's retention, counted from now. A missing one
        is fine."""
        for name in names:
            try:
                self._s3.copy_object(
                    Bucket=self._bucket,
                    Key=name,
                    CopySource={"Bucket": self._bucket, "Key": name},
                    MetadataDirective="REPLACE",  # a copy onto itself has to change something; its age begins again
                    ContentType=content_type,
                    CacheControl=FOR_EVER,
                    TaggingDirective="REPLACE",
                    Tagging=FORGOTTEN,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _MISSING:
                    raise failure_of(error, _SILENT) from error
            except FAILURES as error:
                raise failure_of(error, _SILENT) from error

    @cached_property
    def _s3(self) -> "S3Client":
        return self._make_s3()

    @cached_property
    def _bucket(self) -> str:
        with reaching("AWS did not say whose account this is"):
            return f"{self._prefix}-{self._account()}-{self._s3.meta.region_name}"


def _original(picture_id: str) -> str:
    return f"originals/{picture_id}"
