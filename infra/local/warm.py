"""Calls each function once with nothing to do, so that the first letter does not pay for their imports.
Nothing depends on it: what stays cold is warmed by its first work."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import requests
from botocore.exceptions import BotoCoreError, ClientError
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from infra.local.patience import Say, silent

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# The way of an instant letter, in its order; the API goes before them.
FIRST_LETTER = ("enrich", "deliver", "feedback")
_TRIES = 3
_SECONDS = 60
# Takes the whole way of the API's call and is refused at its end.
_REFUSED = {"template": "there-is-none", "recipients": [{"user_id": "nobody"}]}
Call = tuple[str, Callable[[], bool]]  # what is called, and whether it has answered


class Warm:
    """The functions of one local cloud."""

    def __init__(self, lambdas: "LambdaClient", *, stage: str, api_url: str, ws_url: str, say: Say = silent) -> None:
        self._lambdas = lambdas
        self._prefix = f"vestnik-{stage}-"
        self._api_url = api_url
        self._ws_url = ws_url
        self._say = say

    def first_letter(self, key: str) -> None:
        """What an instant letter needs, one after the other: side by side on a busy machine each would be cut off at
        its time limit. `key`: an API key that may send."""
        self._each([("API", lambda: self._send_refused(key)), *self._workers(FIRST_LETTER)], at_once=1)

    def everything(self, *, talk: bool = True, at_once: int | None = None) -> None:
        """The public pages and every worker; with `talk` the live side too. `at_once`: calls side by side, by default
        one a core."""
        mappings = self._lambdas.list_event_source_mappings()["EventSourceMappings"]
        names = sorted({mapping["FunctionArn"].rpartition(":")[2].removeprefix(self._prefix) for mapping in mappings})
        doors: Sequence[Call] = [("public pages", self._open_nothing), *([("live", self._talk_once)] if talk else [])]
        self._each([*doors, *self._workers(names)], at_once=at_once or os.cpu_count() or 1)

    def _workers(self, names: Iterable[str]) -> list[Call]:
        return [(name, lambda name=name: self._call_with_nothing(name)) for name in names]  # type: ignore[misc]

    def _each(self, calls: Sequence[Call], *, at_once: int) -> None:
        with ThreadPoolExecutor(max_workers=at_once) as pool:
            answered = list(pool.map(lambda one: _persist(one[1]), calls))
        cold = [name for (name, _), warm in zip(calls, answered, strict=True) if not warm]
        if cold:
            self._say(f"still cold: {', '.join(cold)}; their first work takes longer")

    def _send_refused(self, key: str) -> bool:
        headers = {"Authorization": f"Bearer {key}"}
        answer = requests.post(f"{self._api_url}/v1/notifications", json=_REFUSED, headers=headers, timeout=_SECONDS)
        return bool(answer.status_code < requests.codes.server_error)

    def _open_nothing(self) -> bool:
        """A short link that nobody has made."""
        answer = requests.get(f"{self._api_url}/s/nothing", timeout=_SECONDS)
        return bool(answer.status_code == requests.codes.not_found)

    def _call_with_nothing(self, worker: str) -> bool:
        answer = self._lambdas.invoke(FunctionName=self._prefix + worker, Payload=b'{"Records": []}')
        return "FunctionError" not in answer

    def _talk_once(self) -> bool:
        """A guest who comes, hears the greeting, asks who is here, and goes."""
        with connect(self._ws_url, open_timeout=_SECONDS) as guest:
            guest.recv(timeout=_SECONDS)
            guest.send("?")
            guest.recv(timeout=_SECONDS)
        return True


def _persist(call: Callable[[], bool]) -> bool:
    for _ in range(_TRIES):
        try:
            if call():
                return True
        except (BotoCoreError, ClientError, requests.RequestException, OSError, WebSocketException):
            continue  # cut off at its time limit, as a rule; the next try finds more of it done
    return False
