"""How a command ends when AWS cannot be asked: in one line that says what to do. Every command that works on a stage
runs inside it."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.exceptions import BotoCoreError, ClientError

_REGION = "no AWS region is chosen: export AWS_REGION=eu-central-1 (yours), or `aws configure`"
_CREDENTIALS = "no AWS credentials are found: export AWS_PROFILE=<yours>, or `aws configure`, or `aws sso login`"


@contextmanager
def reaching_aws(command: str) -> Iterator[None]:
    """For the `with` block of a command's main work. Raises: SystemExit, for want of a region or of credentials before
    anything is done, and for whatever AWS refuses later."""
    try:
        session = boto3.Session()
        if session.region_name is None:
            raise SystemExit(f"{command}: {_REGION}")
        if session.get_credentials() is None:
            raise SystemExit(f"{command}: {_CREDENTIALS}")
        yield
    except (BotoCoreError, ClientError) as error:
        raise SystemExit(f"{command}: AWS: {' '.join(str(error).split())}") from error
