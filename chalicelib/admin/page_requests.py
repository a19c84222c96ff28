"""A manager's request, and what a route demands of it."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from chalice.app import Blueprint, Response
from pydantic import ConfigDict, TypeAdapter, ValidationError

from chalicelib.accounts.authentication import At
from chalicelib.accounts.managers import Manager, Role
from chalicelib.accounts.sessions import Session
from chalicelib.admin.browser import Files, SentFile
from chalicelib.admin.templating import Go, Page
from chalicelib.campaigns.review import Comment
from chalicelib.errors import InvalidError, Phrase
from chalicelib.etags import Seen
from chalicelib.pipeline.requests import Recipient

_COMMENT: TypeAdapter[str] = TypeAdapter(Comment, config=ConfigDict(defer_build=True))


class Proof(StrEnum):
    """What an action demands of a signed-in manager beyond an open page."""

    NONE = "none"
    RECENT = "recent"  # password and code within the last minutes (`sessions.PROOF_LASTS`)
    PRESENT = "present"  # both with the form itself


class Visit(NamedTuple):
    """One request of a manager. `fresh`: its form was made for this session; `asked`: each name of the query with all
    its values."""

    session: Session
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, Sequence[str]]
    files: Files
    locale: str
    at: At
    fresh: bool = False
    asked: Mapping[str, Sequence[str]] = {}

    @property
    def ip(self) -> str:
        return self.at.ip

    @property
    def manager(self) -> Manager:
        return self.session.manager

    def typed(self, name: str) -> str:
        """The first value of a field, without outer spaces; empty if there is none."""
        return next(iter(self.form.get(name, ())), "").strip()

    def sent(self, name: str) -> Sequence[SentFile]:
        """The files of a field that hold anything."""
        return [file for file in self.files.get(name, ()) if file.content]

    def secret(self, name: str) -> str:
        """A password, with every character that was typed."""
        return next(iter(self.form.get(name, ())), "")

    @property
    def seen(self) -> Seen | None:
        """What the form was made from; None if it does not say."""
        tag = self.typed("seen")
        return Seen((tag,)) if tag else None

    @property
    def recipient(self) -> Recipient:
        """Who gets a test letter: an address, or a user by id. Raises: InvalidError (permanent)."""
        to = self.typed("to")
        try:
            return Recipient.model_validate({"email": to} if "@" in to else {"user_id": to})
        except ValidationError as error:
            raise InvalidError.of("to", Phrase("expected an address or a user's id")) from error

    @property
    def comment(self) -> str:
        """The comment with which another's work is sent back. Raises: InvalidError (permanent)."""
        try:
            return _COMMENT.validate_python(self.typed("comment"))
        except ValidationError as error:
            raise InvalidError.of("comment", Phrase("expected 1 to 1000 characters that say what to change")) from error

    def untyped(self) -> "Visit":
        """The same request before anything was typed."""
        return self._replace(form={}, files={})


Went: TypeAlias = Go | Page | Response
View = Callable[[Visit], Page | Response]
Act = Callable[[Visit], Go | Page]


class Registered(NamedTuple):
    """What a route demands. `does` names an action in the audit, `shows` a view of personal data; `again` is the page
    with its form; `check` finds mistakes in a form; `first`: open to managers who still have a password that somebody
    else made."""

    method: str
    path: str
    role: Role
    does: str | None
    largest_file: int = 0  # bytes; 0: the form carries none
    again: View | None = None
    shows: str | None = None
    proof: Proof = Proof.NONE
    check: Callable[[Visit], object] | None = None
    first: bool = False

    def is_shut_to(self, manager: Manager) -> bool:
        """Whether the manager has to put the account in order first."""
        if self.first or not manager.held:
            return False
        return manager.must_change or not self.path.startswith("/admin/account/")


REGISTERED: list[Registered] = []
routes = Blueprint(__name__)  # every page
