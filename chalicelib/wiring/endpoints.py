"""The registration of devices, webhooks and chats."""

from functools import cache

from chalicelib.services.endpoint_registration import EndpointDesk
from chalicelib.settings import settings
from chalicelib.wiring.clients import sns
from chalicelib.wiring.people import directory, endpoints


@cache
def endpoint_desk() -> EndpointDesk:
    """Where users' endpoints are registered."""
    return EndpointDesk(
        book=endpoints(),
        directory=directory(),
        sns=sns,
        platforms={"ios": settings().push_ios, "android": settings().push_android},
        chat_kinds=settings().chat_kinds.split(),
        private_addresses=settings().private_addresses,
    )
