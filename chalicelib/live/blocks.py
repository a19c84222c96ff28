"""Whom a person does not want to hear. Kept with the person, obeyed for every message from one person to another; the
sender is not told.

A user is blocked by id, under whatever name they come back. A guest is blocked under whatever name they take, and with
them every guest whose name looks like theirs; no user is, whoever misused their name. Not by network: a school or a
café is one.
"""

from pynamodb.expressions.condition import size

from chalicelib.errors import ConflictError
from chalicelib.live.chat_names import same_name
from chalicelib.live.person_keys import user_of
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.rows.live import PersonRow

MAX_BLOCKED = 200
_NAME = "name#"  # of somebody who was not here
_BETWEEN = "\n"  # a member of the set is `<key>\n<name as it was>`; neither holds a line break


def block(person: PersonRow, *, name: str, holder: PersonRow | None) -> list[str]:
    """Blocks whoever is here under this name, or will be. The names that are blocked now. Raises: ConflictError
    (permanent: too many), UnavailableError (retryable)."""
    key = holder.person if holder else _NAME
    room = PersonRow.blocked.does_not_exist() | (size(PersonRow.blocked) < MAX_BLOCKED)
    if not update_if(person, [PersonRow.blocked.add({key + _BETWEEN + name})], room):
        raise ConflictError("too_many_blocked")
    return blocked_names(person)


def unblock(person: PersonRow, *, name: str) -> list[str]:
    """Undoes `block`; a name that is not blocked changes nothing. Raises: UnavailableError (retryable)."""
    gone = {one for one in person.blocked or () if same_name(_name(one), name)}
    if gone:
        with reaching_dynamodb():
            person.update(actions=[PersonRow.blocked.delete(gone)])
    return blocked_names(person)


def blocked_names(person: PersonRow) -> list[str]:
    """In order, each once."""
    return sorted({_name(one) for one in person.blocked or ()}, key=str.casefold)


def is_blocked(sender: PersonRow, *, by: PersonRow) -> bool:
    """Whether `by` does not want to hear the sender."""
    for one in by.blocked or ():
        key, _, name = one.partition(_BETWEEN)
        if key == sender.person:
            return True
        bound = key == _NAME or (user_of(key) is None and user_of(sender.person) is None)
        if bound and sender.name is not None and same_name(name, sender.name):
            return True
    return False


def _name(member: str) -> str:
    return member.partition(_BETWEEN)[2]
