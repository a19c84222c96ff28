"""Calls a stage as its users do: the API, a page, the WebSocket, and a letter followed to its end. Run after each
deployment and by `make smoke`; the key that it makes is revoked, and its letter goes to SES's simulator.

python -m infra.smoke --stage prod         # 0: it works, 1: something does not
"""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
import requests
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.errors import VestnikError
from chalicelib.storage.api_keys import revoke_key
from infra.account import Account
from infra.acting import act_in
from infra.reaching_aws import reaching_aws
from infra.stages import stage_names

# Is delivered, and counts for no reputation; the label tells one from another (AWS, "Using the mailbox simulator").
SIMULATOR = "success+smoke-{}@simulator.amazonses.com"
LETTER_SECONDS = 180
_CALL_SECONDS = 30
_POLL_SECONDS = 1.0
_BAD_ENDS = ("failed", "bounced", "complained", "skipped", "cancelled")


class SmokeError(RuntimeError):
    """Something does not work; the message says what was called and what came back."""


@dataclass(frozen=True)
class Doors:
    """A stage's addresses, and what can be tried: `letters` is false where none can be followed because there is no
    mailbox of ours, `talks` where there are no WebSockets."""

    public_url: str
    live_url: str
    stage: str
    letters: bool = True
    talks: bool = True
    letter_seconds: float = LETTER_SECONDS


def steps(doors: Doors) -> dict[str, Callable[[], None]]:
    """The steps in order. Each raises SmokeError, or what its client raises."""
    todo = {
        "the API is awake": lambda: _healthy(doors),
        "the API describes itself": lambda: _described(doors),
        "a page that is not there": lambda: _lost(doors),
    }
    if doors.talks:
        todo["the WebSocket"] = lambda: _refused_by_websocket(doors)
    if doors.letters:
        todo["a letter"] = lambda: _letter(doors)
    return todo


def _healthy(doors: Doors) -> None:
    answer = _get(f"{doors.public_url}/healthz", 200)
    if answer.json().get("stage") != doors.stage:
        raise SmokeError(f"{doors.public_url} is another stage: {answer.text[:200]}")


def _described(doors: Doors) -> None:
    if "/v1/notifications" not in _get(f"{doors.public_url}/openapi.json", 200).json().get("paths", {}):
        raise SmokeError("/openapi.json does not know /v1/notifications")


def _lost(doors: Doors) -> None:
    kind = _get(f"{doors.public_url}/s/nobody-has-made-this", 404).headers.get("Content-Type", "")
    if not kind.startswith("text/html"):
        raise SmokeError(f"a short link that is not there is answered with {kind or 'nothing'}, and readers see a page")


def _refused_by_websocket(doors: Doors) -> None:
    """A wrong ticket is refused by our own function, which proves that API Gateway leads to it and that it reaches its
    tables."""
    try:
        with connect(f"{doors.live_url}?ticket=nobody-has-this", open_timeout=_CALL_SECONDS):
            raise SmokeError("the WebSocket lets a wrong ticket in")
    except InvalidStatus as error:
        if error.response.status_code not in (401, 403):
            raise SmokeError(f"the WebSocket answers a wrong ticket with {error.response.status_code}") from error


def _letter(doors: Doors) -> None:
    address = SIMULATOR.format(secrets.token_hex(4))
    body = {
        "template": "password-reset",
        "recipients": [{"email": address, "name": "Smoke", "locale": "en"}],
        "context": {"reset_url": doors.public_url, "valid_minutes": 1},
    }
    with _key_for_now() as key:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": secrets.token_hex(16)}
        sent = requests.post(f"{doors.public_url}/v1/notifications", json=body, headers=headers, timeout=_CALL_SECONDS)
        if sent.status_code != 202:
            raise SmokeError(f"a letter is answered with {sent.status_code}: {sent.text[:300]}")
        _follow(doors, sent.json()["notifications"][0]["id"], headers)


def _follow(doors: Doors, notification: str, headers: dict[str, str]) -> None:
    deadline = time.monotonic() + doors.letter_seconds
    status = "accepted"
    while time.monotonic() < deadline:
        answer = requests.get(
            f"{doors.public_url}/v1/notifications/{notification}", headers=headers, timeout=_CALL_SECONDS
        )
        if answer.status_code == 200:
            status = answer.json()["status"]
            if status == "delivered":
                return
            if status in _BAD_ENDS:
                raise SmokeError(f"the letter {notification} is {status}: {answer.text[:600]}")
        time.sleep(_POLL_SECONDS)
    raise SmokeError(f"the letter {notification} is {status} after {doors.letter_seconds:.0f} seconds, not delivered")


@contextmanager
def _key_for_now() -> Iterator[str]:
    """An API key that lives as long as this test."""
    key_id = f"smoke-{secrets.token_hex(4)}"
    try:
        yield create_key("smoke test", [Scope.SEND, Scope.READ], key_id, made_by="make smoke")
    finally:
        revoke_key(key_id)


def _get(url: str, wanted: int) -> requests.Response:
    answer = requests.get(url, timeout=_CALL_SECONDS)
    if answer.status_code != wanted:
        raise SmokeError(f"{url} is answered with {answer.status_code}, not {wanted}: {answer.text[:200]}")
    return answer


def try_out(doors: Doors) -> int:
    """Runs and reports every step; returns how many failed."""
    bad = 0
    for name, step in steps(doors).items():
        try:
            step()
        except (SmokeError, requests.RequestException, WebSocketException, OSError, VestnikError) as error:
            bad += 1
            print(f"DOES NOT WORK  {name}: {error}")
        else:
            print(f"works          {name}")
    return bad


def doors_of_stage(account: Account, stage: str) -> Doors:
    """From the app's stack; on an emulator at the emulator's own address."""
    told = account.outputs(f"vestnik-{stage}-app")
    public, live = (os.environ.get(name, "") for name in ("VESTNIK_PUBLIC_URL", "VESTNIK_LIVE_URL"))
    public, live = told.get("PublicUrl", public), told.get("LiveUrl", live)
    has_mailbox = "AWS_ENDPOINT_URL_SESV2" in os.environ
    if account.emulator_url and not has_mailbox and "RestApiId" in told:
        public = f"{account.emulator_url}/_aws/execute-api/{told['RestApiId']}/api"
        live = f"{account.emulator_url}/_aws/execute-api/{told['WebsocketApiId']}/api".replace("http", "ws", 1)
    letters, talks = (
        has_mailbox or account.emulator_url is None,
        _has_websockets(account, told.get("WebsocketApiId", "")),
    )
    return Doors(public, live, stage, letters=letters, talks=talks)


def _has_websockets(account: Account, api: str) -> bool:
    """LocalStack without a licence accepts a stack with a WebSocket API, but has none."""
    if account.emulator_url is None or not api:
        return True
    try:
        account.websocket_apis.get_api(ApiId=api)
    except ClientError:
        return False
    return True


def main(arguments: list[str] | None = None) -> int:
    """With the credentials and region of the environment; AWS_ENDPOINT_URL points elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", required=True, choices=stage_names())
    stage: str = parser.parse_args(arguments).stage
    act_in(stage)
    with reaching_aws("smoke", stage):
        doors = doors_of_stage(Account(boto3.Session()), stage)
        return int(try_out(doors) > 0)


if __name__ == "__main__":
    sys.exit(main())
