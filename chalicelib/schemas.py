"""The base model of everything that comes from outside (requests, messages, settings), and the one way in which a
release writes what another one reads: jobs in queues, documents in rows.

During a deployment two releases run side by side, and after a rollback only the older one. So defaults are never
written, unknown fields are ignored, and a document that an older release must not misread carries a higher `v` (ADR
0086).
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from chalicelib.errors import Phrase

_M = TypeVar("_M", bound=BaseModel)


class StrictModel(BaseModel):
    """Immutable, rejects unknown fields, and is built on first use, so that a cold start builds none."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def expecting(said: Phrase) -> WrapValidator:
    """For a field of several kinds: pydantic would say what is wrong with each of them, at paths that are no fields."""

    def check(given: object, read: ValidatorFunctionWrapHandler) -> Any:
        try:
            return read(given)
        except ValidationError as error:
            raise ValueError(said) from error

    return WrapValidator(check)


def passed(model: BaseModel) -> str:
    """As JSON for a queue. Raises: PydanticSerializationError (permanent): holds what no message can."""
    return model.model_dump_json(by_alias=True, exclude_defaults=True)


def kept(model: BaseModel) -> dict[str, Any]:
    """As a document for a row."""
    return model.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def recalled(kind: type[_M], kept: Mapping[str, Any]) -> _M:
    """The inverse of `kept`, whichever release wrote it. Raises: pydantic's ValidationError (permanent)."""
    return kind.model_validate(kept, extra="ignore")


def received(kind: type[_M], body: str) -> _M:
    """The inverse of `passed`, whichever release wrote it. Raises: pydantic's ValidationError (permanent)."""
    return kind.model_validate_json(body, extra="ignore")


def is_newer(error: ValidationError) -> bool:
    """Whether an unreadable document has a `v` that this release does not know yet."""
    said = [one["input"] for one in error.errors() if one["loc"][-1:] == ("v",)]
    return any(isinstance(v, int) and v > 1 for v in said)
