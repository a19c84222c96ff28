"""Values that are typed as text."""

from math import isfinite
from typing import Any

from chalicelib.admin.audience_form import Form, one
from chalicelib.errors import InvalidError, Phrase, phrase_of
from chalicelib.text import strict_json


def read_number(form: Form, name: str) -> float:
    """Raises: InvalidError (permanent)."""
    text = one(form, name)
    try:
        number = float(text) if "." in text or "e" in text.lower() else int(text)
        if not isfinite(number):
            raise ValueError  # JSON has no infinity
        return number
    except (ValueError, OverflowError) as error:
        raise InvalidError.of(name, Phrase("expected a number")) from error


def read_json(form: Form, name: str) -> Any:
    """Raises: InvalidError (permanent)."""
    try:
        return strict_json(one(form, name))
    except ValueError as error:
        raise InvalidError.of(name, Phrase("expected JSON: {why}", why=phrase_of(error))) from error
