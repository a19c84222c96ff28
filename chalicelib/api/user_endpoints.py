"""`/v1/users/{id}/endpoints`: a user's devices, webhooks and chats."""

from functools import partial
from http import HTTPStatus
from typing import Any

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.users import user_id_of
from chalicelib.deliveries import DeliveryKey
from chalicelib.etags import tag_of
from chalicelib.profiles.endpoints import EndpointBody, EndpointPatch
from chalicelib.stage.app import stage

reads = partial(endpoint, scope=Scope.USERS_READ)
writes = partial(endpoint, scope=Scope.USERS_WRITE)


class EndpointAnswer(ApiAnswer):
    """One endpoint; `shown` is the visible part of its address. `off_reason`: who or what switched it off."""

    id: str
    channel: str
    name: str | None
    shown: str
    enabled: bool
    off_reason: str | None
    created_at: str


class NewEndpointAnswer(EndpointAnswer):
    """`secret` signs a webhook's posts (Standard Webhooks); keep it, it is shown only here."""

    secret: str | None


class EndpointsAnswer(ApiAnswer):
    """A user's endpoints, oldest first."""

    endpoints: list[EndpointAnswer]


class Try(ApiAnswer):
    """One attempt of a delivery: `status` is the HTTP status, `outcome` is `accepted` or the reason why not."""

    at: str
    delivery_id: str
    outcome: str
    status: int | None


class LogAnswer(ApiAnswer):
    """The latest attempts, newest first; kept for 30 days."""

    deliveries: list[Try]


@reads("GET", "/v1/users/{id}/endpoints", summary="A user's devices, webhooks and chats", answer=EndpointsAnswer)
def list_endpoints(call: Call[None, None]) -> dict[str, Any]:
    """Addresses and secrets are not shown."""
    return {"endpoints": [one.visible for one in stage().endpoints.of(user_id_of(call))]}


@writes(
    "POST",
    "/v1/users/{id}/endpoints",
    summary="Register a device, a webhook or a chat",
    answer=NewEndpointAnswer,
    status=HTTPStatus.CREATED,
    problems={HTTPStatus.CONFLICT: "the user has too many endpoints of this channel"},
)
def add_endpoint(call: Call[EndpointBody, None]) -> dict[str, Any]:
    """Registering the same endpoint again returns it and switches it on; a device moves from the user who had it
    before."""
    made = stage().endpoint_registration.register(user_id_of(call), call.body)
    return {**made.visible, "secret": made.secret}


@reads(
    "GET",
    "/v1/users/{id}/endpoints/{endpoint_id}",
    summary="One device, webhook or chat",
    answer=EndpointAnswer,
    tag=tag_of,
)
def get_endpoint(call: Call[None, None]) -> dict[str, Any]:
    """Its address and secret are not shown."""
    return stage().endpoints.get(user_id_of(call), call.path["endpoint_id"]).visible


@writes(
    "PATCH",
    "/v1/users/{id}/endpoints/{endpoint_id}",
    summary="Switch an endpoint on or off",
    answer=EndpointAnswer,
    tag=tag_of,
    if_match=True,
)
def switch_endpoint(call: Call[EndpointPatch, None]) -> dict[str, Any]:
    """Applies to notifications already on their way."""
    user_id, book = user_id_of(call), stage().endpoints
    found = book.get(user_id, call.path["endpoint_id"])
    return book.switch(found.channel, user_id, found.id, on=call.body.enabled, seen=call.seen).visible


@writes("DELETE", "/v1/users/{id}/endpoints/{endpoint_id}", summary="Delete an endpoint", if_match=True)
def delete_endpoint(call: Call[None, None]) -> None:
    """A device is removed from its provider too. May be repeated safely."""
    stage().endpoint_registration.remove(user_id_of(call), call.path["endpoint_id"], seen=call.seen)


@endpoint(
    "GET",
    "/v1/users/{id}/endpoints/{endpoint_id}/deliveries",
    summary="The latest posts to a webhook",
    scope=Scope.USERS_READ,
    of_all=Scope.USERS_READ_ALL,
    answer=LogAnswer,
)
def list_deliveries(call: Call[None, None]) -> dict[str, Any]:
    """Every attempt, failed ones included."""
    user_id = user_id_of(call)
    found = stage().endpoints.get(user_id, call.path["endpoint_id"])
    tries = stage().endpoints.log(user_id, found.id)
    if call.sight.everything:
        return {"deliveries": tries}
    asked = {one["delivery_id"]: DeliveryKey.of(one["delivery_id"]).notification_id for one in tries}
    own = stage().history.only_of(asked.values(), call.sight)
    return {"deliveries": [one for one in tries if asked[one["delivery_id"]] in own]}
