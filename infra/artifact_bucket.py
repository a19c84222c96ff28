"""The bucket of artifacts: created if missing and corrected as needed. Somebody else's bucket is never used."""

import json
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from infra.stacks import DeployError

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_s3 import S3Client

_KEPT_DAYS = 90  # for this long, what was overwritten or deleted can be restored


def keep_to_owner(s3: "S3Client", owner: str) -> None:
    """Makes every call of this client name the account that must own the bucket: bucket names are global, and somebody
    may have been quicker (AWS, "Verifying bucket ownership with bucket owner condition")."""

    def name_owner(params: dict[str, Any], model: "OperationModel", **_: object) -> None:
        if model.input_shape and "ExpectedBucketOwner" in model.input_shape.members:
            params.setdefault("ExpectedBucketOwner", owner)

    s3.meta.events.register("provide-client-params.s3", name_owner)


def make_ready(s3: "S3Client", bucket: str, *, region: str) -> None:
    """Creates the bucket unless it exists; makes it private, versioned, and TLS-only. Raises: DeployError if it is
    somebody else's; ClientError."""
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("403", "AccessDenied"):
            raise DeployError(_not_ours(bucket)) from error
        if code not in ("404", "NoSuchBucket"):
            raise
        _create(s3, bucket, region)
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [_FORGET]})
    if s3.meta.endpoint_url.startswith("https:"):  # an emulator has no TLS
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_encrypted_only(s3.meta.partition, bucket)))


def _create(s3: "S3Client", bucket: str, region: str) -> None:
    place: Any = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=bucket, **place)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        return  # another deployer was quicker
    except s3.exceptions.BucketAlreadyExists as error:
        raise DeployError(_not_ours(bucket)) from error


def _not_ours(bucket: str) -> str:
    return (
        f"the bucket {bucket} belongs to another account, or these credentials may not see it: nothing was uploaded\n"
        f"  do: `aws s3api head-bucket --bucket {bucket}` with an administrator's rights. It answers: give this "
        "deployer rights on the bucket. 403 still: somebody else has taken the name; AWS Support can help"
    )


_FORGET: Final[Any] = {
    "ID": "forget",
    "Status": "Enabled",
    "Filter": {},
    "NoncurrentVersionExpiration": {"NoncurrentDays": _KEPT_DAYS},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}


def _encrypted_only(partition: str, bucket: str) -> dict[str, Any]:
    arn = f"arn:{partition}:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def empty(s3: "S3Client", bucket: str) -> bool:
    """Deletes everything in it, in every version; returns whether the bucket exists. Raises: ClientError."""
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return False
        raise
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        keys = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})  # type: ignore[typeddict-item]
    return True
