"""How much does it cost to plan and enqueue a campaign to a million? On a stubbed cloud: every call to AWS is answered
in this process, before it leaves botocore, so that only our own work and the number of calls are measured.

    python -m bench.fanout [--users 1000000] [--limit-mb 150]
"""

import argparse
import json
import os
import resource
import time
from collections import Counter
from typing import Any, cast

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from bench.harness import Report

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "VESTNIK_STAGE": "bench",
    "VESTNIK_PUBLIC_URL": "https://notify.cinema.example",
    "VESTNIK_LIVE_URL": "wss://live.cinema.example",
    "VESTNIK_MAIL_FROM": "Vestnik Cinema <news@cinema.example>",
    "VESTNIK_SITE_URL": "https://cinema.example",
    "VESTNIK_SITE_NAME": "Vestnik Cinema",
    "PYDANTIC_DISABLE_PLUGINS": "1",
}
CAMPAIGN, AT = "bench-campaign", "2026-03-02T10:00:00Z"


class Raw:
    """A response's body as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content


class StubbedCloud:
    """Answers DynamoDB and SQS: the rows of one run, a directory that is made up page by page, a queue that counts."""

    def __init__(self, users: int, shards: int) -> None:
        self.users = users
        self.shards = shards
        self.calls: Counter[str] = Counter()
        self.letters = 0
        self.messages: list[dict[str, Any]] = []  # of the queue `fanout` alone
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """What botocore gets in place of a call (its event `before-send`)."""
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        asked = json.loads(request.body)
        self.calls[operation] += 1
        content = json.dumps(getattr(self, f"_{operation}")(asked)).encode()
        return AWSResponse(request.url, 200, HTTPHeaders(), Raw(content))

    def _GetQueueUrl(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 (AWS's name)
        return {"QueueUrl": f"https://sqs.eu-central-1.amazonaws.com/0/{asked['QueueName']}"}

    def _SendMessageBatch(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        for entry in asked["Entries"]:
            job = json.loads(entry["MessageBody"])
            if "recipients" in job:
                self.letters += len(job["recipients"])
            else:
                self.messages.append(job)
        return {"Successful": [{"Id": e["Id"], "MessageId": "m", "MD5OfMessageBody": "0"} for e in asked["Entries"]]}

    def _Scan(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        segment, step, limit = asked["Segment"], asked["TotalSegments"], asked["Limit"]
        key = asked.get("ExclusiveStartKey")
        start = int(key["id"]["S"][2:]) + step if key else segment
        numbers = range(start, min(self.users, start + limit * step), step)
        items = [_user(n) for n in numbers]
        more = items and numbers[-1] + step < self.users
        return {"Items": items, "Count": len(items), "ScannedCount": len(items),
                **({"LastEvaluatedKey": {"id": items[-1]["id"]}} if more else {})}  # fmt: skip

    def _GetItem(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        row = self.rows.get(_place(asked["TableName"], asked["Key"]))
        return {"Item": row} if row else {}

    def _UpdateItem(self, asked: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """The few updates that a shard and its limit make: SET a, b REMOVE c; the condition holds, as nobody else is
        here."""
        row = self.rows.setdefault(_place(asked["TableName"], asked["Key"]), dict(asked["Key"]))
        names, values = asked["ExpressionAttributeNames"], asked["ExpressionAttributeValues"]
        text = asked["UpdateExpression"]
        sets, _, removes = text.removeprefix("SET ").partition(" REMOVE ")
        for one in sets.split(", "):
            name, _, value = one.strip().partition(" = ")
            before, plus, more = value.partition(" + ")
            given = values[more or value]
            if plus:
                given = {"N": str(float(row[names[before]]["N"]) + float(given["N"]))}
            row[names[name]] = given
        for name in filter(None, removes.split(", ")):
            row.pop(names[name.strip()], None)
        return {"Attributes": row}


def _user(n: int) -> dict[str, Any]:
    return {
        "id": {"S": f"u-{n}"},
        "email": {"S": f"viewer-{n}@crowd.example"},
        "name": {"S": f"Viewer {n}"},
        "locale": {"S": "ru"},
        "attributes": {"S": '{"plan":"gold","age":33}'},
        "created_at": {"S": "2026-01-01T00:00:00.000000Z"},
        "updated_at": {"S": "2026-01-01T00:00:00.000000Z"},
    }


def _place(table: str, key: dict[str, Any]) -> tuple[str, str]:
    return table, json.dumps(key, sort_keys=True)


def prepare(cloud: StubbedCloud) -> None:
    """Puts the rows of one run into the stubbed cloud, as the generator would have made them."""
    from chalicelib.campaigns.model import Campaign
    from chalicelib.pipeline.jobs import LetterSpec
    from chalicelib.storage.rows.campaign_parts import ShardRow
    from chalicelib.storage.rows.campaigns import CampaignRow, RunRow

    gold = {"rule": {"attribute": "plan", "op": "equals", "value": "gold"}}
    spec = Campaign.model_validate(
        {
            "name": "Bench",
            "template": "promo",
            "audience": gold,
            "rate_per_second": 10_000,
            "publish_per_second": 10_000,
        }
    ).model_dump(mode="json", by_alias=True)
    run_id = f"{CAMPAIGN}@{AT}"
    letter = LetterSpec(template="promo", template_version=0, category="marketing", lane="bulk", context={},
                        request_id="r", accepted_at=AT, campaign_id=CAMPAIGN, run_id=run_id)  # fmt: skip
    head = CampaignRow(CAMPAIGN, "head", state="running", spec=spec, version=1, created_at=AT, created_by="bench",
                       updated_at=AT, updated_by="bench",
                       rate_per_second=1_000_000, publish_per_second=1_000_000)  # fmt: skip
    run = RunRow(CAMPAIGN, AT, run_id=run_id, version=1, spec=spec, letter=letter.model_dump(mode="json"),
                 channels=["email"], shards=cloud.shards, created_at=AT, opened="1")  # fmt: skip
    rows = [head, run, *(ShardRow(run_id, f"audience#{n:02}") for n in range(cloud.shards))]
    for row in rows:
        keys = {name: value for name, value in row.serialize().items() if name in _keys(row)}
        cloud.rows[_place(type(row)._get_connection().table_name, keys)] = row.serialize()


def _keys(row: Any) -> set[str]:
    return {
        name
        for name, attribute in type(row).get_attributes().items()
        if attribute.is_hash_key or attribute.is_range_key
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--limit-mb", type=int, default=150)
    chosen = parser.parse_args()
    os.environ.update(ENVIRONMENT)

    from chalicelib.campaigns.jobs import FanoutJob
    from chalicelib.campaigns.pacing import MAX_SHARDS
    from chalicelib.stage.app import Stage
    from chalicelib.storage.dynamodb import dynamodb

    cloud = StubbedCloud(chosen.users, MAX_SHARDS)
    for client in (Stage.own().sqs, dynamodb().client):
        client.meta.events.register("before-send", cast(Any, cloud.answer))
    prepare(cloud)
    cloud.messages = [
        FanoutJob(campaign_id=CAMPAIGN, scheduled_at=AT, shard=f"audience#{n:02}", step=0).model_dump()
        for n in range(MAX_SHARDS)
    ]
    started, turns = time.monotonic(), 0
    while cloud.messages:
        Stage.own().fanout.take(FanoutJob.model_validate(cloud.messages.pop(0)))
        turns += 1
    return _report(cloud, time.monotonic() - started, turns, limit_mb=chosen.limit_mb).publish()


def _report(cloud: StubbedCloud, seconds: float, turns: int, *, limit_mb: int) -> Report:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    calls = cloud.calls.total()
    columns = ("recipients", "seconds", "invocations", "AWS calls", "calls a recipient", "peak MB")
    report = Report("fanout", f"A campaign to {cloud.users:,}, planned and enqueued on a stubbed cloud", columns)
    report.add(recipients=cloud.letters, seconds=seconds, invocations=turns, AWS_calls=calls,
               calls_a_recipient=calls / cloud.users, peak_MB=peak_mb)  # fmt: skip
    report.remark(", ".join(f"{name} {count:,}" for name, count in cloud.calls.most_common()))
    report.expect(f"everybody was enqueued once: {cloud.letters:,}", met=cloud.letters == cloud.users)
    report.expect(f"memory ≤ {limit_mb} MB: {peak_mb:.0f}", met=peak_mb <= limit_mb)
    return report


if __name__ == "__main__":
    raise SystemExit(main())
