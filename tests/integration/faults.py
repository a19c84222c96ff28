"""Faults of AWS as botocore sees them, below our code: a handler of `before-send.<service>.<operation>` events."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from moto.core.models import botocore_stubber

from chalicelib.errors import UnavailableError
from tests.twin.client import Sent

_MOST_TRIES = 200
P = ParamSpec("P")
T = TypeVar("T")


def unreachable(**_: Any) -> None:
    """The service's address does not answer."""
    raise EndpointConnectionError(endpoint_url="https://unreachable.example")


class LostReply:
    """The first `times` calls reach the service, their replies do not come back."""

    def __init__(self, times: int = 1) -> None:
        self.times = times
        self.lost = 0

    def __call__(self, request: Any, **_: Any) -> None:
        if self.lost < self.times:
            self.lost += 1
            request.arrive() if isinstance(request, Sent) else botocore_stubber(event_name="", request=request)
            raise ConnectionClosedError(endpoint_url=request.url)


def of_the_audit(params: Any) -> bool:
    """Whether a call of DynamoDB is for the audit, whose next line waits until this one is written: a hook that makes a
    call of the API out of it would wait for ever."""
    return b"-audit" in params["body"]


def again(do: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Repeats what is unavailable, as a queue does."""
    for _ in range(_MOST_TRIES):
        try:
            return do(*given, **named)
        except UnavailableError:
            continue
    raise AssertionError("it was never available")
