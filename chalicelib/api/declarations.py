"""What an API route declares. The endpoint wrapper enforces it and `/openapi.json` publishes it, so the two cannot
differ."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import NoneType
from typing import Any, NamedTuple, get_args

from chalice.app import Blueprint, Chalice
from pydantic import BaseModel

from chalicelib.accounts.api_keys import Scope

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
REPLACING = ("PUT", "PATCH")  # a body lost on its way must not empty anything


class Route(NamedTuple):
    """What a route promises; `openapi.py` publishes it."""

    method: str
    path: str
    summary: str
    scope: Scope
    of_all: Scope | None
    answer: type[BaseModel] | None
    status: HTTPStatus
    view: Callable[[Any], Any]
    problems: Mapping[HTTPStatus, str]
    tag: Callable[[Any], str] | None
    if_match: bool
    must_match: bool
    replays: bool
    largest_body: int

    @property
    def operation(self) -> str:
        """The id under which the route is published, logged and in the audit."""
        return str(self.view.__name__)

    @property
    def body(self) -> type[BaseModel] | None:
        """The model of the body: the view's `Call` names it."""
        return self._asked[0]

    @property
    def query(self) -> type[BaseModel] | None:
        """The model of the query's parameters."""
        return self._asked[1]

    @property
    def _asked(self) -> list[type[BaseModel] | None]:
        (call, *_) = self.view.__annotations__.values()
        return [None if one is NoneType else one for one in get_args(call)]

    @property
    def content_types(self) -> tuple[str, ...]:
        """The accepted content types of the body: a merge patch has its own (RFC 7396)."""
        return (JSON, MERGE_PATCH) if self.method == "PATCH" else (JSON,)

    @property
    def needs_body(self) -> bool:
        """Whether a body is required; an action's body may consist of defaults."""
        if self.body is None:
            return False
        return self.method in REPLACING or any(field.is_required() for field in self.body.model_fields.values())


class Routes(Blueprint):
    """A blueprint that can be registered again, with the routes of the modules that were imported since."""

    def register(self, app: Chalice, options: dict[str, Any]) -> None:
        super().register(app, options)
        self._deferred_registrations.clear()


ENDPOINTS: list[Route] = []
routes = Routes(__name__)  # every route of the API
