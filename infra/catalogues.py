"""What our errors say in other languages: gettext catalogues, one a language, made of the code and compiled by Babel.

python -m infra.catalogues      # brings locale/ to what the code says, and names what is not translated
"""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from chalicelib.translation import CATALOGUES, DOMAIN
from infra.paths import ROOT

LANGUAGES = ("ru",)
_KEYWORDS = {"Phrase": (1,), "counted": (1, 2)}
_HEADERS = ("Language:", "Plural-Forms:", "MIME-Version:", "Content-Type:", "Content-Transfer-Encoding:")
_NO_DAY = datetime(2000, 1, 1, tzinfo=UTC)  # the same text is compiled to the same bytes on any day


def source_of(language: str) -> Path:
    """The catalogue that people write."""
    return ROOT / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalogue(language: str) -> Catalog:
    """What people have written."""
    with source_of(language).open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    catalogue.creation_date = catalogue.revision_date = _NO_DAY
    return catalogue


def extracted() -> Catalog:
    """Every phrase of the code."""
    template = Catalog()
    for _, _, msgid, _, _ in extract_from_dir(ROOT / "chalicelib", [("**.py", "python")], keywords=_KEYWORDS):
        template.add(msgid)
    return template


def compile_catalogues() -> None:
    """Makes what the pages read of each catalogue that has changed."""
    for language in LANGUAGES:
        source, target = source_of(language), CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(f".{os.getpid()}")
        with unfinished.open("wb") as file:
            write_mo(file, read_catalogue(language))
        unfinished.replace(target)


def update(language: str) -> Iterator[str]:
    """Brings a catalogue to what the code says. What is not translated in it."""
    catalogue = read_catalogue(language)
    catalogue.update(extracted(), no_fuzzy_matching=True)
    source_of(language).write_bytes(written(catalogue))
    for message in catalogue:
        forms = message.string if isinstance(message.string, tuple | list) else [message.string]
        if message.id and not all(forms):
            yield str(message.id)


def written(catalogue: Catalog) -> bytes:
    """A catalogue as its file has it: by the alphabet, without what changes from day to day."""
    catalogue.header_comment = ""
    buffer = BytesIO()
    write_po(buffer, catalogue, width=120, no_location=True, sort_output=True, ignore_obsolete=True)
    head, _, rest = buffer.getvalue().decode().partition("\n\n")
    lines = [line for line in head.split("\n") if line.startswith(("msg", *(f'"{name}' for name in _HEADERS)))]
    return "\n".join([*lines, "", rest]).encode()


if __name__ == "__main__":
    missing = [f"{language}: {msgid}" for language in LANGUAGES for msgid in update(language)]
    compile_catalogues()
    sys.exit("\n".join(["not translated:", *missing]) if missing else 0)
