"""Reads the templates that come with the code: `templates/<key>/meta.json` and `templates/<key>/<locale>/<part>`. Each
is a version named by its content.

`<locale>/email.json` is a letter document (`documents/letter_blocks.py`). A package holds its sources beside it, made
by `infra/package.py`, so that no worker compiles documents; from a checkout they are compiled here.
"""

import hashlib
import importlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from chalicelib.rendering.model import Template

LAYOUT = "_layout"
DOCUMENT = "email.json"
_DIGITS = 12
_UNNAMED = 1  # until its content has a name


@cache
def shipped_folder() -> Path:
    """The folder `templates/`: beside `chalicelib/` (the repository, a function's zip), or elsewhere on the import path
    (a layer: `/opt/python/templates`). Raises: RuntimeError if the package was built without it."""
    beside = Path(__file__).resolve().parents[2] / "templates"
    for folder in (beside, *_on_import_path()):
        if (folder / LAYOUT).is_dir():
            return folder
    raise RuntimeError("no `templates/_layout` beside chalicelib/ nor on the import path")


def _on_import_path() -> list[Path]:
    try:
        package = importlib.import_module("templates")
    except ModuleNotFoundError:
        return []
    return [Path(folder) for folder in package.__path__]


def shipped_keys(folder: Path) -> list[str]:
    return sorted(meta.parent.name for meta in folder.glob("*/meta.json"))


def read_shipped(folder: Path, key: str) -> Template:
    """The template in a folder. Raises: FileNotFoundError; pydantic's ValidationError or InvalidError if the folder is
    wrong."""
    home = folder / key
    locales = {
        language.name: {
            part.name: part.read_text(encoding="utf-8") for part in sorted(language.iterdir()) if part.is_file()
        }
        for language in sorted(home.iterdir())
        if language.is_dir()
    }
    meta: Mapping[str, object] = json.loads((home / "meta.json").read_text(encoding="utf-8"))
    # Named by the files' content, not by the model that reads them: a newer model does not change the name.
    content: dict[str, object] = {**meta, "locales": locales}
    documents = {locale: json.loads(parts.pop(DOCUMENT)) for locale, parts in locales.items() if DOCUMENT in parts}
    if documents:
        content = _compiled({**content, "documents": documents}, key)
    return Template.model_validate({**content, "key": key, "version": content_name("shipped", content)})


def _compiled(content: dict[str, object], key: str) -> dict[str, object]:
    """With the sources of its documents."""
    unnamed = Template.model_validate({**content, "key": key, "version": _UNNAMED})
    if all("email.html" in unnamed.locales[locale] for locale in unnamed.documents):
        return content
    from chalicelib.rendering.documents.document_sources import with_sources  # here: packages hold what it makes

    return {**content, "locales": with_sources(unnamed).model_dump(mode="json")["locales"]}


def content_name(kind: str, content: Mapping[str, object]) -> str:
    """The name of immutable content: `<kind>-` and twelve digits of its SHA-256."""
    written = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{kind}-{hashlib.sha256(written.encode()).hexdigest()[:_DIGITS]}"
