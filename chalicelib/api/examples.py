"""Example path values for `/openapi.json` and docs/api.md; examples of bodies are on their models.
`tests/integration/api/test_examples.py` runs every example."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

EXAMPLE_ID = "0d2b0c56-5a0b-4c3e-9a55-0c1d2e3f4a5b"
# By the path before the first parameter.
_VALUES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "/v1/campaigns/": {"id": EXAMPLE_ID},
        "/v1/control/attention/": {"delivery_id": f"{EXAMPLE_ID}_email"},
        "/v1/control/consumers/": {"name": "deliver-email-bulk"},
        "/v1/control/dead-letters/": {"name": "deliver-email"},
        "/v1/control/limits/": {"name": "ses.bulk"},
        "/v1/control/switches/": {"name": "ses"},
        "/v1/links/": {"code": "kJ3mQ0sYb7vXc1LrT9hZf2WnE8A"},
        "/v1/lists/": {"id": EXAMPLE_ID},
        "/v1/notifications/": {"id": EXAMPLE_ID},
        "/v1/settings/": {"name": "redirect_url"},
        "/v1/suppressions/": {"channel": "email", "address": "anna@example.com"},
        "/v1/templates/": {"key": "promo"},
        "/v1/users/": {"id": "u-1042", "endpoint_id": "webhook-5f0c1c9e2b7a4d31"},
    }
)


def path_values(path: str) -> Mapping[str, str]:
    """An example for each parameter in a route. Raises: KeyError for a route that has none yet: add one."""
    before, brace, _ = path.partition("{")
    return {name: value for name, value in _VALUES[before].items() if f"{{{name}}}" in path} if brace else {}


def example_of(body: type[BaseModel]) -> Any:
    """The first example of a body, in its author's order. Raises: KeyError for a body that has none yet: add one."""
    extra: Any = body.model_config["json_schema_extra"]
    return extra["examples"][0]
