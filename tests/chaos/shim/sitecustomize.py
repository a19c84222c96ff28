"""Kills a worker's own process at an exact point, as the file system orders. Python imports this by itself in every
worker of the chaos tests (they put its folder on PYTHONPATH), so that the service's code knows nothing of it.

An order is an empty file `<point>--<text>` in the folder $CHAOS_ORDERS. Whoever reaches that point with a request that
holds the text (the id of a letter, or of the home of a run's chunks) removes the file and dies of SIGKILL: every order
is carried out once. Besides, it counts what a limit costs: one byte in the file $CHAOS_LIMITER_WRITES for each write to
the table of limits.
"""

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

from botocore import handlers

REPLY_ON_ITS_WAY_SECONDS = 0.3  # the mailbox has the letter by then, and is told to answer much later
_WRITE = "chaos.write"
_LEDGER = '-ledger"'


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


def _write_of(operation: str, body: str) -> str | None:
    """What the ledger is told: `roster`, `enlisting`, `claim`, `record`, `mark`; None: nothing of that kind."""
    if operation == "BatchExecuteStatement":  # its statements name the table in quotes of their own
        return "enlisting" if '-ledger\\"' in body else None
    if _LEDGER not in body:
        return None
    if operation == "BatchWriteItem":
        return "roster" if '"roster#' in body else None
    if '"outcomes#' not in body:
        return None
    asked = json.loads(body)
    values = {**asked.get("Item", {}), **asked.get("ExpressionAttributeValues", {})}
    steps = values.get("steps") or values.get(":steps")
    if steps is None:
        return "mark"
    return "claim" if json.loads(steps["S"])[-1][1] == "calling" else "record"


def _before_write(model: Any, params: Any, context: Any, **_: Any) -> None:
    body = _text(params["body"])
    if '-limits"' in body and model.name == "UpdateItem":
        with Path(os.environ["CHAOS_LIMITER_WRITES"]).open("ab") as counted:
            counted.write(b".")
    write = _write_of(model.name, body)
    context[_WRITE] = (write, body)
    if write and _is_ordered(f"before_the_{write}", body):
        _die()


def _after_write(context: Any, **_: Any) -> None:
    write, body = context.get(_WRITE, (None, ""))
    if write and _is_ordered(f"after_the_{write}", body):
        _die()


def _before_call(params: Any, **_: Any) -> None:
    if _is_ordered("after_the_accept", _text(params["body"])):
        threading.Timer(REPLY_ON_ITS_WAY_SECONDS, _die).start()


for _operation in ("BatchExecuteStatement", "BatchWriteItem", "PutItem", "UpdateItem"):
    handlers.BUILTIN_HANDLERS.append((f"before-call.dynamodb.{_operation}", _before_write))
    handlers.BUILTIN_HANDLERS.append((f"after-call.dynamodb.{_operation}", _after_write))
for _operation in ("SendEmail", "SendBulkEmail"):
    handlers.BUILTIN_HANDLERS.append((f"before-call.sesv2.{_operation}", _before_call))
