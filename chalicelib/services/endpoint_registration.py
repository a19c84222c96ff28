"""Registers a user's endpoints: what each channel needs before it can send.

A device gets an SNS platform endpoint, which belongs to one user: whoever signs in on it next takes it over, so that
nobody reads another's notifications.
"""

import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from chalicelib.aws_session import FAILURES, failure_of, reaching
from chalicelib.channels.chat import OPTIONS, chat_at, kind_of
from chalicelib.clock import is_id
from chalicelib.composed import Composed
from chalicelib.errors import InvalidError, NotFoundError, Phrase, phrase_of
from chalicelib.etags import Seen
from chalicelib.profiles.directory import Directory
from chalicelib.profiles.endpoints import EndpointBody
from chalicelib.security.public_addresses import check_url
from chalicelib.storage.endpoints import Endpoint, Endpoints

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

_SECRET_BYTES = 32  # Standard Webhooks: 24 to 64
# "Endpoint <arn> already exists with the same Token, but different attributes" (SNS, CreatePlatformEndpoint)
_KNOWN_ARN = re.compile(r"Endpoint (arn:\S+) already exists with the same Token")


class EndpointRegistration(Composed):
    """`platforms`: the SNS platform application of each platform; `private_addresses`: webhooks and chats may be
    internal, and without TLS (a local stage)."""

    book: Endpoints
    directory: Directory
    sns: "Callable[[], SNSClient]"
    platforms: Mapping[str, str]
    chat_kinds: Collection[str]
    private_addresses: bool

    def register(self, user_id: str, body: EndpointBody) -> Endpoint:
        """Adds an endpoint; registering it again returns the same one. Raises: NotFoundError (permanent: no such user),
        InvalidError (permanent), ConflictError (permanent: too many), UnavailableError (retryable)."""
        self.directory.get(user_id)
        if body.channel == "push":
            return self._register_device(user_id, body)
        url = body.url or ""
        if body.channel == "chat":
            self._check_chat(url)
            return self.book.add(user_id, "chat", target=url, shown=f"{kind_of(url)}://…", name=body.name)
        self._check_webhook(url)
        secret = f"whsec_{b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"
        parts = urlsplit(url)
        shown = f"{parts.scheme}://{parts.netloc}/…"
        return self.book.add(user_id, "webhook", target=url, shown=shown, name=body.name, secret=secret)

    def remove(self, user_id: str, endpoint_id: str, *, seen: Seen | None = None) -> None:
        """Deletes an endpoint; idempotent. Raises: NotFoundError (permanent: there never was such an endpoint),
        ChangedError (permanent: it is not what was `seen`), UnavailableError (retryable)."""
        try:
            endpoint = self.book.get(user_id, endpoint_id)
        except NotFoundError:
            if is_id(endpoint_id):
                return
            raise
        self.book.forget(endpoint.channel, user_id, endpoint_id, seen=seen)
        self._remove_at_provider(endpoint)

    def shown(self, user_id: str) -> list[dict[str, Any]]:
        """A user's endpoints, without addresses and secrets. Raises: UnavailableError (retryable)."""
        return [one.visible for one in self.book.of(user_id)]

    def erase(self, user_id: str) -> None:
        """Deletes all of a user's. Raises: UnavailableError (retryable)."""
        for endpoint in self.book.of(user_id):
            self._remove_at_provider(endpoint)
        self.book.erase(user_id)

    def _remove_at_provider(self, endpoint: Endpoint) -> None:
        if endpoint.channel == "push":
            _ask(lambda: self.sns().delete_endpoint(EndpointArn=endpoint.target))

    def _check_webhook(self, url: str) -> None:
        if self.private_addresses:
            return
        try:
            check_url(url)
        except ValueError as error:
            raise InvalidError.of("url", phrase_of(error)) from error

    def _check_chat(self, url: str) -> None:
        kinds = ", ".join(sorted(self.chat_kinds))
        if kind_of(url) not in self.chat_kinds:
            raise InvalidError.of("url", Phrase("expected one of these kinds of chats: {known}", known=kinds))
        if chat_at(url, own_hosts=self.private_addresses) is None:
            raise InvalidError.of(
                "url",
                Phrase(
                    "expected an address of {kind} as apprise writes it, of one room, with no host of its own "
                    "and no options but {known}",
                    kind=kind_of(url),
                    known=", ".join(OPTIONS),
                ),
            )

    def _register_device(self, user_id: str, body: EndpointBody) -> Endpoint:
        platform, token = body.platform or "", body.token or ""
        application = self.platforms.get(platform)
        if not application:
            raise InvalidError.of("platform", Phrase("this stage has no application for this platform"))
        try:
            arn = self.sns().create_platform_endpoint(
                PlatformApplicationArn=application,
                Token=token,
                CustomUserData=user_id,
                Attributes={"CustomUserData": user_id},  # the same on AWS; emulators keep the one or the other
            )["EndpointArn"]
        except ClientError as error:
            arn = self._take_over(user_id, token, error)
        except FAILURES as error:
            raise failure_of(error, "SNS did not answer") from error
        return self.book.add(user_id, "push", target=arn, shown=f"{platform} …{token[-4:]}", name=body.name)

    def _take_over(self, user_id: str, token: str, error: ClientError) -> str:
        known = _KNOWN_ARN.search(error.response.get("Error", {}).get("Message", ""))
        if known is None:
            if error.response.get("Error", {}).get("Code") in {"InvalidParameter", "InvalidParameterException"}:
                raise InvalidError.of("token", Phrase("expected a device token of this platform")) from error
            raise failure_of(error, "SNS did not take the device") from error
        arn = known[1]
        attributes = _ask(lambda: self.sns().get_endpoint_attributes(EndpointArn=arn))["Attributes"]
        owner = attributes.get("CustomUserData")
        if owner and owner != user_id:
            self._leave(owner, arn)
        wanted = {"CustomUserData": user_id, "Enabled": "true", "Token": token}
        _ask(lambda: self.sns().set_endpoint_attributes(EndpointArn=arn, Attributes=wanted))
        return arn

    def _leave(self, owner: str, arn: str) -> None:
        for endpoint in self.book.of(owner):
            if endpoint.target == arn:
                self.book.forget("push", owner, endpoint.id)


def _ask(call: Callable[[], Any]) -> Any:
    with reaching("SNS did not answer"):
        return call()
