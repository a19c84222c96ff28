"""`make logs`: what the functions of a stage say, line by line as it comes: of the running local cloud, or of a stage
on AWS with the credentials of the environment.

python -m tools.logs --stage prod --id <notification id>
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.running import running_cloud
from infra.reaching_aws import reaching_aws
from infra.stages import stage_names
from tools.local_cloud import local_cloud

LOCAL = "local"
_EVERY_SECONDS = 1
_LATE_MILLISECONDS = 10_000  # lines reach CloudWatch late, and out of order between streams
_FROM_THE_PLATFORM = ("START ", "END ", "REPORT ", "INIT_START ")
_METRICS = '"_aws":'  # embedded metrics stand in the log as well


_Line = tuple[int, str, str]  # epoch milliseconds, function, message


def new_lines(client: Any, stage: str, *, since: int, seen: set[_Line]) -> Iterator[str]:
    """What the functions have logged since a moment (epoch milliseconds) and that is not in `seen`, which grows: time,
    function and line, without the platform's own lines."""
    prefix = f"/aws/lambda/vestnik-{stage}"
    found: set[_Line] = set()
    for groups in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
        for group in groups["logGroups"]:
            name = group["logGroupName"]
            function = name.removeprefix(prefix).lstrip("-") or "api"
            for page in client.get_paginator("filter_log_events").paginate(logGroupName=name, startTime=since):
                found |= {(event["timestamp"], function, event["message"].strip()) for event in page["events"]}
    for at, function, message in sorted(found - seen):
        if message.startswith(_FROM_THE_PLATFORM) or _METRICS in message:
            continue
        yield f"{datetime.fromtimestamp(at / 1000, UTC):%H:%M:%S} {function:8} {_short(message)}"
    seen |= found


def _short(message: str) -> str:
    """A line of ours without the fields that every line has."""
    with suppress(ValueError):
        line = json.loads(message)
        told = {name: value for name, value in line.items() if name not in _EVERYWHERE and value}
        return f"{line['level']:5} {line['message']} {json.dumps(told, ensure_ascii=False)}"
    return message


_EVERYWHERE = {"level", "message", "location", "timestamp", "service"}


def main(arguments: list[str] | None = None) -> None:
    """The command; runs until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Follow the logs of a stage.")
    parser.add_argument("--stage", default=LOCAL, choices=stage_names())
    parser.add_argument("--id", default="", help="only lines with this in them, such as a notification's id")
    chosen = parser.parse_args(arguments)
    with suppress(KeyboardInterrupt), until_nobody_reads():
        if chosen.stage == LOCAL:
            _follow_local(chosen.id)
        with reaching_aws("logs", chosen.stage), suppress(KeyboardInterrupt):
            _follow(boto3.client("logs"), chosen.stage, part=chosen.id)


@contextmanager
def until_nobody_reads() -> Iterator[None]:
    """For output to `head` or `grep -m1`, which close the pipe when they have enough."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python reports it at its end


def _follow_local(part: str) -> NoReturn:
    try:
        _follow(running_cloud(local_cloud()).account.logs, LOCAL, part=part)
    except (BotoCoreError, ClientError):
        raise SystemExit("logs: the local cloud has stopped") from None


def _follow(client: Any, stage: str, *, part: str) -> NoReturn:
    seen: set[_Line] = set()
    since = int(time.time() * 1000) - 60_000
    while True:
        looked = int(time.time() * 1000)
        for line in new_lines(client, stage, since=since, seen=seen):
            if part in line:
                print(line, flush=True)
        since = looked - _LATE_MILLISECONDS
        time.sleep(_EVERY_SECONDS)


if __name__ == "__main__":
    main()
