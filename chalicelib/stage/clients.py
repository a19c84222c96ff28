"""The base of every stage: time and randomness, AWS clients, keys, the site's settings."""

from __future__ import annotations

import random
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config

from chalicelib.aws_session import session
from chalicelib.botocore_fast_path import plain_bodies
from chalicelib.clock import Clock, now
from chalicelib.settings import Settings, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.config import _RetryDict
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

    from chalicelib.configuration.site_settings import SiteSettings
    from chalicelib.security.sealing import Sealer
    from chalicelib.security.signing import AddressHashes, Key, ReadParameter, Signer, Tokens

_RETRIES: _RetryDict = {"total_max_attempts": 3, "mode": "standard"}
_AWS = Config(connect_timeout=2, read_timeout=5, retries=_RETRIES)
# Not validated before each call: for fifty letters that costs more than rendering them, and SES validates.
_ONE_TRY = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"total_max_attempts": 1, "mode": "standard"},
    parameter_validation=False,
)
_S3 = Config(
    connect_timeout=2,
    read_timeout=10,
    retries=_RETRIES,
    signature_version="s3v4",
    s3={"addressing_style": "path"},  # works wherever the endpoint is, without a name of its own for the bucket
)


class Clients:
    """AWS clients with explicit timeouts and retries, the keys that sign, hash and seal, and the site's settings."""

    clock: Clock = staticmethod(now)
    monotonic: Callable[[], float] = staticmethod(time.monotonic)
    sleep: Callable[[float], None] = staticmethod(time.sleep)
    random: Callable[[], float] = staticmethod(random.random)

    def __init__(self, **parts: Any) -> None:
        """`parts` replace those of the same name: `Stage(channels={"email": channel})`."""
        if unknown := [name for name in parts if not hasattr(type(self), name)]:
            raise TypeError(f"a stage has no part {', '.join(unknown)}")
        self.given = parts
        vars(self).update(parts)

    @cached_property
    def settings(self) -> Settings:
        return settings()

    @cached_property
    def sqs(self) -> SQSClient:
        """Its three tries are safe: jobs are idempotent."""
        return cast("SQSClient", session().create_client("sqs", config=_AWS))

    @cached_property
    def aws_lambda(self) -> LambdaClient:
        return cast("LambdaClient", session().create_client("lambda", config=_AWS))

    @cached_property
    def ses(self) -> SESV2Client:
        client = cast("SESV2Client", session().create_client("sesv2", config=_ONE_TRY))
        plain_bodies(client)
        return client

    @cached_property
    def sns(self) -> SNSClient:
        """With one try: a text that is sent twice is charged twice."""
        return cast("SNSClient", session().create_client("sns", config=_ONE_TRY))

    @cached_property
    def socialmessaging(self) -> Any:
        """For WhatsApp, with one try likewise."""
        return session().create_client("socialmessaging", config=_ONE_TRY)

    @cached_property
    def ssm(self) -> SSMClient:
        return cast("SSMClient", session().create_client("ssm", config=_AWS))

    @cached_property
    def s3(self) -> S3Client:
        return cast("S3Client", session().create_client("s3", config=_S3))

    @cached_property
    def sts(self) -> STSClient:
        return cast("STSClient", session().create_client("sts", config=_AWS))

    def management_client(self, endpoint: str) -> ApiGatewayManagementApiClient:
        """Posts to the WebSocket connections behind a management address."""
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

    @cached_property
    def signer(self) -> Signer:
        return self._signer("signing-key")

    @cached_property
    def tokens(self) -> Tokens:
        from chalicelib.security.signing import Tokens

        return Tokens(self.signer, clock=self.clock)

    @cached_property
    def address_hashes(self) -> AddressHashes:
        from chalicelib.security.signing import AddressHashes

        return AddressHashes(self._signer("address-key"))

    @cached_property
    def sealer(self) -> Sealer:
        from chalicelib.security.sealing import Sealer
        from chalicelib.security.signing import KeyRing

        return Sealer(KeyRing(self._reader("sealing-key")))

    @cached_property
    def site_settings(self) -> SiteSettings:
        from chalicelib.configuration.site_settings import SiteSettings

        return SiteSettings(site_url=self.settings.site_url, mail_from=self.settings.mail_from, clock=self.clock)

    def _signer(self, key: Key) -> Signer:
        from chalicelib.security.signing import Signer

        return Signer(self._reader(key))

    def _reader(self, key: Key) -> ReadParameter:
        from chalicelib.security.signing import parameter_name, read_parameter

        return lambda: read_parameter(self.ssm, parameter_name(self.settings.stage, key))
