"""Runs the emulator, with batches like AWS's. `cloud.py` starts it.

    python -m infra.local.emulator [--forks | --shared-code]

The emulator hands a function what there is, ten messages at most; AWS gathers for the mapping's window, up to its
BatchSize ("Using Lambda with Amazon SQS", batching behavior). `feedback` takes 180: in tens it would never be tried
as it works on AWS. The emulator's own INSERT takes an item without its range key and costs one unit, however much it
writes; here it is a conditional put, as on AWS. It would handle all frames that a connection has sent, though the
first of them closed it: here what comes to a closed connection goes nowhere. What CloudFront serves is at a path too,
as names of their own for distributions would not resolve here. It would parse a condition once for each row that a
query looks at: here once. With `--forks` workers begin more quickly (`forks.py`).
"""

import json
import runpy
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import ministack.app
from ministack.core import iam_actions
from ministack.core.responses import json_response
from ministack.services import apigateway, cloudfront, dynamodb, lambda_svc, sqs

from infra.local.emulated import DELIVERED
from infra.local.forks import share_code, use_forks
from infra.local.statements import DUPLICATE, inserted

_CONDITIONS = 1000  # of which the parts are kept
_at_a_host = ministack.app._handle_cloudfront_dataplane_request
_receive_ten = sqs._receive_messages_for_esm
_invoke_route = apigateway._invoke_ws_lambda
_rights_of_transaction = iam_actions.dynamodb_transaction_checks


def receive_batch(queue_url: str, max_number: int) -> list[dict[str, Any]]:
    """Up to `max_number` messages, once there are so many or the oldest has waited for the mapping's window."""
    window = _window_seconds(queue_url)
    if window and not _is_ripe(queue_url, max_number, window):
        return []
    batch: list[dict[str, Any]] = []
    while len(batch) < max_number:
        more = _receive_ten(queue_url, max_number - len(batch))
        if not more:
            break
        batch += more
    return batch


def _window_seconds(queue_url: str) -> int:
    name = queue_url.rpartition("/")[2]
    windows: Iterator[int] = (
        int(mapping.get("MaximumBatchingWindowInSeconds") or 0)  # it comes as text where it was a parameter
        for _, _, mapping in lambda_svc._iter_all_esms()
        if mapping.get("EventSourceArn", "").rpartition(":")[2] == name
    )
    return max(windows, default=0)


def _is_ripe(queue_url: str, enough: int, window: int) -> bool:
    now = time.time()
    since = [message.get("visible_at", now) for message in list(sqs._get_q(queue_url)["messages"])]
    visible = [at for at in since if at <= now]
    return len(visible) >= enough or any(at <= now - window for at in visible)


def batch_execute_statement(data: Mapping[str, Any]) -> Any:
    """Our INSERTs; any other statement is refused."""
    units: Counter[str] = Counter()
    answer: dict[str, Any] = {"Responses": [_inserted(one, units) for one in data["Statements"]]}
    if data.get("ReturnConsumedCapacity", "NONE") != "NONE":
        answer["ConsumedCapacity"] = [{"TableName": name, "CapacityUnits": taken} for name, taken in units.items()]
    return json_response(answer)


def _inserted(statement: Mapping[str, Any], units: Counter[str]) -> dict[str, Any]:
    try:
        name, item = inserted(statement)
    except ValueError as error:
        return {"Error": {"Code": "ValidationError", "Message": str(error)}}
    table = dynamodb._tables.get(name)
    there = table and dynamodb._get_item_by_key(table, item)  # the emulator answers one request after the other
    if there:  # a refused write is billed by the size of what is there ("DynamoDB read and write operations")
        units[name] += dynamodb._capacity_kb(dynamodb._item_size_bytes(there))
        return {"Error": DUPLICATE, "TableName": name}
    status, _, body = dynamodb._put_item({"TableName": name, "Item": item, "ReturnConsumedCapacity": "TOTAL"})
    answer = json.loads(body)
    if status == 200:
        units[name] += answer["ConsumedCapacity"]["CapacityUnits"]
        return {"TableName": name}
    code = answer["__type"].rpartition("#")[2]
    named = "ValidationError" if code == "ValidationException" else code.removesuffix("Exception")
    return {"Error": {"Code": named, "Message": answer["message"]}}


def rights_of(action: str, body: bytes, region: str, account_id: str) -> list[tuple[str, str]]:
    """The rights that a request of DynamoDB needs, each on a table: a batch of statements is none itself."""
    if action != "dynamodb:BatchExecuteStatement":
        return list(_rights_of_transaction(action, body, region, account_id))
    tables = {inserted(one)[0] for one in json.loads(body)["Statements"]}
    return [("dynamodb:PartiQLInsert", iam_actions._dynamodb_table_arn(one, region, account_id)) for one in tables]


async def invoke_route(
    api: str,
    account_id: str,
    region: str,
    route: Any,
    stage: str,
    connection_id: str,
    event: str,
    *rest: Any,
    **more: Any,
) -> Any:
    """What a WebSocket route answers to an event of a connection."""
    if event == "MESSAGE" and connection_id not in apigateway._ws_connections:
        return None
    return await _invoke_route(api, account_id, region, route, stage, connection_id, event, *rest, **more)


async def delivered(host: str, path: str, raw_path: str, query: str, *request: Any) -> Any:
    """What a distribution answers, by its host, or at `/_aws/cloudfront/<its comment>/…`."""
    base, _, rest = path.removeprefix(f"{DELIVERED}/").partition("/")
    if not path.startswith(f"{DELIVERED}/"):
        return await _at_a_host(host, path, raw_path, query, *request)
    for one in cloudfront._distributions.values():
        if cloudfront._text(cloudfront._dist_config_el(one), "Comment") == base:
            method, headers, body, params, client_ip = request
            return await cloudfront.handle_viewer_request(
                one, method, f"/{rest}", f"/{rest}", query, headers, body, params, client_ip
            )
    return None


def main() -> None:
    ministack.app._handle_cloudfront_dataplane_request = delivered
    apigateway._invoke_ws_lambda = invoke_route
    iam_actions.dynamodb_transaction_checks = rights_of
    dynamodb._batch_execute_statement = batch_execute_statement
    dynamodb._tokenize = lru_cache(_CONDITIONS)(dynamodb._tokenize)
    dynamodb._condition_syntax_error = lru_cache(_CONDITIONS)(dynamodb._condition_syntax_error)
    sqs._receive_messages_for_esm = receive_batch
    match sys.argv[1:]:
        case ["--forks"]:
            use_forks()
        case ["--shared-code"]:
            share_code()
    del sys.argv[1:]
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
