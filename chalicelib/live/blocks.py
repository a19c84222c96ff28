"""Whom a person has blocked: checked for every message between people; the sender is not told.

A blocked user stays blocked under any name. A blocked guest stays blocked under any name, and so does every guest whose
name looks like theirs, but no user, whoever misused their name. Blocks are not by network: a school or a café is one.
"""

from chalicelib.live.chat_names import same_name
from chalicelib.live.server_events import FrameError
from chalicelib.storage.live_people import LivePeople, Person, user_of

MAX_BLOCKED = 200
_NAME = "name#"  # for somebody who was absent
_BETWEEN = "\n"  # a member of the set is `<key>\n<name as it was>`; neither holds a line break


def block(person: Person, *, name: str, holder: str | None, people: LivePeople) -> list[str]:
    """Blocks whoever has this name now (`holder`) or later. Returns the blocked names. Raises: FrameError
    (permanent: too many), UnavailableError (retryable)."""
    blocker = people.block(person, (holder or _NAME) + _BETWEEN + name, most=MAX_BLOCKED)
    if blocker is None:
        raise FrameError("too_many_blocked", limit=MAX_BLOCKED)
    return blocked_names(blocker)


def unblock(person: Person, *, name: str, people: LivePeople) -> list[str]:
    """Undoes `block`; a name that is not blocked changes nothing. Raises: UnavailableError (retryable)."""
    gone = {one for one in person.blocked if same_name(_name(one), name)}
    return blocked_names(people.unblock(person, gone) if gone else person)


def blocked_names(person: Person) -> list[str]:
    """In order, each once."""
    return sorted({_name(one) for one in person.blocked}, key=str.casefold)


def is_blocked(sender: Person, *, by: Person) -> bool:
    """Whether `by` has blocked the sender."""
    for one in by.blocked:
        key, _, name = one.partition(_BETWEEN)
        if key == sender.key:
            return True
        bound = key == _NAME or (user_of(key) is None and sender.is_guest)
        if bound and sender.name is not None and same_name(name, sender.name):
            return True
    return False


def _name(member: str) -> str:
    return member.partition(_BETWEEN)[2]
