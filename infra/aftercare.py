"""What Chalice has no word for, set after each of its deployments: how many calls a second API Gateway lets in (what is
more it answers 429 by itself), and how long the functions' logs are kept. Called by `chalice_deploy.py`.

Chalice's own `log_retention_in_days` asks for groups by prefix: `/aws/lambda/vestnik-prod-enrich`, which the infra
stack makes, passes for `/aws/lambda/vestnik-prod`, and the first deployment fails (1.34.0, `log_group_exists`)."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from infra.account import Account

STAGE_NAME = "api"  # `api_gateway_stage` in .chalice/config.json, and what Chalice calls every WebSocket stage
BURST_SECONDS = 2  # calls of so long may come at once
LOG_DAYS = 30  # as infra/template.yaml says of the workers' logs


def limit_calls(account: Account, resources: Iterable[Mapping[str, Any]], *, per_second: int) -> None:
    """Limits the REST API and the WebSocket API among what Chalice remembers that it has made, each to `per_second`
    calls (frames) and BURST_SECONDS of them at once. Raises: ClientError."""
    burst = per_second * BURST_SECONDS
    for one in resources:
        if one["resource_type"] == "rest_api":
            limits = {"rateLimit": per_second, "burstLimit": burst}
            account.rest_apis.update_stage(
                restApiId=one["rest_api_id"],
                stageName=STAGE_NAME,
                patchOperations=[
                    {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(value)}
                    for name, value in limits.items()
                ],
            )
        elif one["resource_type"] == "websocket_api":
            account.websocket_apis.update_stage(
                ApiId=one["websocket_api_id"],
                StageName=STAGE_NAME,
                DefaultRouteSettings={"ThrottlingRateLimit": per_second, "ThrottlingBurstLimit": burst},
            )


def limit_logs(account: Account, resources: Iterable[Mapping[str, Any]]) -> None:
    """Lets the logs of the functions that Chalice has made be forgotten after LOG_DAYS. Raises: ClientError."""
    for one in resources:
        if one["resource_type"] == "lambda_function":
            group = f"/aws/lambda/{one['lambda_arn'].rpartition(':')[2]}"
            with suppress(account.logs.exceptions.ResourceAlreadyExistsException):
                account.logs.create_log_group(logGroupName=group)
            account.logs.put_retention_policy(logGroupName=group, retentionInDays=LOG_DAYS)
