"""Alarms that would stop a release at once: those of its functions that are on."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from infra.account import Account

_ASKED_AT_ONCE = 100  # names in one call (AWS, "DescribeAlarms")


def alarms_on(account: Account, templates: Iterable[str]) -> str | None:
    """Why CodeDeploy would roll the release back as soon as it began, and what to do; None if it would not. Raises:
    ClientError."""
    names = sorted({name for template in templates for name in _asked(json.loads(template))})
    cloudwatch = account.session.client("cloudwatch", endpoint_url=account.endpoint_url)
    on: list[str] = []
    for start in range(0, len(names), _ASKED_AT_ONCE):
        answer = cloudwatch.describe_alarms(
            AlarmNames=names[start : start + _ASKED_AT_ONCE], StateValue="ALARM", MaxRecords=_ASKED_AT_ONCE
        )
        on.extend(alarm["AlarmName"] for alarm in answer["MetricAlarms"])
    if not on:
        return None
    return (
        f"the release would be taken back as soon as it began, because {', '.join(on)} is on; nothing was changed\n"
        "  do: wait until it is over (each has its section in docs/operations.md). If this release fixes it: AT_ONCE=1 "
        "moves all traffic in one step and asks no alarm"
    )


def _asked(template: dict[str, Any]) -> Iterator[str]:
    for resource in template.get("Resources", {}).values():
        if resource.get("Type") == "AWS::CodeDeploy::DeploymentGroup":
            for alarm in resource["Properties"]["AlarmConfiguration"].get("Alarms", []):
                yield alarm["Name"]
