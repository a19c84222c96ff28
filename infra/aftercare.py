"""What Chalice has no word for, set after each of its deployments: which function answers the public pages, how many
calls a second API Gateway lets in (what is more it answers 429 by itself), what else its own answers say, and how long
the functions' logs are kept. Called by `chalice_deploy.py`.

Chalice's own `log_retention_in_days` asks for groups by prefix: `/aws/lambda/vestnik-prod-enrich`, which the infra
stack makes, passes for `/aws/lambda/vestnik-prod`, and the first deployment fails (1.34.0, `log_group_exists`)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.control.answers import PROTECTION, STRICT_TRANSPORT
from chalicelib.public.registered import PUBLIC_ROUTES
from infra.account import Account
from infra.stages import PAGES, Doors

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient

STAGE_NAME = "api"  # `api_gateway_stage` in .chalice/config.json, and what Chalice calls every WebSocket stage
BURST_SECONDS = 2  # calls of so long may come at once
LOG_DAYS = 30  # as infra/template.yaml says of the workers' logs
AUDIT_LOG_DAYS = 400  # of the function that writes the audit: so long its log proves that no line was changed
_API = "api_handler"  # the API's function, as Chalice remembers it

Resources = Sequence[Mapping[str, Any]]  # what Chalice remembers that it has made


class Integration(NamedTuple):
    """Where a route leads."""

    resource_id: str
    method: str
    uri: str


def protect_refusals(account: Account, resources: Resources) -> None:
    """Gives what API Gateway answers by itself, such as 403 to an unknown path and 429, the headers of our answers.
    They are in force from the next deployment of the API, which `lead_pages` makes. Raises: ClientError."""
    headers = {name: value for name, value in {**PROTECTION, **STRICT_TRANSPORT}.items() if "'" not in value}
    stated = {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()}
    for api in (one["rest_api_id"] for one in _of_type("rest_api", resources)):
        for kind in ("DEFAULT_4XX", "DEFAULT_5XX"):
            account.rest_apis.put_gateway_response(restApiId=api, responseType=kind, responseParameters=stated)


def lead_pages(account: Account, resources: Resources) -> None:
    """Leads the public pages of the REST API to their own function. Chalice has led them to the API's, which answers
    them until the last step here, so that no request meets a closed door; done again, it changes nothing. Raises:
    ClientError."""
    functions = {one["name"]: one["lambda_arn"] for one in _of_type("lambda_function", resources)}
    for api in (one["rest_api_id"] for one in _of_type("rest_api", resources)):
        wrong, right = f"{functions[_API]}/", f"{functions[PAGES]}/"  # one name begins with the other
        elsewhere = [one for one in integrations(account.rest_apis, api) if wrong in one.uri]
        if not elsewhere:
            continue
        _let_call(account, api, functions[PAGES])
        for resource_id, method, uri in elsewhere:
            account.rest_apis.update_integration(
                restApiId=api,
                resourceId=resource_id,
                httpMethod=method,
                patchOperations=[{"op": "replace", "path": "/uri", "value": uri.replace(wrong, right)}],
            )
        account.rest_apis.create_deployment(restApiId=api, stageName=STAGE_NAME)


def _of_type(kind: str, resources: Resources) -> Iterator[Mapping[str, Any]]:
    return (one for one in resources if one["resource_type"] == kind)


def integrations(rest_apis: "APIGatewayClient", api: str) -> Iterator[Integration]:
    """Of each public route of an API; of one that is not ours there are none. Raises: ClientError."""
    pages = rest_apis.get_paginator("get_resources").paginate(restApiId=api, embed=["methods"])
    for resource in (one for page in pages for one in page["items"]):
        for method in PUBLIC_ROUTES.get(resource["path"], ()):
            if method in resource.get("resourceMethods", {}):
                integration = resource["resourceMethods"][method]["methodIntegration"]
                yield Integration(resource["id"], method, integration["uri"])


def _let_call(account: Account, api: str, function: str) -> None:
    """Lets an API call a function; that it may already is fine."""
    _, partition, _, region, number, *_ = function.split(":")
    with suppress(account.lambdas.exceptions.ResourceConflictException):
        account.lambdas.add_permission(
            FunctionName=function,
            StatementId=f"called-by-{api}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:{partition}:execute-api:{region}:{number}:{api}/{STAGE_NAME}/*",
        )


def limit_calls(account: Account, resources: Resources, doors: Doors) -> None:
    """Limits the REST API and the WebSocket API to what the stage lets in a second, and BURST_SECONDS of it at once.
    The public pages have a limit of their own: nobody uses it up by calling the rest. Raises: ClientError."""
    per_second = doors.requests_per_second
    routes = {
        "/*/*": per_second,
        **{
            f"/{path.replace('/', '~1')}/{method}": doors.page_requests_per_second
            for path, methods in PUBLIC_ROUTES.items()
            for method in methods
        },
    }
    for one in _of_type("rest_api", resources):
        account.rest_apis.update_stage(
            restApiId=one["rest_api_id"],
            stageName=STAGE_NAME,
            patchOperations=[patch for route, most in routes.items() for patch in _limits(route, most)],
        )
    for one in _of_type("websocket_api", resources):
        account.websocket_apis.update_stage(
            ApiId=one["websocket_api_id"],
            StageName=STAGE_NAME,
            DefaultRouteSettings={
                "ThrottlingRateLimit": per_second,
                "ThrottlingBurstLimit": per_second * BURST_SECONDS,
            },
        )


def _limits(route: str, per_second: int) -> Iterator[Any]:
    for name, value in {"rateLimit": per_second, "burstLimit": per_second * BURST_SECONDS}.items():
        yield {"op": "replace", "path": f"{route}/throttling/{name}", "value": str(value)}


def limit_logs(account: Account, resources: Resources) -> None:
    """Lets the logs of the functions that Chalice has made be forgotten after LOG_DAYS; those of the API, after
    AUDIT_LOG_DAYS. Raises: ClientError."""
    for one in _of_type("lambda_function", resources):
        group = f"/aws/lambda/{one['lambda_arn'].rpartition(':')[2]}"
        with suppress(account.logs.exceptions.ResourceAlreadyExistsException):
            account.logs.create_log_group(logGroupName=group)
        days = AUDIT_LOG_DAYS if one["name"] == _API else LOG_DAYS
        account.logs.put_retention_policy(logGroupName=group, retentionInDays=days)
