"""The comment with which a manager sends another's work back."""

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chalicelib.admin.page_requests import Visit
from chalicelib.campaigns.review import Comment
from chalicelib.errors import InvalidError, Phrase

_COMMENT: TypeAdapter[str] = TypeAdapter(Comment, config=ConfigDict(defer_build=True))


def comment_in(visit: Visit) -> str:
    """The comment in a form. Raises: InvalidError (permanent)."""
    try:
        return _COMMENT.validate_python(visit.typed("comment"))
    except ValidationError as error:
        raise InvalidError.of("comment", Phrase("expected 1 to 1000 characters that say what to change")) from error
