"""How bad it is what a check has found."""

from enum import StrEnum


class Severity(StrEnum):
    """An `error` is refused when the letter is stored or its campaign starts; a `note` only informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
