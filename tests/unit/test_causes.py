"""Where an error came up: lines and classes, and no word of what it quotes."""

import re
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.clock import parse_rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.failure_trace import lines_of, name_of


def caught(work: object) -> BaseException:
    try:
        work()  # type: ignore[operator]
    except Exception as error:
        return error
    raise AssertionError


def test_our_lines_and_the_innermost_foreign_one_are_named() -> None:
    lines = lines_of(caught(lambda: parse_rfc3339("the secret")))

    assert re.fullmatch(r"chalicelib/clock\.py:\d+ parse_rfc3339", lines[-1])
    assert "secret" not in "".join(lines)


def test_a_chain_of_causes_is_followed_and_not_for_ever() -> None:
    def fail() -> None:
        try:
            raise ValueError("a secret")
        except ValueError as error:
            raise UnavailableError("x") from error

    lines = lines_of(caught(fail))
    assert "caused by ValueError" in lines
    assert "secret" not in "".join(lines)

    ring = ValueError("a")
    ring.__cause__ = other = KeyError("b")
    other.__cause__ = ring
    assert lines_of(ring) == ["caused by KeyError"]


def test_what_was_suppressed_is_not_told() -> None:
    def fail() -> None:
        try:
            raise ValueError("a secret")
        except ValueError:
            raise KeyError("b") from None

    assert not [line for line in lines_of(caught(fail)) if line.startswith("caused")]


def test_a_recursion_does_not_fill_the_log() -> None:
    namespace: dict[str, Any] = {"__name__": "chalicelib.deep"}
    exec("def again(n):\n    again(n - 1) if n else int('a secret')", namespace)  # noqa: S102 - a module as if of ours

    lines = lines_of(caught(lambda: namespace["again"](500)))
    assert len(lines) < 50
    assert lines[-1] == "chalicelib/deep.py:2 again"


def test_the_code_of_aws_is_part_of_the_name_and_its_message_is_not() -> None:
    error = ClientError({"Error": {"Code": "ValidationException", "Message": "anna@example.com"}}, "PutItem")

    assert name_of(error) == "ClientError(ValidationException)"
