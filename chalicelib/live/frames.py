"""Reads what a client sends: plain text, or JSON `{"action": …}`.

Any input gives a frame or a FrameError that says what is expected; no other error leaves this module.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from chalicelib.errors import Phrase
from chalicelib.live.server_events import FrameError
from chalicelib.profiles.model import UserId
from chalicelib.schemas import StrictModel
from chalicelib.text import is_tame, one_line, shaped, with_closed_isolates

MAX_INCOMING_BYTES = 16 * 1024
MAX_TEXT_CHARACTERS = 2000
MAX_PAGE = 50
MAX_READ_IDS = 100
_CURSOR = r"^[0-9]{1,15}$"
_BEYOND_UTF8 = "\ufffd"  # what gateways put in place of bytes that are not UTF-8


def clean_text(text: str) -> str:
    """The text as it is sent on: one line, so that nobody can forge a second message inside the first. Raises:
    FrameError."""
    if not is_tame(text):
        raise FrameError("bad_characters")
    line = with_closed_isolates(one_line(text))
    if not line:
        raise FrameError("empty_text")
    if len(line) > MAX_TEXT_CHARACTERS:
        raise FrameError("long_text", limit=MAX_TEXT_CHARACTERS)
    return line


class Ping(StrictModel):
    """The heartbeat: API Gateway closes what is silent for 10 minutes."""

    action: Literal["ping"]


class TakeName(StrictModel):
    """Takes a name in the chat, or changes it."""

    action: Literal["chat.name"]
    name: str


class Who(StrictModel):
    """Who is here?"""

    action: Literal["chat.who"]


class Send(StrictModel):
    """A message to one person: by name, or by user id (live messages between users)."""

    action: Literal["chat.send"]
    to: str | None = None
    user_id: UserId | None = None
    text: Annotated[str, AfterValidator(clean_text)]

    @model_validator(mode="after")
    def _one_addressee(self) -> "Send":
        if (self.to is None) == (self.user_id is None):
            raise ValueError("a name in `to`, or `user_id`")
        return self


class Block(StrictModel):
    """Nothing more from this person."""

    action: Literal["chat.block"]
    name: str


class Unblock(StrictModel):
    """Undoes `chat.block`."""

    action: Literal["chat.unblock"]
    name: str


class Blocked(StrictModel):
    """Whom have I blocked?"""

    action: Literal["chat.blocked"]


class ListInbox(StrictModel):
    """A page of the inbox, newest first; `cursor` is that of the previous page."""

    action: Literal["inbox.list"]
    cursor: Annotated[str, shaped(_CURSOR, Phrase("expected a cursor as it was given"))] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 20


class ReadInbox(StrictModel):
    """These notifications have been read."""

    action: Literal["inbox.read"]
    ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_READ_IDS)]


class ReadAllInbox(StrictModel):
    """Everything has been read."""

    action: Literal["inbox.read_all"]


class Resume(StrictModel):
    """Everything after this cursor, oldest first: what the client missed. "0" is the beginning."""

    action: Literal["resume"]
    cursor: Annotated[str, shaped(_CURSOR, Phrase("expected a cursor as it was given"))]


ACTIONS = (Ping, TakeName, Who, Send, Block, Unblock, Blocked, ListInbox, ReadInbox, ReadAllInbox, Resume)
Frame = Ping | TakeName | Who | Send | Block | Unblock | Blocked | ListInbox | ReadInbox | ReadAllInbox | Resume
_ADAPTER: TypeAdapter[Frame] = TypeAdapter(
    Annotated[Frame, Field(discriminator="action")], config=ConfigDict(defer_build=True)
)
ACTION_NAMES = tuple(str(one.model_fields["action"].annotation.__args__[0]) for one in ACTIONS)  # type: ignore[union-attr]


def is_json(text: str) -> bool:
    """A frame that begins with a brace is meant as JSON: no name does."""
    return text.lstrip().startswith("{")


def check_frame(text: str) -> None:
    """Size and encoding, before anything else looks at the frame. Raises: FrameError."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise FrameError("not_utf8") from error
    if size > MAX_INCOMING_BYTES:
        raise FrameError("too_large", limit=MAX_INCOMING_BYTES)
    if _BEYOND_UTF8 in text:
        raise FrameError("not_utf8")


def read_json(text: str) -> Frame:
    """The frame in a JSON text. Raises: FrameError."""
    try:
        return _ADAPTER.validate_json(text)
    except FrameError:
        raise
    except ValidationError as error:
        raise _frame_error(error) from error


def read_line(text: str) -> Frame:
    """The frame in a plain line from somebody who has a name. Raises: FrameError."""
    line = text.strip()
    if line == "?":
        return Who(action="chat.who")
    to, colon, said = line.partition(":")
    if not colon:
        return _read_command(line)
    if not to.strip():
        raise FrameError("empty_addressee")
    return Send.model_construct(action="chat.send", to=to, user_id=None, text=clean_text(said))


def _read_command(line: str) -> Frame:
    word, _, name = line.partition(" ")
    if word == "blocked" and not name:
        return Blocked(action="chat.blocked")
    if word == "block" and name.strip():
        return Block(action="chat.block", name=name)
    if word == "unblock" and name.strip():
        return Unblock(action="chat.unblock", name=name)
    raise FrameError("no_colon")


def _frame_error(error: ValidationError) -> FrameError:
    mistake = error.errors(include_url=False, include_input=False)[0]
    if mistake["type"] == "json_invalid" or (not mistake["loc"] and mistake["type"] == "model_attributes_type"):
        return FrameError("broken_json")
    if mistake["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return FrameError("unknown_action", expected=", ".join(ACTION_NAMES))
    names = [str(one) for one in mistake["loc"][1:]]
    expected = mistake["msg"].removeprefix("Value error, ")
    return FrameError("bad_field", field=".".join(names) or "to", expected=expected)
