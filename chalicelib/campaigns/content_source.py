"""Additional content for a campaign's letters, from an HTTP source."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from chalicelib.addresses import normal_url
from chalicelib.errors import InvalidError, Phrase, UnavailableError
from chalicelib.rendering.json_value import check_plain
from chalicelib.schemas import StrictModel
from chalicelib.text import Line, normal_json, shaped

if TYPE_CHECKING:
    import requests

MAX_BYTES = 128 * 1024
_TIMEOUT_SECONDS = (2.0, 5.0)  # to connect, between two bytes
_REMEMBERED = 64


class Content(StrictModel):
    """Content from an HTTP source, fetched for each chunk on its way, as the variable `name`. `shared`: `GET url`, the
    same for all, cached for `ttl_seconds`. `personal`: `POST url` with `{"user_ids": […]}`, answered with `{"users":
    {id: value}}`; users left out there have no content."""

    url: Annotated[
        Line,
        AfterValidator(normal_url),
        shaped(r"^https?://[^\s]{1,2000}$", Phrase("expected an address that begins with http:// or https://")),
    ]
    name: Annotated[
        str,
        shaped(
            r"^[a-z][a-z0-9_]{0,63}$",
            Phrase("expected the name of a variable: small Latin letters, digits and _, a letter first"),
        ),
    ]
    kind: Literal["shared", "personal"] = "shared"
    on_failure: Annotated[
        Literal["skip", "send_without", "retry"],
        Field(description="for those who have none; `retry` skips them in the end"),
    ] = "retry"
    ttl_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60


class ContentSource:
    """Fetches content. `session` is made on first use, so that workers without such campaigns start without it."""

    def __init__(self, *, session: "Callable[[], requests.Session]", clock: Callable[[], float]) -> None:
        self._make_session = session
        self._session: requests.Session | None = None
        self._clock = clock  # seconds that never go back
        self._known: dict[str, tuple[float, Any]] = {}  # when it was fetched, and its value

    def shared(self, content: Content) -> Any:
        """The value for everybody, at most `ttl_seconds` old. Raises: UnavailableError (retryable)."""
        known = self._known.get(content.url)
        # By its own limit: another campaign may accept an older value.
        if known and self._clock() - known[0] < content.ttl_seconds:
            return known[1]
        value = self._ask("GET", content.url, None)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[content.url] = (self._clock(), value)
        return value

    def personal(self, content: Content, user_ids: Sequence[str]) -> Mapping[str, Any]:
        """The value of each user for whom the source has one. Raises: UnavailableError (retryable)."""
        answer = self._ask("POST", content.url, {"user_ids": list(user_ids)})
        users = answer.get("users") if isinstance(answer, dict) else None
        if not isinstance(users, dict):
            raise UnavailableError("the content source gave no users")
        return users

    def _ask(self, method: str, url: str, body: Any) -> Any:
        import requests

        from chalicelib.security.outbound_http import read_body

        if self._session is None:
            self._session = self._make_session()
        try:
            with self._session.request(
                method, url, json=body, timeout=_TIMEOUT_SECONDS, allow_redirects=False, stream=True
            ) as response:
                if response.status_code != requests.codes.ok:
                    raise UnavailableError(f"the content source answered {response.status_code}")
                raw = read_body(response, MAX_BYTES + 1)
        except (requests.RequestException, OSError) as error:
            raise UnavailableError(f"the content source did not answer ({type(error).__name__})") from error
        return _read(raw)


def _read(raw: bytes) -> Any:
    if len(raw) > MAX_BYTES:
        raise UnavailableError(f"the content source gave over {MAX_BYTES} bytes")
    try:
        value = json.loads(raw)
        check_plain(value)
        return normal_json(value)
    except (ValueError, RecursionError, InvalidError) as error:
        raise UnavailableError("the content source gave no plain JSON") from error
