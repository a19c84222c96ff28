"""The clients of AWS, each with explicit timeouts and retries. SES and SNS have none of their
own: see `channels/email.py`."""

from functools import cache
from typing import TYPE_CHECKING, cast

from botocore.config import Config

from chalicelib.aws_session import session
from chalicelib.botocore_fast_path import plain_bodies

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

_AWS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})
# Not compared with the model before each call: for fifty letters that costs more than to render them, and SES compares.
_ONE_TRY = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"total_max_attempts": 1, "mode": "standard"},
    parameter_validation=False,
)


@cache
def sqs() -> "SQSClient":
    """SQS: its own three tries are safe, jobs are idempotent."""
    return cast("SQSClient", session().create_client("sqs", config=_AWS))


@cache
def aws_lambda() -> "LambdaClient":
    """Lambda, for switching consumers."""
    return cast("LambdaClient", session().create_client("lambda", config=_AWS))


@cache
def ses() -> "SESV2Client":
    """SES v2, with one try."""
    client = cast("SESV2Client", session().create_client("sesv2", config=_ONE_TRY))
    plain_bodies(client)
    return client


@cache
def sns() -> "SNSClient":
    """SNS, with one try: a text that is sent twice is paid for twice."""
    return cast("SNSClient", session().create_client("sns", config=_ONE_TRY))


@cache
def ssm() -> "SSMClient":
    """SSM, for the keys."""
    return cast("SSMClient", session().create_client("ssm", config=_AWS))


def management_client(endpoint: str) -> "ApiGatewayManagementApiClient":
    """The client that posts to the connections behind a management address."""
    from chalicelib.live.posting import CONCURRENCY

    # A post that takes longer than this is worth less than the next one; the inbox has what it carried.
    post = Config(
        connect_timeout=1,
        read_timeout=2,
        max_pool_connections=CONCURRENCY,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )
    return cast(
        "ApiGatewayManagementApiClient",
        session().create_client("apigatewaymanagementapi", endpoint_url=endpoint, config=post),
    )
