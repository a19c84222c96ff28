"""Outgoing HTTP to addresses that people typed in: no redirects (the caller says so) and, unless the stage allows more,
only TLS and only public addresses. The name is resolved once and the connection is made to the address that was
checked, so that DNS rebinding has no effect. An answer also has a total time limit: with timeouts between bytes alone,
a server that drips could hold a worker."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any, NamedTuple
from urllib.parse import urljoin

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util.connection import create_connection

from chalicelib.reasons import Reason
from chalicelib.security.public_addresses import is_public

_POST_TIMEOUT_SECONDS = (2.0, 5.0)  # to connect, between two bytes
_STEP_SECONDS = 8.0  # total limit of a TLS handshake, of an answer's headers, and of its body


class PrivateAddressError(NewConnectionError):
    """Permanent: the name resolves to an address that must not be called on a user's word."""


class PlainHttpError(NewConnectionError):
    """Permanent: what is sent could be read and changed on its way."""


class HttpReply(NamedTuple):
    """The result of a POST: a `status`, or the `problem` instead: `private_address`, `plain_http`, `no_connection`
    (nothing was sent), `no_answer` (it may have arrived)."""

    status: int | None = None
    problem: Reason | None = None


def guarded_post(session: requests.Session, url: str, body: bytes, headers: Mapping[str, str]) -> HttpReply:
    """One POST without redirects; the answer's body is not read. Never raises."""
    try:
        with session.post(
            url, data=body, headers=headers, timeout=_POST_TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as response:
            return HttpReply(status=response.status_code)
    except requests.RequestException as error:
        return HttpReply(problem=_problem(error))


class HttpLook(NamedTuple):
    """What a server answers for an address: a `status`, where it sends to, and how large it is; or the `problem`."""

    status: int | None = None
    redirect: str | None = None
    size_bytes: int | None = None
    problem: Reason | None = None


def guarded_look(session: requests.Session, method: str, url: str, *, timeout_seconds: float) -> HttpLook:
    """One HEAD or GET without redirects; the answer's body is not read. Never raises."""
    try:
        with session.request(
            method, url, timeout=timeout_seconds, allow_redirects=False, stream=True, headers={"Accept": "*/*"}
        ) as response:
            size = response.headers.get("content-length", "")
            redirect = session.get_redirect_target(response)
            target = urljoin(url, redirect) if redirect else None
            return HttpLook(response.status_code, target, int(size) if size.isdecimal() else None)
    except requests.RequestException as error:
        return HttpLook(problem=_problem(error))
    except (ValueError, urllib3.exceptions.HTTPError):  # an address that cannot be read, here or where it leads
        return HttpLook(problem=Reason.NO_ANSWER)


def read_body(response: requests.Response, most: int) -> bytes:
    """The body of an answer to a guarded session's `stream=True`, limited in size, decompressed. Raises:
    requests.ConnectionError: it did not arrive in time, broke off or cannot be decompressed."""
    try:
        with _step(response.raw):
            return bytes(response.raw.read(most, decode_content=True))
    except HTTPError as error:
        raise requests.ConnectionError(error) from error


def _problem(error: requests.RequestException) -> Reason:
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(cause, PrivateAddressError):
        return Reason.PRIVATE_ADDRESS
    if isinstance(cause, PlainHttpError):
        return Reason.PLAIN_HTTP
    if isinstance(cause, NewConnectionError) or isinstance(error, requests.ConnectTimeout):
        return Reason.NO_CONNECTION
    return Reason.NO_ANSWER


def guarded_session(*, allow_private: bool, step_seconds: float | None = None) -> requests.Session:
    """A session that reaches only public addresses, only by TLS, unless `allow_private`; it uses no proxy from the
    environment. A TLS handshake, an answer's headers and its body may each take `step_seconds` in all."""
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(allow_private=allow_private, step_seconds=step_seconds))
    return session


def _connect(connection: Any) -> socket.socket:
    host, port = connection.host, connection.port
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NewConnectionError(connection, "the name cannot be resolved") from error
    addresses = [str(one[4][0]) for one in found]
    if not addresses or not all(is_public(address) for address in addresses):
        raise PrivateAddressError(connection, "the address is not a public one")
    try:
        return create_connection((addresses[0], port), connection.timeout, socket_options=connection.socket_options)
    except OSError as error:
        raise NewConnectionError(connection, "no connection") from error


@contextmanager
def _step(holder: Any, seconds: float | None = None) -> Iterator[None]:
    timer = Timer(seconds or _STEP_SECONDS, _cut, [holder])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(holder: Any) -> None:
    with suppress(OSError, AttributeError):  # already closed, or never made
        holder.sock.shutdown(socket.SHUT_RDWR)


def _answer(connection: "_TimedHTTP | _TimedHTTPS", get: Callable[[], Any]) -> Any:
    wire = connection.sock
    with _step(connection, connection.step_seconds):
        answer = get()
    answer.sock = wire  # for its body: a connection that is not kept alive has dropped it by now
    return answer


class _TimedHTTP(HTTPConnection):
    step_seconds: float | None = None

    def getresponse(self) -> Any:
        return _answer(self, super().getresponse)


class _TimedHTTPS(HTTPSConnection):
    step_seconds: float | None = None

    def connect(self) -> None:
        with _step(self, self.step_seconds):
            super().connect()

    def getresponse(self) -> Any:
        return _answer(self, super().getresponse)


class _GuardedHTTP(_TimedHTTP):
    def _new_conn(self) -> socket.socket:
        raise PlainHttpError(self, "expected an https address")


class _GuardedHTTPS(_TimedHTTPS):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


def _pools(
    http: type[HTTPConnection], https: type[HTTPSConnection], step_seconds: float | None
) -> dict[str, type[HTTPConnectionPool]]:
    timed = {"step_seconds": step_seconds}
    return {
        "http": type("_HTTPPool", (HTTPConnectionPool,), {"ConnectionCls": type("_HTTP", (http,), timed)}),
        "https": type("_HTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": type("_HTTPS", (https,), timed)}),
    }


class _Adapter(HTTPAdapter):
    def __init__(self, *, allow_private: bool, step_seconds: float | None) -> None:
        http, https = (_TimedHTTP, _TimedHTTPS) if allow_private else (_GuardedHTTP, _GuardedHTTPS)
        self._classes = _pools(http, https, step_seconds)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager: urllib3.PoolManager
        self.poolmanager.pool_classes_by_scheme = self._classes
