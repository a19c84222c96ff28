"""One request of a manager, and what a route asks of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from chalice.app import Response

from chalicelib.admin.look import Go, Page
from chalicelib.control.managers import Manager, Role
from chalicelib.control.sessions import Session
from chalicelib.seen import Seen


class Visit(NamedTuple):
    """One request of a manager. `fresh`: its form was made for this session."""

    session: Session
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, Sequence[str]]
    files: Mapping[str, bytes]
    locale: str
    ip: str
    fresh: bool = False

    @property
    def manager(self) -> Manager:
        """Who it is."""
        return self.session.manager

    def typed(self, name: str) -> str:
        """The first value of a field, without the spaces around it; empty where there is none."""
        return next(iter(self.form.get(name, ())), "").strip()

    def secret(self, name: str) -> str:
        """A password, with every character that was typed."""
        return next(iter(self.form.get(name, ())), "")

    @property
    def seen(self) -> Seen | None:
        """What the form was made from; None where it does not say so."""
        tag = self.typed("seen")
        return Seen((tag,)) if tag else None

    def untyped(self) -> "Visit":
        """The same, before anything was typed."""
        return self._replace(form={}, files={})


Went: TypeAlias = Go | Page | Response
View = Callable[[Visit], Page | Response]
Act = Callable[[Visit], Go | Page]


class Registered(NamedTuple):
    """What a route asks of its caller; `does` is the audit's word of an action, `again` the page with its form, `shows`
    the audit's word of a look at what is kept of persons."""

    method: str
    path: str
    role: Role
    does: str | None
    largest_file: int = 0  # bytes; 0: the form carries none
    again: View | None = None
    shows: str | None = None


REGISTERED: list[Registered] = []
