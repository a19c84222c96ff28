"""SES's simple substitution, `{{name}}` for a value, with no escaping and no blocks: all that SES does with a template
given inside the call (API reference, `EmailTemplateContent`)."""

import json
import re
from collections.abc import Mapping

from pydantic_core import from_json

from ses_mailbox.errors import bad_request

_VARIABLE = re.compile(r"\{\{\{?\s*([A-Za-z_][\w.-]*)\s*\}?\}\}")
_BLOCK = re.compile(r"\{\{\{?\s*[#/^>!&]")


class MissingVariableError(Exception):
    """The data lack a variable: SES takes the letter, does not send it, and says so by a Rendering Failure event."""


class TemplateText:
    """One compiled text, filled once for each recipient."""

    def __init__(self, source: str) -> None:
        """Raises: SesError `BadRequestException` for a Handlebars block, which the mailbox does not run."""
        if _BLOCK.search(source):
            raise bad_request("Only simple substitution ({{name}}) is supported in this template")
        self._pieces = _VARIABLE.split(source)

    def fill(self, data: Mapping[str, object]) -> str:
        """The text with its variables replaced. Raises: MissingVariableError."""
        pieces = self._pieces.copy()
        for index in range(1, len(pieces), 2):
            pieces[index] = _value(data, pieces[index])
        return "".join(pieces)


def _value(data: Mapping[str, object], path: str) -> str:
    value: object = data
    for name in (path,) if path in data else path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise MissingVariableError(f"Attribute '{path}' is not present in the rendering data.")
        value = value[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def template_data(text: str | None) -> dict[str, object]:
    """The object in a TemplateData string. Raises: SesError `BadRequestException`."""
    if text is None or not text.strip():
        return {}
    try:
        data = from_json(text)
    except ValueError as error:
        raise bad_request("Template data is not valid JSON") from error
    if not isinstance(data, dict):
        raise bad_request("Template data is not a JSON object")
    return data
