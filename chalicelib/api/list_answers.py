"""The shapes of the API's answers about lists. Times are RFC 3339, UTC."""

from typing import Annotated, Any

from pydantic import Field

from chalicelib.api.answers import IN_PLACE, ApiAnswer
from chalicelib.api.campaign_answers import Upload
from chalicelib.campaigns.list_encoding import Encoding
from chalicelib.states import ListState

_AS = "a field of a recipient, `attributes.<name>`, or null: it is left out"


class BadLine(ApiAnswer):
    """A line that was left out, by its number in the file."""

    line: int
    message: str


class ListAnswer(ApiAnswer):
    """An uploaded list. `bad_lines` shows the first hundred of `bad`. While it is `loading`, `rows` and `bad` are those
    so far, after `read_bytes` of `file_bytes`."""

    id: str
    name: str
    state: Annotated[ListState, IN_PLACE]
    problem: str | None
    rows: int
    bad: int
    bad_lines: list[BadLine]
    columns: dict[str, str | None] = Field(description=f"of the file, by name: {_AS}")
    encoding: Annotated[Encoding, IN_PLACE] | None = Field(description="null: as its bytes show")
    separator: str | None
    created_at: str
    created_by: str | None
    loaded_at: str | None
    read_bytes: int
    file_bytes: int
    upload: Upload | None


class ListPage(ApiAnswer):
    """A page of lists; `cursor` is null on the last one."""

    lists: list[ListAnswer]
    cursor: str | None


class ListColumn(ApiAnswer):
    """A column with what it holds in the first lines."""

    name: str
    becomes: str | None = Field(description=_AS)
    samples: list[str]


class ListPreviewAnswer(ApiAnswer):
    """How a file is read. `good` and `bad` count the lines in its first 64 KB; `whole`: that is all of it."""

    encoding: Annotated[Encoding, IN_PLACE]
    separator: str
    header: bool = Field(description="whether its first line names the columns")
    columns: list[ListColumn]
    good: int
    bad: int
    bad_lines: list[BadLine]
    whole: bool
    size_bytes: int
    problem: str | None = Field(description="why the whole file would be refused")


class RefusedLine(BadLine):
    """With what stands in it, cut where it is long."""

    cells: list[str]


class RefusedPage(ApiAnswer):
    """A page of the lines that were left out; `cursor` is null on the last one."""

    lines: list[RefusedLine]
    cursor: str | None


class ListRecipientsPage(ApiAnswer):
    """A page of a list's recipients; `cursor` is null on the last one."""

    recipients: list[dict[str, Any]]
    cursor: str | None
