"""Of every variable a value that is not its default, and a file whose stage has them."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from infra import config_mistakes
from infra.variables import fields

_OF_THE_STAGE = ("VESTNIK_STAGE", "POWERTOOLS_SERVICE_NAME")  # follow from its name
_FIXED = ("POWERTOOLS_METRICS_NAMESPACE", "PYDANTIC_DISABLE_PLUGINS")  # can be nothing else
_CHOSEN = {
    "VESTNIK_BULK_SHARE": "0.7",
    "VESTNIK_DEFAULT_TIMEZONE": "Europe/Berlin",
    "VESTNIK_SITE_NAME": "Another Cinema",
    "VESTNIK_LIVE_MANAGEMENT_URL": "https://live.other.example/api",
    "VESTNIK_LIVE_ORIGINS": "https://other.example",
    "VESTNIK_CHAT_KINDS": "slack",
}


def other_values() -> dict[str, str]:
    """Those that a stage may choose, emulators' addresses aside."""
    fixed = (*_OF_THE_STAGE, *_FIXED)
    return {n: _other(n, field) for n, field in fields().items() if n not in fixed and not n.startswith("AWS_")}


def write_otherwise(
    folder: Path, stage: str, values: Mapping[str, str], functions: Mapping[str, Any] | None = None
) -> Path:
    """A copy of the committed file, with these values of the stage, and what `functions` have of their own."""
    file = copy.deepcopy(config_mistakes.parsed())
    file["stages"][stage]["environment_variables"] |= values
    for name, own in (functions or {}).items():
        file["stages"][stage]["lambda_functions"][name] |= own
    for policy in config_mistakes.CONFIG.parent.glob("policy*.json"):
        (folder / policy.name).touch()
    place = folder / "config.json"
    place.write_text(json.dumps(file))
    return place


def _other(name: str, field: FieldInfo) -> str:
    if name in _CHOSEN:
        return _CHOSEN[name]
    if isinstance(field.default, bool):
        return str(not field.default).lower()
    if isinstance(field.default, int | float):
        return str(field.default + 1)
    choices = [one for one in get_args(field.annotation) if one != field.default]
    return str(choices[0] if choices else (field.examples or [])[0])
