"""Who stands behind a connection: a user who came with a ticket, or a guest. All of `live` uses these keys."""

_USER = "user#"
_GUEST = "guest#"


def user_person(user_id: str) -> str:
    """The person of a user: one, however many connections."""
    return _USER + user_id


def guest_person(connection_id: str) -> str:
    """A guest is known by the connection alone."""
    return _GUEST + connection_id


def user_of(person: str) -> str | None:
    """The user's id; None for a guest."""
    return person.removeprefix(_USER) if person.startswith(_USER) else None
