"""The fields of a campaign elsewhere: on the managers' form, in a PATCH, in the API's answer."""

from collections.abc import Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, Field
from pydantic.fields import FieldInfo


class Asked(NamedTuple):
    """One field of the form, in one of its cards. `on_page`: shown among the facts on the campaign's page."""

    kind: Literal["number", "text", "flag", "choice"]
    card: Literal["letter", "languages", "when", "schedule", "pace", "links"]
    on_page: bool = False


def asked_of(model: type[BaseModel]) -> Mapping[str, Asked]:
    """The fields with an `Asked`, in the order of declaration."""
    return {name: one for name, field in model.model_fields.items() for one in field.metadata if isinstance(one, Asked)}


def changes_of(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a change, for `create_model`: each may be left out, or null for its default."""
    return {name: (_constrained(field) | None, None) for name, field in model.model_fields.items()}


def answers_of(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of an answer, for `create_model`: their types in JSON."""
    return {name: (_in_json(field.annotation), ...) for name, field in model.model_fields.items()}


def _constrained(field: FieldInfo) -> Any:
    rules = [one for one in field.metadata if not isinstance(one, Asked)]
    told = Field(description=field.description, examples=field.examples)
    return Annotated[(_without_none(field.annotation), *rules, told)]


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(one for one in get_args(annotation) if one is not NoneType)]  # noqa: UP007 (of a tuple)
    return annotation


def _in_json(annotation: Any) -> Any:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _in_json(inner[0])
    if origin in (Union, UnionType):
        return Union[tuple(_in_json(one) for one in inner)]  # noqa: UP007 (likewise)
    if origin is Literal or annotation in (datetime, AwareDatetime):
        return str
    if origin is tuple:
        return list[_in_json(inner[0])]  # type: ignore[misc]
    if origin is not None or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return dict[str, Any]
    return annotation
