"""Who is the only user with an address, and from when until when."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.clock import rfc3339
from chalicelib.storage.frequency_caps import FrequencyCaps
from chalicelib.storage.rows.people import CapRow
from chalicelib.storage.sole_users import SoleUser, SoleUsers

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


def of(owner: str) -> SoleUser | None:
    return at(LATER).of([owner]).get(owner)


def at(moment: datetime) -> SoleUsers:
    return SoleUsers(clock=lambda: moment)


def test_who_comes_first_is_alone_until_somebody_else_comes(database: str) -> None:
    at(AT).come([("#1", "anna"), ("#2", "boris")])
    at(LATER).come([("#1", "anna"), ("#3", "vera")])
    assert at(LATER).of(["#1", "#2", "#4", "#1"]) == {
        "#1": SoleUser("anna", rfc3339(AT)),
        "#2": SoleUser("boris", rfc3339(AT)),
    }
    at(LATER).come([("#1", "boris"), ("#2", "boris")])
    assert of("#1") == SoleUser("anna", rfc3339(AT), rfc3339(LATER))
    assert of("#2") == SoleUser("boris", rfc3339(AT))


def test_two_who_come_at_once_are_not_alone(database: str) -> None:
    at(AT).come([("#1", "anna"), ("#1", "boris")])
    assert of("#1") == SoleUser("anna", rfc3339(AT), rfc3339(AT))


def test_it_ends_once_and_nobody_is_alone_until_the_row_has_expired(database: str) -> None:
    at(AT).come([("#1", "anna")])
    at(AT).leave([("#1", "boris"), ("#2", "anna")])
    assert of("#1") == SoleUser("anna", rfc3339(AT))
    at(AT).leave([("#1", "anna")])
    at(LATER).end("#1", "anna")
    at(LATER).come([("#1", "boris"), ("#1", "anna")])
    assert of("#1") == SoleUser("anna", rfc3339(AT), rfc3339(AT))
    row = CapRow.get("#1", "sole")
    assert row.expires_at_epoch == (AT + timedelta(days=90)).timestamp()


def test_what_is_known_of_a_user_is_forgotten_and_of_nobody_else(database: str) -> None:
    at(AT).come([("#1", "anna"), ("#2", "anna")])
    at(AT).forget("#1", "boris")
    assert of("#1") == SoleUser("anna", rfc3339(AT))
    at(AT).forget("#1", "anna")
    assert of("#1") is None
    caps = FrequencyCaps(clock=lambda: AT)
    assert caps.of("#2") == {"sole": [rfc3339(AT)]}
    caps.erase("#2")
    assert caps.of("#2") == {}


@pytest.mark.parametrize(
    ("until", "run_at", "alone"),
    [
        (None, timedelta(0), (False, False)),
        (None, timedelta(seconds=1), (True, True)),
        (timedelta(hours=1), timedelta(minutes=30), (False, True)),
        # The row names a time a little before that of its writing.
        (timedelta(hours=1), timedelta(hours=1, seconds=59), (False, True)),
        (timedelta(hours=1), timedelta(hours=1, minutes=2), (False, False)),
    ],
)
def test_a_run_counts_from_when_it_was_drawn_up(
    until: timedelta | None, run_at: timedelta, alone: tuple[bool, bool]
) -> None:
    one = SoleUser("anna", rfc3339(AT), rfc3339(AT + until) if until is not None else None)
    assert (one.is_alone(AT + run_at), one.was_alone(AT + run_at)) == alone
