"""A backup brings back what was erased after it, which must be erased again: the API's log says when, never whom."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_DONE = re.compile(r"(delete_user|erase_\w+)_[23]\d\d")  # the count of a call, or of a page's form, that was done


def erasures_since(logs: "CloudWatchLogsClient", stage: str, since: datetime) -> list[str]:
    """A line for each: its time, what it was, and the id by which the caller knows the call."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/vestnik-{stage}",
        filterPattern='?"delete_user_" ?"erase_"',
        startTime=int(since.timestamp() * 1000),
    )
    found = []
    with suppress(ClientError):  # without the log, the runbook says whom to ask
        for event in (event for page in pages for event in page["events"]):
            with suppress(ValueError, AttributeError, TypeError):
                line = json.loads(event["message"])
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                done = [name for name in line["counts"] if _DONE.fullmatch(name)]
                found += [f"{at:%Y-%m-%d %H:%M:%S} {name} {line.get('request_id', '')}" for name in done]
    return sorted(found)
