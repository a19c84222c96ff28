"""A client of Vestnik, the notification service. One `Vestnik` a thread.

    vestnik = Vestnik("https://notify.cinema.example", key)
    [sent] = vestnik.send("promo", [{"user_id": "u-1042"}], context={...}, idempotency_key="order-1042")
    vestnik.notification(sent.id).status

VestnikError
├── RefusedError      4xx; permanent: the same call will be refused again
└── UnavailableError  no reply, 429 or 5xx after all tries; retryable: nothing was promised
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import requests
from pydantic import BaseModel, ConfigDict
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

__all__ = [
    "Accepted",
    "Delivery",
    "FieldProblem",
    "Notification",
    "RefusedError",
    "Status",
    "Ticket",
    "UnavailableError",
    "Vestnik",
    "VestnikError",
]

Status = Literal[
    "accepted",
    "scheduled",
    "processing",
    "sent",
    "delivered",
    "bounced",
    "complained",
    "skipped",
    "failed",
    "uncertain",
    "cancelled",
]
_MAY_PASS = (429, 500, 502, 503, 504)
_LONGEST_WAIT_SECONDS = 30


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)  # fields that a newer service adds are left out


class Accepted(_Shape):
    """One notification that the service has promised to send."""

    id: str
    status: Status
    url: str


class Delivery(_Shape):
    """One channel of a notification; `reason` says why it was skipped, failed, bounced or put aside."""

    channel: str
    status: Status
    reason: str | None
    attempt: int


class Notification(_Shape):
    """What became of a notification. Times are RFC 3339, UTC."""

    id: str
    status: Status
    template: str
    category: str
    created_at: str
    deliveries: tuple[Delivery, ...]


class Ticket(_Shape):
    """Opens one WebSocket, once, until `expires_at`."""

    ticket: str
    url: str
    expires_at: str


class FieldProblem(_Shape):
    """One mistake: `field` is a path such as `recipients[3].email`."""

    field: str
    message: str


class VestnikError(Exception):
    """The base. `status` is that of HTTP, None where no reply came."""

    def __init__(self, detail: str, *, status: int | None, errors: Sequence[FieldProblem] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.errors = tuple(errors)


class RefusedError(VestnikError):
    """Permanent: the call is wrong and `errors` names each bad field, or the thing is not there, or it forbids this."""


class UnavailableError(VestnikError):
    """Retryable: nothing was promised. The same `idempotency_key` asks again without a second letter."""


class Vestnik:
    """The service as one of its callers sees it. Every method raises: RefusedError (permanent), UnavailableError
    (retryable, after `tries` tries)."""

    def __init__(self, url: str, key: str, *, timeout_seconds: float = 10, tries: int = 4) -> None:
        """`url`: the API's base, `https://notify.cinema.example`; `key`: an API key with the scopes of the calls."""
        self._url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"
        retry = Retry(
            total=tries - 1,
            allowed_methods=None,  # every call may be repeated; a notification by its Idempotency-Key
            status_forcelist=_MAY_PASS,
            raise_on_status=False,
            backoff_factor=0.25,
            backoff_jitter=0.25,
            backoff_max=_LONGEST_WAIT_SECONDS,
            retry_after_max=_LONGEST_WAIT_SECONDS,
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def send(
        self,
        template: str,
        recipients: Sequence[Mapping[str, Any]],
        *,
        context: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> list[Accepted]:
        """Promised notifications, in the order of `recipients`: 1–100 of `{"user_id": …}` or `{"email": …}`.
        `options`: `category`, `channels`, `send_at`, `expires_at`, `lane`."""
        body = {"template": template, "recipients": list(recipients), "context": context or {}, **options}
        key = idempotency_key or str(uuid.uuid4())
        told = self.call("POST", "/v1/notifications", body, headers={"Idempotency-Key": key})
        return [Accepted.model_validate(one) for one in told["notifications"]]

    def tell(
        self, type_: str, id_: str, user: Mapping[str, Any], data: Mapping[str, Any] | None = None
    ) -> list[Accepted]:
        """Something happened (`user.registered`); answers the letters that follow. `id_` is the idempotency key."""
        told = self.call("POST", "/v1/events", {"type": type_, "id": id_, "user": user, "data": data or {}})
        return [Accepted.model_validate(one) for one in told["notifications"]]

    def notification(self, id_: str) -> Notification:
        """What became of it."""
        return Notification.model_validate(self.call("GET", f"/v1/notifications/{quote(id_, safe='')}"))

    def cancel(self, id_: str) -> Notification:
        """Stops what has not been sent; the deliveries say what has."""
        return Notification.model_validate(self.call("POST", f"/v1/notifications/{quote(id_, safe='')}/cancel"))

    def history(self, user_id: str) -> Iterator[Notification]:
        """A user's notifications, newest first, page after page."""
        cursor: str | None = None
        while True:
            query = {"cursor": cursor} if cursor else {}
            page = self.call("GET", f"{_user(user_id)}/notifications", query=query)
            yield from (Notification.model_validate(one) for one in page["notifications"])
            cursor = page["cursor"]
            if cursor is None:
                return

    def put_user(self, user_id: str, **fields: Any) -> None:
        """Makes or replaces a user: `email`, `phone`, `name`, `locale`, `timezone`, `attributes`, `email_confirmed`."""
        self.call("PUT", _user(user_id), fields)

    def erase_user(self, user_id: str) -> None:
        """Erases their personal data; repeating it is harmless."""
        self.call("DELETE", _user(user_id))

    def live_ticket(self, user_id: str) -> Ticket:
        """Where this user's page opens its WebSocket."""
        return Ticket.model_validate(self.call("POST", "/v1/live/tickets", {"user_id": user_id}))

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Any call of docs/api.md; the answer's JSON, None where it has none."""
        try:
            answer = self._session.request(
                method,
                self._url + path,
                json=body,
                params=query,
                headers=dict(headers or {}),
                timeout=self._timeout_seconds,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # The message of requests may quote the address, and an address may hold a person's.
            raise UnavailableError(f"no reply ({type(error).__name__})", status=None) from error
        if answer.ok:
            return answer.json() if answer.content else None
        raise _error(answer)


def _user(user_id: str) -> str:
    return f"/v1/users/{quote(user_id, safe='')}"


def _error(answer: requests.Response) -> VestnikError:
    try:
        problem = answer.json()
        detail, errors = str(problem["detail"]), [FieldProblem.model_validate(one) for one in problem["errors"]]
    except (ValueError, KeyError, TypeError):  # an answer of something in between
        detail, errors = answer.reason, []
    kind = UnavailableError if answer.status_code in _MAY_PASS else RefusedError
    return kind(detail, status=answer.status_code, errors=errors)
