"""The base of what comes from outside (requests, messages, settings), and the one way in which a release of the service
writes what another one reads: jobs in queues, documents in rows.

For some minutes of every deployment both run side by side, and after a way back the older one alone. So the default of
a field is never written, a field that is not known is read over, and what must not be read so says a higher `v`.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

_M = TypeVar("_M", bound=BaseModel)


class StrictModel(BaseModel):
    """Never changes, refuses what it does not know, and is built at its first use: a cold start builds none."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def passed(model: BaseModel) -> str:
    """As it travels, JSON. Raises: PydanticSerializationError (permanent): it holds what no message can."""
    return model.model_dump_json(by_alias=True, exclude_defaults=True)


def kept(model: BaseModel) -> dict[str, Any]:
    """As a row keeps it."""
    return model.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def recalled(kind: type[_M], kept: Mapping[str, Any]) -> _M:
    """The inverse of `kept`, by whatever release. Raises: pydantic's ValidationError (permanent)."""
    return kind.model_validate(kept, extra="ignore")


def received(kind: type[_M], body: str) -> _M:
    """The inverse of `passed`, by whatever release. Raises: pydantic's ValidationError (permanent)."""
    return kind.model_validate_json(body, extra="ignore")


def is_newer(error: ValidationError) -> bool:
    """Whether what could not be read says a `v` that this release does not know yet."""
    said = [one["input"] for one in error.errors() if one["loc"][-1:] == ("v",)]
    return any(isinstance(v, int) and v > 1 for v in said)
