"""The one kind of PartiQL statement that we make: an INSERT whose values are all parameters. For whatever stands in for
DynamoDB here; any other statement is a mistake of ours."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

DUPLICATE = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
_INSERT = re.compile(r"""INSERT INTO "([\w.-]{3,255})" VALUE \{('[^']+': \?(?:, '[^']+': \?)*)\}""")


def inserted(statement: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Table and item of a statement of BatchExecuteStatement. Raises: ValueError, in AWS's words."""
    table, names = _read(statement["Statement"])
    parameters = statement.get("Parameters", [])
    if len(parameters) != len(names):
        raise ValueError("Number of parameters in request and statement don't match.")
    return table, dict(zip(names, parameters, strict=True))


@lru_cache(1000)
def _read(text: str) -> tuple[str, list[str]]:
    found = _INSERT.fullmatch(text)
    names = re.findall("'([^']+)'", found[2]) if found else []
    if not found or len(set(names)) < len(names):
        raise ValueError(f"Statement wasn't well formed, can't be processed: {text}")
    return found[1], names
