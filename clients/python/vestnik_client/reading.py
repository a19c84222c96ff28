"""What an answer means: it was done, it was refused, or nobody knows."""

import json
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from .errors import FieldProblem, RefusedError, UnavailableError, VestnikError
from .wire import Answer

_MAY_PASS = (408, 425, 429)  # of the 4xx; a 409 with Retry-After too: this very call is being done
_T = TypeVar("_T")


def content_of(answer: Answer) -> Any:
    """What a call that was done is answered. Raises: RefusedError, UnavailableError."""
    if answer.status == 204:
        return None
    if not 200 <= answer.status < 300:
        raise error_of(answer)
    try:
        told = json.loads(answer.body)
        if told is None:
            raise ValueError("null")
        return told
    except (ValueError, RecursionError) as error:
        # A proxy's page, or half of an answer: whether it was done, the same call again will tell.
        raise UnavailableError("the answer is no JSON", status=answer.status) from error


def read(reading: Callable[[], _T]) -> _T:
    """A JSON answer as this client shows it. Raises: UnavailableError: it is another's."""
    try:
        return reading()
    except (ValidationError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UnavailableError(f"the answer is not the service's ({type(error).__name__})") from error


def error_of(answer: Answer) -> VestnikError:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    problem = told if isinstance(told, dict) else {}  # else an answer of something in between
    detail, number = str(problem.get("detail") or answer.reason), problem.get("request_id")
    request_id = str(number) if number else answer.headers.get("x-amzn-requestid")
    wait = _retry_after(answer.headers.get("retry-after"))
    being_done = answer.status == 409 and wait is not None
    if answer.status in _MAY_PASS or answer.status >= 500 or answer.status < 200 or being_done:
        return UnavailableError(detail, status=answer.status, request_id=request_id, retry_after_seconds=wait)
    return RefusedError(detail, status=answer.status, errors=_mistakes(problem), request_id=request_id)


def _mistakes(problem: Mapping[str, Any]) -> list[FieldProblem]:
    found = problem.get("errors")
    try:
        return [FieldProblem.model_validate(one) for one in found] if isinstance(found, list) else []
    except ValidationError:
        return []


def _retry_after(header: str | None) -> float | None:
    """Seconds, or a date (RFC 9110 §10.2.3)."""
    if header is None:
        return None
    try:
        return max(0.0, float(header)) if header.strip().isdigit() else _until(header)
    except (ValueError, OverflowError):
        return None


def _until(date: str) -> float:
    return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
