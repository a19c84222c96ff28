"""What the domain says, as the API has declared it. An answer is made after the effect, so a word too many or too few
must not turn into a failure what has been done: it is left out, and logged. The tests take such drift for the mistake
it is.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from chalicelib.observability import log_failure

_A = TypeVar("_A", bound=BaseModel)
_FORBIDDEN = False


def forbid_drift(*, forbidden: bool = True) -> None:
    """From here on an answer that is not exactly as declared raises, as the tests want it."""
    global _FORBIDDEN
    _FORBIDDEN = forbidden


def projected(result: Any, answer: type[_A], *, lenient: bool) -> _A:
    """The declared fields of `result`, a dict or an object. `lenient`: there was an effect, so a field that is missing
    or of another kind becomes null. Raises: ValidationError (permanent): the domain and the declaration differ."""
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
