"""Campaigns, their audiences, runs and fan-out."""

import time
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config

from chalicelib.aws_session import session
from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.control import queues
from chalicelib.wiring.running import approvals, campaigns, lists, parking, runs, sources

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from chalicelib.campaigns.fanout import Fanout
    from chalicelib.campaigns.generator import Generator
    from chalicelib.campaigns.list_loader import ListLoader
    from chalicelib.campaigns.uploads import S3Uploads

_AWS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})
_S3 = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"total_max_attempts": 3, "mode": "standard"},
    signature_version="s3v4",
    s3={"addressing_style": "path"},  # works wherever the endpoint is, without a name of its own for the bucket
)


@cache
def uploads() -> "S3Uploads":
    """The bucket that they are uploaded to."""
    from chalicelib.campaigns.uploads import S3Uploads

    def account() -> str:
        sts: Any = session().create_client("sts", config=_AWS)
        return str(sts.get_caller_identity()["Account"])

    s3 = cast("S3Client", session().create_client("s3", config=_S3))
    return S3Uploads(s3, account=account, prefix=settings().resource("lists"))


@cache
def list_loader() -> "ListLoader":
    """The reader of uploads."""
    from chalicelib.campaigns.list_loader import ListLoader

    return ListLoader(lists=lists(), uploads=uploads())


@cache
def fanout() -> "Fanout":
    """The fan-out of runs."""
    from chalicelib.campaigns.fanout import Fanout
    from chalicelib.campaigns.pacing import Publisher
    from chalicelib.storage.rate_limits import Limiter

    turns = Limiter(clock=now, default_rates=lambda _: 1.0, block_seconds=0)
    return Fanout(
        campaigns=campaigns(),
        runs=runs(),
        sources=sources(),
        parking=parking(),
        publisher=Publisher(queues(), turns=turns, sleep=time.sleep, clock=time.monotonic),
        queues=queues(),
        clock=now,
        monotonic=time.monotonic,
        default_zone=settings().default_timezone,
    )


@cache
def generator() -> "Generator":
    """The generator of automatic mailings."""
    from chalicelib.campaigns.generator import Generator

    return Generator(
        campaigns=campaigns(),
        runs=runs(),
        approvals=approvals(),
        clock=now,
        default_zone=settings().default_timezone,
    )
