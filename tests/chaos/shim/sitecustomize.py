"""Kills a worker's own process at an exact point, as the file system orders. Python imports this by itself in every
worker of the chaos tests (they put its folder on PYTHONPATH), so that the service's code knows nothing of it.

An order is an empty file `<point>--<notification id>` in the folder $CHAOS_ORDERS. Whoever reaches that point with that
notification removes the file and dies of SIGKILL: every order is carried out once. Besides, it counts what a limit
costs: one byte in the file $CHAOS_LIMITER_WRITES for each write to the table of limits.
"""

import os
import signal
import threading
from pathlib import Path
from typing import Any

from botocore import handlers

REPLY_ON_ITS_WAY_SECONDS = 0.3  # the mailbox has the letter by then, and is told to answer much later
_BODY = "chaos.body"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _is_ordered(point: str, body: str) -> bool:
    for order in Path(os.environ["CHAOS_ORDERS"]).glob(f"{point}--*"):
        if order.name.partition("--")[2] in body:
            try:
                order.unlink()
            except FileNotFoundError:
                continue  # another process was quicker
            return True
    return False


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before_write(params: Any, context: Any, **_: Any) -> None:
    body = context[_BODY] = _text(params["body"])
    if '"calling"' in body and _is_ordered("before_the_claim", body):
        _die()
    if '"sent"' in body and _is_ordered("before_the_record", body):
        _die()


def _after_write(context: Any, **_: Any) -> None:
    body = context.get(_BODY, "")
    if '"calling"' in body and _is_ordered("after_the_claim", body):
        _die()


def _before_call(params: Any, **_: Any) -> None:
    if _is_ordered("after_the_accept", _text(params["body"])):
        threading.Timer(REPLY_ON_ITS_WAY_SECONDS, _die).start()


def _before_update(params: Any, **_: Any) -> None:
    if '-limits"' in _text(params["body"]):
        with Path(os.environ["CHAOS_LIMITER_WRITES"]).open("ab") as counted:
            counted.write(b".")


handlers.BUILTIN_HANDLERS.extend(
    [
        ("before-call.dynamodb.TransactWriteItems", _before_write),
        ("after-call.dynamodb.TransactWriteItems", _after_write),
        ("before-call.sesv2.SendEmail", _before_call),
        ("before-call.dynamodb.UpdateItem", _before_update),
    ]
)
