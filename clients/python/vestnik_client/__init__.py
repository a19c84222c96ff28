"""A client of Vestnik, the notification service. One `Vestnik` a thread.

    vestnik = Vestnik("https://notify.cinema.example", key)
    [sent] = vestnik.send("promo", [{"user_id": "u-1042"}], context={...}, idempotency_key="order-1042")
    vestnik.notification(sent.id).status

VestnikError
├── RefusedError      4xx, 3xx; permanent: the same call will be refused again, and nothing was done
└── UnavailableError  no answer, not a whole one, 429 or 5xx; retryable: nobody knows whether it was done
"""

import json
import random
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .errors import FieldProblem, RefusedError, UnavailableError, VestnikError
from .reading import content_of, read
from .shapes import Accepted, Delivery, Notification, Status, Ticket
from .wire import Asked, Wire

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

_KEY_CHARACTERS = 255
_LONGEST_CALL_SECONDS = 86_400
_MAY_BE_OUR_OWN_DOING = (404, 409, 412)  # of a second try: the first may have removed or changed the thing
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.25, 30.0


class Vestnik:
    """The service as one of its callers sees it. Every method raises: RefusedError (permanent), UnavailableError
    (retryable), and nothing else; neither later than `timeout_seconds` after the call."""

    def __init__(self, url: str, key: str, *, timeout_seconds: float = 30, tries: int = 4) -> None:
        """`url`: the API's base, `https://notify.cinema.example`; `key`: an API key with the scopes of the calls.
        `timeout_seconds` is for a whole call, with its tries and the waits between them, a day at most. Raises:
        RefusedError."""
        if not isinstance(timeout_seconds, int | float) or not 0 < timeout_seconds <= _LONGEST_CALL_SECONDS:
            raise RefusedError(f"timeout_seconds: expected more than 0, and at most {_LONGEST_CALL_SECONDS}")
        if not isinstance(tries, int) or not all(isinstance(text, str) and text.strip() for text in (url, key)):
            raise RefusedError("expected an address, a key, both not empty, and a whole number of tries")
        self._url = url.strip().rstrip("/")
        self._key = key.strip()  # out of a file it has a line end
        self._timeout_seconds = timeout_seconds
        self._tries = tries
        self._wire = Wire()

    def send(
        self,
        template: str,
        recipients: Sequence[Mapping[str, Any]],
        *,
        context: Mapping[str, Any] | None = None,
        attachments: Sequence[Mapping[str, Any]] = (),
        idempotency_key: str | None = None,
        **options: Any,
    ) -> list[Accepted]:
        """Promised notifications, in the order of `recipients`: 1–100 of `{"user_id": …}` or `{"email": …}`.
        `attachments`: `{"file": upload(…), "name": "ticket.pdf"}` or `{"url": …, "name": …}`. `options`: `category`,
        `channels`, `send_at`, `expires_at`, `lane`."""
        if isinstance(recipients, str | bytes | Mapping) or not isinstance(recipients, Iterable):
            raise RefusedError("recipients: expected a list")
        body = {"template": template, "recipients": list(recipients), "context": context or {}, **options}
        if attachments:
            body["attachments"] = list(attachments)
        told = self.call("POST", "/v1/notifications", body, idempotency_key=idempotency_key)
        return read(lambda: [Accepted.model_validate(one) for one in told["notifications"]])

    def upload(self, content: bytes) -> str:
        """Uploads a file for letters to carry, at most 10 MB; its id, for `attachments`."""
        told = self.call("POST", "/v1/files")
        id_, url, headers = read(lambda: (str(told["id"]), str(told["upload"]["url"]), dict(told["upload"]["headers"])))
        deadline = time.monotonic() + self._timeout_seconds
        answer = self._wire.ask(Asked("PUT", url, content, {}, headers), deadline=deadline)
        if answer.status not in (200, 412):  # 412: it is there, by a call whose reply was lost
            raise UnavailableError(f"the file was not taken ({answer.status})", status=answer.status)
        return id_

    def tell(
        self, type_: str, id_: str, user: Mapping[str, Any], data: Mapping[str, Any] | None = None
    ) -> list[Accepted]:
        """Something happened (`user.registered`); answers the letters that follow. `id_` is the idempotency key."""
        told = self.call("POST", "/v1/events", {"type": type_, "id": id_, "user": user, "data": data or {}})
        return read(lambda: [Accepted.model_validate(one) for one in told["notifications"]])

    def notification(self, id_: str) -> Notification:
        """What became of it."""
        told = self.call("GET", f"/v1/notifications/{_part(id_)}")
        return read(lambda: Notification.model_validate(told))

    def cancel(self, id_: str) -> Notification:
        """Stops what has not been sent; the deliveries say what has."""
        told = self.call("POST", f"/v1/notifications/{_part(id_)}/cancel")
        return read(lambda: Notification.model_validate(told))

    def history(self, user_id: str) -> Iterator[Notification]:
        """A user's notifications, newest first, page after page."""
        cursor: str | None = None
        while True:
            query = {"cursor": cursor} if cursor else {}
            page = self.call("GET", f"{_user(user_id)}/notifications", query=query)
            before, (found, cursor) = cursor, read(lambda: _page(page))  # noqa: B023 - read at once
            yield from found
            if not cursor:
                return
            if cursor == before:
                raise UnavailableError("the answer leads to its own page again")

    def put_user(self, user_id: str, **fields: Any) -> None:
        """Makes or replaces a user: `email`, `phone`, `name`, `locale`, `timezone`, `attributes`, `email_confirmed`."""
        told = self.call("PUT", _user(user_id), fields)
        if not isinstance(told, dict) or not isinstance(told.get("id"), str):
            raise UnavailableError("the answer does not say that the user was written")

    def erase_user(self, user_id: str) -> None:
        """Erases their personal data; repeating it is harmless."""
        if self.call("DELETE", _user(user_id)) is not None:
            raise UnavailableError("the answer does not say that the user was erased")

    def live_ticket(self, user_id: str) -> Ticket:
        """Where this user's page opens its WebSocket."""
        told = self.call("POST", "/v1/live/tickets", {"user_id": user_id})
        return read(lambda: Ticket.model_validate(told))

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Any call of docs/api.md; the answer's JSON, None of a 204. A POST has an `idempotency_key`, one of its own
        where none is given, the same for all its tries: however often it is sent, it is done once."""
        asked = self._asked(_method(method), path, body, query=query, headers=headers, key=idempotency_key)
        deadline = time.monotonic() + self._timeout_seconds
        wait, unclear = _FIRST_WAIT_SECONDS, False
        for left in range(max(self._tries, 1) - 1, -1, -1):
            try:
                return content_of(self._wire.ask(asked, deadline=_deadline_of_a_try(deadline, last=not left)))
            except RefusedError as error:
                if unclear and asked.method != "POST" and error.status in _MAY_BE_OUR_OWN_DOING:
                    told = f"an earlier try may have done it: {error}"
                    raise UnavailableError(told, status=error.status, request_id=error.request_id) from error
                raise
            except UnavailableError as error:
                unclear = unclear or error.status is None or error.status >= 500 or error.status < 300
                pause = max(error.retry_after_seconds or 0, wait * random.uniform(0.5, 1))  # noqa: S311 - no secret
                if not left or time.monotonic() + pause >= deadline:
                    raise
            time.sleep(pause)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
        raise AssertionError  # the last try returns or raises

    def _asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        key: str | None,
    ) -> Asked:
        if not (isinstance(path, str) and isinstance(query or {}, Mapping) and isinstance(headers or {}, Mapping)):
            raise RefusedError("expected a path of text, a query and headers by name")
        if not path.startswith("/"):  # behind the base it would name another host, which is told no key
            raise RefusedError("a path: expected one that begins with /")
        sent = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        sent |= {str(name): value for name, value in (headers or {}).items()}
        raw = None
        if body is not None:
            if not any(name.lower() == "content-type" for name in sent):
                sent["Content-Type"] = "application/json"
            try:
                raw = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
            except (TypeError, ValueError, RecursionError) as error:
                raise RefusedError(f"the body is no JSON ({type(error).__name__})") from error
        named = next((value for name, value in sent.items() if name.lower() == "idempotency-key"), key)
        if method == "POST" and named is None:
            named = str(uuid.uuid4())
        if named is not None:
            if not isinstance(named, str) or not 1 <= len(named) <= _KEY_CHARACTERS or not _is_plain(named):
                raise RefusedError(f"idempotency_key: expected 1 to {_KEY_CHARACTERS} printable ASCII characters")
            sent = {name: value for name, value in sent.items() if name.lower() != "idempotency-key"}
            sent["Idempotency-Key"] = named
        return Asked(method, self._url + path, raw, query or {}, sent)


def _method(text: str) -> str:
    if isinstance(text, str) and text.isascii() and text.isalpha():
        return text.upper()
    raise RefusedError("a method: expected a word such as GET")


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _part(id_: str) -> str:
    if not isinstance(id_, str) or not id_:
        raise RefusedError("an id: expected text")
    try:
        return quote(id_, safe="")
    except UnicodeError as error:
        raise RefusedError("an id: half of a surrogate pair is not a character") from error


def _page(page: Any) -> tuple[list[Notification], str | None]:
    cursor = page.get("cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise TypeError
    return [Notification.model_validate(one) for one in page["notifications"]], cursor


def _user(user_id: str) -> str:
    return f"/v1/users/{_part(user_id)}"


def _deadline_of_a_try(deadline: float, *, last: bool) -> float:
    """A try that is not the last leaves half of the time to the others: what hangs may be lost."""
    now = time.monotonic()
    return deadline if last else now + (deadline - now) / 2
