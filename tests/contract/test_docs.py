"""What the documentation names exists, and vice versa."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from chalicelib.api.declarations import ENDPOINTS
from chalicelib.configuration.site_values import NAMES
from chalicelib.settings import Settings
from infra.paths import ROOT
from infra.stage_config import FunctionConfig, StageConfig
from infra.variables import Runtime
from tools import api_docs, settings_docs


def test_every_setting_of_the_managers_is_in_their_table_and_no_other() -> None:
    page = (ROOT / "docs" / "links-and-preferences.md").read_text(encoding="utf-8")
    rows = page.split("## Settings that managers change")[1].split("\n## ")[0]
    named = [name for row in re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]

    assert named == list(NAMES)


def pages() -> Iterator[Path]:
    """Every page of documentation."""
    yield from ROOT.glob("*.md")
    yield from (ROOT / "docs").rglob("*.md")
    yield from (ROOT / "clients").rglob("README.md")
    yield from (ROOT / "infra").rglob("README.md")
    yield from (ROOT / "packages").glob("*/*.md")
    yield from (ROOT / "bench").rglob("README.md")


def anchors(page: Path) -> set[str]:
    """What a link into the page may name, as GitHub makes it of a heading."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_broken(page: Path, link: str) -> bool:
    """Whether nothing is where the link leads."""
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return not target.exists() or bool(anchor and anchor not in anchors(target))


def test_every_link_between_the_pages_leads_somewhere() -> None:
    links = [
        (page, link)
        for page in pages()
        for link in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", page.read_text(encoding="utf-8"))
    ]
    assert len(links) > 30
    assert [f"{page.name}: {link}" for page, link in links if is_broken(page, link)] == []


NAMED_FILE = re.compile(r"`(\w[\w./-]*\w\.(?:py|yaml|yml|toml|txt|json|js))`")
NAMED_IN_A_PAGE = re.compile(
    NAMED_FILE.pattern
    + r"|`((?:chalicelib|functions|infra|templates|docs|tests|bench|tools|packages)/[\w./-]*)`"
    + r"|─► ([\w/]+\.py)"  # in a drawing
)
MADE = {"build/local.json", "build/sbom.json", "deploying.json"}


def test_every_file_and_folder_that_a_page_names_exists() -> None:
    """A bare name may be a file anywhere, as the page says where."""
    names = {path.name for path in sources()}
    missing = [
        (page.name, one)
        for page in pages()
        if page.name != "CHANGELOG.md" and page.parent.name != "adr"
        for one in map("".join, NAMED_IN_A_PAGE.findall(page.read_text(encoding="utf-8")))
        if one not in MADE and not (is_found(one) or ("/" not in one and one in names))
    ]

    assert missing == []


def test_every_module_that_the_code_names_exists() -> None:
    """By its path, or by its bare name beside it."""
    missing = [
        (str(path.relative_to(ROOT)), one)
        for path in sources()
        if path.suffix == ".py"
        for one in NAMED_FILE.findall(path.read_text(encoding="utf-8"))
        if one.endswith(".py") and not (is_found(one) or (path.parent / one).exists())
    ]

    assert missing == []


def is_found(name: str) -> bool:
    """Whether the path leads somewhere from the root, or from the package or folder whose insides it names."""
    return any((ROOT / base / name).exists() for base in (".", "chalicelib", "tests", "infra", "clients/python"))


def sources() -> Iterator[Path]:
    """Every file of the repository's own folders."""
    yield ROOT / "app.py"
    for folder in (
        "bench",
        "chalicelib",
        "clients",
        "functions",
        "infra",
        "layers",
        "packages",
        "templates",
        "tests",
        "tools",
    ):
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def test_the_page_of_the_api_is_what_make_docs_writes() -> None:
    assert api_docs.PAGE.read_text(encoding="utf-8") == api_docs.page(), "run `make docs`"


def test_the_page_of_the_settings_is_what_make_docs_writes() -> None:
    assert settings_docs.PAGE.read_text(encoding="utf-8") == settings_docs.page(), "run `make docs`"


@pytest.mark.parametrize("declared", [Settings, Runtime, StageConfig, FunctionConfig])
def test_every_setting_says_what_it_means(declared: type[BaseModel]) -> None:
    page = settings_docs.page()
    fields = {name: field.description for name, field in declared.model_fields.items()}
    assert [name for name, meaning in fields.items() if not meaning] == []
    assert [name for name in fields if f"{name}`" not in page and f"{name.upper()}`" not in page] == []


def test_every_call_of_the_api_has_its_example_on_the_page() -> None:
    calls = len(re.findall(r"^`[A-Z]+ /v1/", api_docs.PAGE.read_text(encoding="utf-8"), re.MULTILINE))

    assert calls == len(ENDPOINTS) == api_docs.PAGE.read_text(encoding="utf-8").count("curl -sS")


def test_the_layers_of_the_design_are_those_of_the_linter() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = [layer.replace("chalicelib.", "") for layer in contracts[0]["layers"]]
    modules = {path.stem for path in (ROOT / "chalicelib").glob("*.py")}
    rooms = [layer for layer in layers if not set(layer.split(" | ")) <= modules]
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")

    assert page.split("```layers\n")[1].split("\n```")[0].splitlines() == [*rooms, "kernel"]


def test_every_room_of_the_code_is_in_the_design_and_no_other() -> None:
    rooms = {f"chalicelib/{path.parent.name}/" for path in (ROOT / "chalicelib").glob("*/__init__.py")}
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(chalicelib/\w+/)`", page, re.MULTILINE)) == rooms


# Words that a native engineer would not write here, with what they would. Names of who calls a function go stale; tools
# know them.
BANNED = {
    r"of one stage\b": "",
    r"\b(called|asked|used) by `": "",
    r"so-manieth": "every nth",
    r"bears? to be": "must be safe to",
    r"none where there is none": "None if there is none",
    r"the same one again": "repeating it",
    r"\bown say\b": "preferences, opt-outs",
    r"theirs no more": "no longer theirs",
    r"\bheed(s|ed|ing)?\b": "respect",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\banew\b": "again, afresh",
    r"at the door\b": "in the handshake, at sign-in",
    r"both doors": "pages and API",
    r"shown the door": "disconnected",
    r"\bknows nobody\b": "",
    r"\bnobody's\b(?! fault)": "free",
    r"\b(rows?|jobs?|code|releases?|links?|campaigns?) of before\b": "older",
    r"\bit is over then\b": "it ends",
    r"\bdesign §": "docs/design.md",
    r"the other way round": "vice versa",
    r"\breckon(s|ed|ing)?\b": "compute",
    r"\bheld against\b": "checked against",
    r"\btold again\b": "repeated",
    r"\bsays of\b": "says about",
    r"\btell(s|ing)? of\b": "report, mention",
    r"\bbut for\b": "except for",
    r"\blies? (in|at|under)\b": "is in",
}
PROSE = ("bench", "chalicelib", "docs", "functions", "infra", "layers", "packages", "tests", "tools")


def test_the_english_of_code_and_pages_is_plain() -> None:
    texts = [path for folder in PROSE for path in (ROOT / folder).rglob("*") if path.suffix in {".md", ".py"}]
    any_of_them = re.compile("|".join(f"(?:{phrase})" for phrase in BANNED))
    found = []
    for path in (*ROOT.glob("*.md"), ROOT / "app.py", *texts):
        text = " ".join(path.read_text(encoding="utf-8").lower().split())
        if path.name == "CHANGELOG.md" or path == Path(__file__) or not any_of_them.search(text):
            continue
        found += [
            f"{path.relative_to(ROOT)}: {match[0]!r}, rather {better!r}"
            for phrase, better in BANNED.items()
            for match in re.finditer(phrase, text)
        ]

    assert found == []
