"""The AWS account that is deployed to: a real one, or the emulator's."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.archive import Artifact
from infra.artifact_bucket import empty, keep_to_owner, make_ready

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_wafv2 import WAFV2Client

_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 3, "mode": "standard"})


@dataclass
class Account:
    """Clients of one account and region; `endpoint_url` is None on AWS."""

    session: boto3.Session = field(default_factory=boto3.Session)
    endpoint_url: str | None = None
    _ready: set[str] = field(default_factory=set)

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return self.session.client("cloudformation", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def s3(self) -> "S3Client":
        s3 = self.session.client("s3", endpoint_url=self.endpoint_url, config=_CONFIG)
        keep_to_owner(s3, self.number)
        return s3

    @cached_property
    def lambdas(self) -> "LambdaClient":
        return self.session.client("lambda", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def ssm(self) -> "SSMClient":
        return self.session.client("ssm", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self.session.client("dynamodb", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def rest_apis(self) -> "APIGatewayClient":
        return self.session.client("apigateway", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def websocket_apis(self) -> "ApiGatewayV2Client":
        return self.session.client("apigatewayv2", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        return self.session.client("logs", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def firewall(self) -> "WAFV2Client":
        return self.session.client("wafv2", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def acm(self) -> "ACMClient":
        return self.session.client("acm", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def ses(self) -> "SESV2Client":
        return self.session.client("sesv2", endpoint_url=self.endpoint_url, config=_CONFIG)

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    @cached_property
    def _identity(self) -> Mapping[str, str]:
        sts = self.session.client("sts", endpoint_url=self.endpoint_url, config=_CONFIG)
        identity = sts.get_caller_identity()
        return {"account": identity["Account"], "arn": identity["Arn"]}

    @property
    def number(self) -> str:
        """The account's twelve digits."""
        return self._identity["account"]

    @property
    def caller(self) -> str:
        """The ARN behind these credentials."""
        return self._identity["arn"]

    @property
    def emulator_url(self) -> str | None:
        """Where AWS is emulated; None on AWS."""
        url = str(self.rest_apis.meta.endpoint_url)
        return None if ".amazonaws." in url else url

    def outputs(self, stack: str) -> dict[str, str]:
        """The outputs of a stack; empty if there is no such stack. Raises: ClientError."""
        try:
            [found] = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    def has_stack(self, name: str) -> bool:
        """Raises: ClientError."""
        try:
            self.cloudformation.describe_stacks(StackName=name)
        except ClientError as error:
            if "does not exist" in str(error):
                return False
            raise
        return True

    def bucket_name(self, stage: str, what: str) -> str:
        """Bucket names are unique in the whole world, this account's other regions included."""
        return f"vestnik-{stage}-{what}-{self.number}-{self.region}"

    def upload(self, bucket: str, artifact: Artifact) -> str:
        """Uploads the artifact unless it is there; returns its key."""
        try:
            self.s3.head_object(Bucket=bucket, Key=artifact.key)
        except ClientError:
            self.s3.upload_file(str(artifact.path), bucket, artifact.key)
        return artifact.key

    def upload_text(self, bucket: str, name: str, text: str) -> str:
        """Uploads a text under a name that holds its hash; returns its URL for CloudFormation."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        key = f"{name}-{digest[:16]}"
        self.s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
        return f"{self.s3.meta.endpoint_url}/{bucket}/{key}"

    def artifact_bucket(self, stage: str) -> str:
        """The stage's bucket of artifacts, created or corrected as needed. Raises: DeployError if it is somebody
        else's."""
        name = self.bucket_name(stage, "artifacts")
        if name not in self._ready:
            make_ready(self.s3, name, region=self.region)
            self._ready.add(name)
        return name

    def delete_artifact_bucket(self, stage: str) -> None:
        """With everything in it; a missing bucket is fine. Raises: ClientError."""
        name = self.bucket_name(stage, "artifacts")
        if empty(self.s3, name):
            self.s3.delete_bucket(Bucket=name)
        self._ready.discard(name)
