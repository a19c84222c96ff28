"""Things of one user, for tests of what any caller may do to them; each is made by the API and answers its path."""

from typing import Any

from tests.integration.api.gateway import Gateway

ANNA: dict[str, Any] = {"email": "anna@example.com", "name": "Anna", "locale": "en"}
HOOK = {"channel": "webhook", "url": "https://partner.example/hook"}


def new_user(api: Gateway) -> str:
    """Anna."""
    api.put("/v1/users/u-1", ANNA)
    return "/v1/users/u-1"


def new_endpoint(api: Gateway) -> str:
    """A webhook of Anna's."""
    return f"{new_user(api)}/endpoints/{api.post(f'{new_user(api)}/endpoints', HOOK).body['id']}"
