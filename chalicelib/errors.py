"""Every error that crosses a module border, with its whole hierarchy.

VestnikError
├── RefusedError            the caller can fix it: said in every language of the pages
│   ├── InvalidError          the data is wrong; permanent                   → 422
│   │   └── TooLargeError     over a stated size; permanent                  → 413
│   ├── UnauthorizedError     no key, or an unknown one; permanent           → 401
│   ├── ForbiddenError        the key lacks the scope; permanent             → 403
│   │   └── ProofError        password and code are required again            → 403
│   ├── NotFoundError         no such thing; permanent                       → 404
│   ├── ConflictError         the thing's state forbids it; permanent        → 409
│   │   ├── BusyError         the same call is running; later                → 409
│   │   ├── ChangedError      it is not what the caller has seen; permanent  → 412
│   │   └── WouldBreakError   others would be refused, unless confirmed      → 409
│   └── TooManyRequestsError  over an allowance; later                       → 429
├── UnavailableError      a subsystem did not answer; retryable          → 503
│   ├── MisconfiguredError  it refuses us: somebody must fix the stage     → 500
│   ├── ThrottledError      it asks for a slower pace; later               → 503
│   └── NewerError          a newer release wrote it; once that is back    → 503
├── RenderError           a template cannot give this letter; permanent  → a failed delivery
└── PoisonMessageError    a queue message that no retry can fix; permanent  → the DLQ

The API turns them into `application/problem+json` in one place (`api/problem.py`); core code knows nothing of HTTP.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple, Self, TypeVar

_Text = TypeVar("_Text", str, str | None)


class Phrase(str):
    """What an error says. `Phrase("there is no user {id}", id="7")` is the English text, and remembers what it was made
    of, so that `translation.py` can say it in another language: `msgid`, its key in the catalogues of `locale/`, and
    `params`, which may be phrases too. `many` is the plural of a counted phrase."""

    __slots__ = ("many", "msgid", "params")
    msgid: str
    many: str | None
    params: Mapping[str, object]

    def __new__(cls, msgid: str, /, **params: object) -> Self:
        phrase = super().__new__(cls, msgid.format(**params))
        phrase.msgid, phrase.many, phrase.params = msgid, None, params
        return phrase

    @classmethod
    def counted(cls, one: str, many: str, /, *, n: int, **params: object) -> Self:
        """`one` if `n` is 1, otherwise `many`; other languages may have more forms."""
        phrase = cls(one if n == 1 else many, n=n, **params)
        phrase.msgid, phrase.many = one, many
        return phrase


class FieldError(NamedTuple):
    """One mistake: `field` is a path such as `recipients[3].email`, `message` says what is expected."""

    field: str
    message: Phrase

    @property
    def said(self) -> Phrase:
        """`recipients[3].email: expected …`"""
        return Phrase("{field}: {why}", field=self.field, why=self.message)


def all_said(errors: Sequence[FieldError]) -> Phrase:
    """`name: expected …; email: expected …`, of at least one."""
    return reduce(lambda one, other: Phrase("{one}; {other}", one=one, other=other), (each.said for each in errors))


def either(known: Iterable[str]) -> str:
    """`draft or scheduled`, of at least one."""
    return reduce(lambda one, other: Phrase("{one} or {other}", one=one, other=other), known)


def both(known: Iterable[str]) -> str:
    """`platform and token`, of at least one."""
    return reduce(lambda one, other: Phrase("{one} and {other}", one=one, other=other), known)


def phrase_of(error: Exception) -> Phrase:
    """The message of a foreign error: only in English, unless it was made with a phrase."""
    said = error.args[0] if error.args else ""
    return said if isinstance(said, Phrase) else Phrase("{why}", why=str(error))


def stored(text: str | None) -> dict[str, Any] | None:
    """A phrase as JSON, to be stored next to its text; None for anything else."""
    if not isinstance(text, Phrase):
        return None
    params = {name: stored(one) if isinstance(one, Phrase) else one for name, one in text.params.items()}
    return {"msgid": text.msgid, **({"many": text.many} if text.many else {}), "params": params}


def restored(kept: Mapping[str, Any] | None, *, text: _Text) -> _Text | Phrase:
    """The phrase that was `stored` next to a text; the text itself if none was."""
    if kept is None:
        return text
    msgid, many = kept["msgid"], kept.get("many")
    params: dict[str, Any] = {
        name: restored(one, text="") if isinstance(one, Mapping) else one for name, one in kept["params"].items()
    }
    return Phrase.counted(msgid, many, **params) if many else Phrase(msgid, **params)


IN_LINE = Phrase("line {n}: {why}", n=0, why="").msgid


class VestnikError(Exception):
    """The base; `detail` holds nothing secret."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class RefusedError(VestnikError):
    """What the caller can fix; `detail` says how."""

    detail: Phrase

    def __init__(self, detail: Phrase) -> None:
        super().__init__(detail)


class InvalidError(RefusedError):
    """Permanent: the same request will be refused again. Names each bad field."""

    def __init__(self, detail: Phrase, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = tuple(errors)

    @classmethod
    def of(cls, field: str, message: Phrase) -> "InvalidError":
        """The common case of one bad field."""
        wrong = FieldError(field, message)
        return cls(wrong.said, [wrong])


class TooLargeError(InvalidError):
    """Permanent: over a stated size."""


class UnauthorizedError(RefusedError):
    """Permanent: no key, or an unknown or revoked one. `key_id`: whose key it is, if the secret was right."""

    def __init__(self, detail: Phrase, *, key_id: str | None = None) -> None:
        super().__init__(detail)
        self.key_id = key_id


class ForbiddenError(RefusedError):
    """Permanent: the key is valid, but its scopes do not cover the call."""


class ProofError(ForbiddenError):
    """Permanent until the signed-in manager gives password and code again."""


class NotFoundError(RefusedError):
    """Permanent: no such thing."""


class ConflictError(RefusedError):
    """Permanent: the thing's state forbids this."""


class BusyError(ConflictError):
    """Retryable, but not before `retry_after_seconds`: the same call is running."""

    def __init__(self, detail: Phrase, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class ChangedError(ConflictError):
    """Permanent: the thing is not what the caller has seen, and nothing was done. `differs` describes each field that
    differs; `tag` is the current one."""

    def __init__(self, detail: Phrase, *, differs: Sequence[FieldError] = (), tag: str | None = None) -> None:
        super().__init__(detail)
        self.differs = tuple(differs)
        self.tag = tag


class WouldBreakError(ConflictError):
    """Permanent, unless confirmed: others would be refused after this. `errors` says who they are and why."""

    def __init__(self, detail: Phrase, errors: Sequence[FieldError]) -> None:
        super().__init__(detail)
        self.errors = tuple(errors)


class TooManyRequestsError(RefusedError):
    """Retryable, but not before `retry_after_seconds`: an allowance is used up."""

    def __init__(self, detail: Phrase, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(VestnikError):
    """Retryable: a subsystem did not answer; nothing was promised."""


class MisconfiguredError(UnavailableError):
    """Retryable, but not before somebody has fixed the deployment: a right, a table or a queue is missing."""


class ThrottledError(UnavailableError):
    """Retryable: the subsystem is well, but asks for a slower pace."""


class NewerError(UnavailableError):
    """Retryable, but not before a newer release is back: it wrote this, with a meaning that this release
    does not know."""


class RenderError(VestnikError):
    """Permanent: the template cannot make this letter. `reason` is short and stable, fit for counting; `part`, such as
    `en/email.html`, and `line` say where. `said` may quote the letter's data; `place` never does."""

    detail: Phrase

    def __init__(self, reason: str, said: Phrase, *, part: str | None = None, line: int | None = None) -> None:
        self.in_line = Phrase(IN_LINE, n=line, why=said) if line else said  # `line 3: …`
        super().__init__(Phrase("{field}: {why}", field=part, why=self.in_line) if part else self.in_line)
        self.reason = reason
        self.said = said
        self.part = part
        self.line = line

    @property
    def place(self) -> str | None:
        """`en/email.html, line 3`."""
        return ", ".join(filter(None, (self.part, f"line {self.line}" if self.line else None))) or None


class PoisonMessageError(VestnikError):
    """Permanent: an unreadable queue message; it reaches the dead-letter queue after its receives."""
