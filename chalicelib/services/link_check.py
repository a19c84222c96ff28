"""Tries the links and pictures of a letter as a reader's browser would, bounded in number and time, through the client
that reaches only public addresses: whoever writes a letter names what this server then calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.errors import Phrase
from chalicelib.reasons import Reason

if TYPE_CHECKING:
    from requests import Session

MOST_LINKS = 30
SECONDS, SECONDS_IN_ALL = 2.0, 8.0
_AT_ONCE = 6
_REDIRECTS = 4
_REMEMBERED_SECONDS = 300.0
_MOST_REMEMBERED = 500
# Some servers answer HEAD with these although a GET finds the page.
_TRY_GET = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})
# For us, not for readers: a sign-in, a guard against robots, a limit.
_NOT_FOR_US = frozenset({401, 403, 405, 406, 407, 408, 425, 429, 451, 501, 503, 999})


class Tried(NamedTuple):
    """`alive` is None where it could not be found out; `why` says what happened unless it is alive."""

    alive: bool | None
    why: Phrase | None = None
    size_bytes: int | None = None


NOT_TRIED = Tried(None, Phrase("it was not tried in time"))


class LinkCheck:
    """`ours` begins the addresses of pages of our own, whose tokens must not be used up. `session` is made when it is
    needed, so that processes without checks start without it."""

    def __init__(self, *, session: "Callable[[], Session]", monotonic: Callable[[], float], ours: str) -> None:
        self._session = session
        self._monotonic = monotonic
        self._ours = ours
        self._known: dict[str, tuple[float, Tried]] = {}  # when it was tried, and what came of it

    def try_all(self, addresses: Iterable[str]) -> Mapping[str, Tried]:
        """The first MOST_LINKS of them; what was tried within the last minutes is not tried again. Never raises."""
        wanted = [one for one in dict.fromkeys(addresses) if not one.startswith(f"{self._ours}/")][:MOST_LINKS]
        at = self._monotonic()
        self._known = {one: kept for one, kept in self._known.items() if at - kept[0] < _REMEMBERED_SECONDS}
        tried = self._try([one for one in wanted if one not in self._known])
        if len(self._known) < _MOST_REMEMBERED:
            self._known |= {one: (at, found) for one, found in tried.items()}
        known = {one: kept[1] for one, kept in self._known.items()}
        return {one: tried.get(one) or known.get(one, NOT_TRIED) for one in wanted}

    def _try(self, addresses: Sequence[str]) -> Mapping[str, Tried]:
        if not addresses:
            return {}
        pool = ThreadPoolExecutor(_AT_ONCE)
        session = self._session()
        tasks = {pool.submit(self._one, session, address): address for address in addresses}
        done, _ = wait(tasks, timeout=SECONDS_IN_ALL)
        pool.shutdown(wait=False, cancel_futures=True)  # each of the others ends by its own limits
        return {tasks[one]: one.result() for one in done}

    def _one(self, session: "Session", address: str) -> Tried:
        from chalicelib.security.outbound_http import guarded_look

        until, method = self._monotonic() + SECONDS, "HEAD"
        for _ in range(2 * _REDIRECTS):
            left = until - self._monotonic()
            if left <= 0:
                break
            look = guarded_look(session, method, address, timeout_seconds=left)
            if method == "HEAD" and look.status in _TRY_GET:
                method = "GET"
                continue
            if look.redirect is None:
                return _told(look.status, look.problem, look.size_bytes)
            address = look.redirect
        return Tried(None, Phrase("it did not answer in time, or redirects again and again"))


def _told(status: int | None, problem: Reason | None, size_bytes: int | None) -> Tried:
    if status is None:
        return _unanswered(problem)
    if status < HTTPStatus.BAD_REQUEST:
        return Tried(True, size_bytes=size_bytes)
    return Tried(None if status in _NOT_FOR_US else False, Phrase("it answers {status}", status=status))


def _unanswered(problem: Reason | None) -> Tried:
    if problem is Reason.PRIVATE_ADDRESS:
        return Tried(False, Phrase("it leads into a network that readers cannot reach"))
    if problem is Reason.NO_CONNECTION:
        return Tried(False, Phrase("there is no such server, or it refuses connections"))
    if problem is Reason.PLAIN_HTTP:
        return Tried(None, Phrase("only https addresses are tried"))
    return Tried(None, Phrase("it did not answer in time, or redirects again and again"))
