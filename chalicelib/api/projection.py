"""The domain's result in the declared shape. An answer follows an effect, so a surplus or missing field must not turn
success into failure: it is left out and logged. Tests treat such drift as an error."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from chalicelib.observability import log_failure

_A = TypeVar("_A", bound=BaseModel)
_FORBIDDEN = False


def forbid_drift(*, forbidden: bool = True) -> None:
    """From now on an answer that differs from its declaration raises, as tests want it."""
    global _FORBIDDEN
    _FORBIDDEN = forbidden


def projected(result: Any, answer: type[_A], *, lenient: bool) -> _A:
    """The declared fields of `result`, a dict or an object. `lenient`: there was an effect, so a missing or wrongly
    typed field becomes null. Raises: ValidationError (permanent): the domain and the declaration differ."""
    try:
        return answer.model_validate(result, from_attributes=True, extra="forbid" if _FORBIDDEN else "ignore")
    except ValidationError as error:
        if _FORBIDDEN or not lenient:
            raise
        log_failure("answer", error, answer=answer.__name__)
        return _what_fits(result, answer)


def _what_fits(result: Any, answer: type[_A]) -> _A:
    given = (
        result if isinstance(result, Mapping) else {name: getattr(result, name, None) for name in answer.model_fields}
    )
    fitting: dict[str, Any] = {}
    for name, field in answer.model_fields.items():
        try:
            fitting[name] = TypeAdapter[Any](field.rebuild_annotation()).validate_python(
                given.get(name, field.default), from_attributes=True, extra="ignore"
            )
        except ValidationError:
            fitting[name] = None
    return answer.model_construct(**fitting)
