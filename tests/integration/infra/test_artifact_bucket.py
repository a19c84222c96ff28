"""The bucket of artifacts is ours, private and versioned, or nothing is put into it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.stub import Stubber
from moto import mock_aws

from infra.account import Account
from infra.archive import write_zip
from infra.artifact_bucket import empty
from infra.stacks import DeployError


@pytest.fixture
def here() -> Iterator[Account]:
    """An account of its own."""
    with mock_aws():
        yield Account(boto3.Session("test", "test", region_name="eu-central-1"))


def test_it_is_private_versioned_encrypted_on_its_way_and_forgets_what_was_overwritten(here: Account) -> None:
    bucket = here.artifact_bucket("try")
    block = here.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(block.values())
    assert here.s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    [statement] = json.loads(here.s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    [rule] = here.s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert "Expiration" not in rule  # the artifacts of every release stay


def test_one_that_was_there_before_is_brought_to_that(here: Account) -> None:
    name = here.bucket_name("try", "artifacts")
    here.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert here.artifact_bucket("try") == name
    assert here.s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


def test_every_call_names_the_account_that_the_bucket_must_belong_to(account: Account, tmp_path: Path) -> None:
    own = Account(account.session, account.endpoint_url)
    sent: list[AWSPreparedRequest] = []
    own.s3.meta.events.register("before-send.s3", lambda request, **_: sent.append(request))
    bucket = own.artifact_bucket("owned")
    own.upload(bucket, write_zip(tmp_path / "workers.zip", [("any.py", Path(__file__))]))
    own.upload_text(bucket, "template", "{}")
    empty(own.s3, bucket)
    owned = [request for request in sent if request.headers.get("x-amz-expected-bucket-owner") is not None]
    assert {request.headers["x-amz-expected-bucket-owner"] for request in owned} == {own.number.encode()}
    created = [request for request in sent if request not in owned]
    assert [(one.method, "versioning" in one.url) for one in created] == [("PUT", False)]  # CreateBucket takes none


@pytest.mark.parametrize("refusal", ["403", "BucketAlreadyExists"])
def test_a_bucket_of_that_name_that_is_somebody_elses_is_refused_in_words(here: Account, refusal: str) -> None:
    assert here.number
    with Stubber(here.s3) as stub:
        if refusal == "403":
            stub.add_client_error("head_bucket", "403", http_status_code=403)
        else:
            stub.add_client_error("head_bucket", "404", http_status_code=404)
            stub.add_client_error("create_bucket", "BucketAlreadyExists", http_status_code=409)
        with pytest.raises(DeployError, match="belongs to another account, or these credentials may not see it"):
            here.artifact_bucket("try")


def test_it_is_emptied_in_every_version(account: Account) -> None:
    """On the emulator, which refuses to delete a bucket with something in it as S3 does."""
    bucket = account.artifact_bucket("emptied")
    for text in (b"one", b"two"):
        account.s3.put_object(Bucket=bucket, Key="again", Body=text)
    account.s3.delete_object(Bucket=bucket, Key="again")
    versions: Any = account.s3.list_object_versions(Bucket=bucket)
    assert (len(versions["Versions"]), len(versions["DeleteMarkers"])) == (2, 1)
    assert empty(account.s3, bucket) is True
    account.s3.delete_bucket(Bucket=bucket)
    assert empty(account.s3, bucket) is False
