"""Where the public routes of a deployed API lead."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.public.routes import PUBLIC_ROUTES

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient


class Integration(NamedTuple):
    """Where a route leads."""

    resource_id: str
    method: str
    uri: str


def integrations(rest_apis: "APIGatewayClient", api: str) -> Iterator[Integration]:
    """Of each public route of an API; empty for one that is not ours. Raises: ClientError."""
    pages = rest_apis.get_paginator("get_resources").paginate(restApiId=api, embed=["methods"])
    for resource in (one for page in pages for one in page["items"]):
        for method in PUBLIC_ROUTES.get(resource["path"], ()):
            if method in resource.get("resourceMethods", {}):
                integration = resource["resourceMethods"][method]["methodIntegration"]
                yield Integration(resource["id"], method, integration["uri"])
