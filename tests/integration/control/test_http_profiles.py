"""Profiles from the cinema's own service, over real HTTP."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from chalicelib.errors import MisconfiguredError, ThrottledError, UnavailableError
from chalicelib.profiles.http_source import HttpProfiles
from tests.integration.control.user_service import Answer, UserService, running

ANNA = {"id": "u-1", "email": "anna@example.com", "name": "Анна", "locale": "ru", "email_confirmed": True}
BORIS = {"id": "u-2", "email": "boris@example.com"}


@pytest.fixture
def service() -> Iterator[UserService]:
    with running() as service:
        service.users = {"u-1": ANNA, "u-2": BORIS}
        yield service


@pytest.fixture
def profiles(service: UserService) -> Iterator[HttpProfiles]:
    source = HttpProfiles(service.url, timeout_seconds=2)
    with closing(source._session):
        yield source


def answering(status: int, body: bytes | Any = b"{}", **headers: str) -> Any:
    def answer(ids: list[str]) -> Answer:
        return status, headers, body if isinstance(body, bytes) else json.dumps(body).encode()

    return answer


def test_a_chunk_is_asked_for_in_one_request(service: UserService, profiles: HttpProfiles) -> None:
    service.users |= {f"u-{n}": {"id": f"u-{n}"} for n in range(3, 51)}

    answer = profiles.get_many([f"u-{n}" for n in range(1, 51)], fresh=True)
    assert len(answer.known) == 50
    assert [len(question["ids"]) for question in service.asked] == [50]
    assert service.asked[0]["fresh"] is True
    anna = answer.known["u-1"]
    assert (anna.email, anna.name, anna.locale, anna.email_confirmed) == ("anna@example.com", "Анна", "ru", True)


def test_an_unknown_user_is_in_neither_list(profiles: HttpProfiles) -> None:
    answer = profiles.get_many(["u-1", "u-9"], fresh=False)

    assert (set(answer.known), answer.unresolved) == ({"u-1"}, frozenset())


def test_whoever_was_not_answered_for_is_unresolved(service: UserService, profiles: HttpProfiles) -> None:
    service.missing = {"u-2"}

    answer = profiles.get_many(["u-1", "u-2"], fresh=False)
    assert (set(answer.known), set(answer.unresolved)) == ({"u-1"}, {"u-2"})


@pytest.mark.parametrize(
    "broken",
    [
        {"id": "u-2", "email": "boris@"},
        {"id": "u-2", "attributes": []},
        {"id": "u-2", "timezone": "Mars/Olympus", "name": 5},
    ],
)
def test_a_user_whose_data_is_broken_has_failed_and_breaks_nobody_else(
    service: UserService, profiles: HttpProfiles, broken: Any
) -> None:
    """Promise I1."""
    service.users["u-2"] = broken

    for asked in (["u-1", "u-2"], ["u-2"]):
        answer = profiles.get_many(asked, fresh=False)
        assert (set(answer.known), set(answer.unreadable)) == ({*asked} - {"u-2"}, {"u-2"})
        assert not answer.unresolved


@pytest.mark.parametrize("broken", [{"email": "boris@example.com"}, {"id": 2}, None, 7, "u-2", ["id"]])
def test_an_answer_that_names_nobody_breaks_nobody_else(
    service: UserService, profiles: HttpProfiles, broken: Any
) -> None:
    service.users["u-2"] = broken

    answer = profiles.get_many(["u-1", "u-2"], fresh=False)
    assert (set(answer.known), set(answer.unresolved)) == ({"u-1"}, {"u-2"})


def test_a_service_of_whose_users_nobody_can_be_read_is_no_profile_service(
    service: UserService, profiles: HttpProfiles
) -> None:
    """Promise I1: letters wait until it is fixed, be they asked for together or one by one."""
    service.users |= {f"u-{n}": {"id": f"u-{n}", "email": {"value": "a@example.com"}} for n in range(3, 9)}
    with pytest.raises(MisconfiguredError):
        profiles.get_many(["u-3"], fresh=False)
    assert profiles.get_many(["u-1"], fresh=False).known

    with pytest.raises(MisconfiguredError):
        profiles.get_many(["u-3", "u-4", "u-5"], fresh=False)
    for _ in range(2):
        with pytest.raises(MisconfiguredError):
            profiles.get_many(["u-6"], fresh=False)
    assert profiles.get_many(["u-1", "u-3"], fresh=False).unreadable == {"u-3"}


def _deep(levels: int) -> Any:
    return [_deep(levels - 1)] if levels else "deep"


@pytest.mark.parametrize("value", ["\ud800", _deep(300)])
@pytest.mark.parametrize("place", ["u-1", "u-2", "u-5"])
def test_a_user_whose_data_spoil_the_whole_answer_breaks_nobody_else(
    service: UserService, profiles: HttpProfiles, value: Any, place: str
) -> None:
    """Promise I1: the others are asked for without them."""
    ids = [f"u-{n}" for n in range(1, 6)]
    service.users = {one: {"id": one, "email": f"{one}@example.com"} for one in ids}
    service.users[place]["attributes"] = {"about": value}

    answer = profiles.get_many(ids, fresh=False)
    assert (set(answer.known), set(answer.unreadable)) == (set(ids) - {place}, {place})


def test_what_the_service_knows_besides_is_ignored(service: UserService, profiles: HttpProfiles) -> None:
    service.users["u-1"] = {**ANNA, "subscription": "premium", "created_at": 5}

    assert profiles.get_many(["u-1"], fresh=False).known["u-1"].email == "anna@example.com"


def test_users_who_were_not_asked_for_are_not_taken(service: UserService, profiles: HttpProfiles) -> None:
    service.answer = answering(200, {"users": [ANNA, BORIS]})

    assert set(profiles.get_many(["u-1"], fresh=False).known) == {"u-1"}


@pytest.mark.parametrize("status", [204, 400, 401, 404, 429, 500, 503])
def test_another_status_is_no_answer_for_anybody(service: UserService, profiles: HttpProfiles, status: int) -> None:
    service.answer = answering(status, b"" if status == 204 else b"{}")

    with pytest.raises(UnavailableError):
        profiles.get_many(["u-1"], fresh=False)
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, MisconfiguredError) for status in (204, 301, 400, 401, 403, 404, 405, 413, 422)),
        *((status, UnavailableError) for status in (408, 500, 502, 503, 504)),
    ],
)
def test_a_refusal_is_told_apart_from_no_answer(
    service: UserService, profiles: HttpProfiles, status: int, kind: type[UnavailableError]
) -> None:
    """Promise G3: what a dependency says is not taken for its absence."""
    service.answer = answering(status, b"")

    with pytest.raises(UnavailableError, match=str(status)) as refused:
        profiles.get_many(["u-1"], fresh=False)
    assert type(refused.value) is kind


def test_too_many_requests_ask_for_a_slower_pace(service: UserService, profiles: HttpProfiles) -> None:
    service.answer = answering(429, b"")

    with pytest.raises(ThrottledError, match="slower pace"):
        profiles.get_many(["u-1"], fresh=False)


def test_another_answer_is_told_apart_from_none(service: UserService, profiles: HttpProfiles) -> None:
    service.answer = answering(200, b"<html>sign in</html>")

    with pytest.raises(MisconfiguredError, match="something other than profiles"):
        profiles.get_many(["u-1"], fresh=False)


def test_a_redirect_is_not_followed(service: UserService, profiles: HttpProfiles) -> None:
    service.answer = answering(302, b"", Location=service.url)

    with pytest.raises(UnavailableError, match="302"):
        profiles.get_many(["u-1"], fresh=False)
    assert len(service.asked) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"<html>", b'{"users": 5}', b'{"users": {}}', b"\xff\xfe"])
def test_a_body_that_is_not_the_answer_is_no_answer(service: UserService, profiles: HttpProfiles, body: bytes) -> None:
    service.answer = answering(200, body)

    with pytest.raises(UnavailableError):
        profiles.get_many(["u-1"], fresh=False)


def test_a_service_that_is_silent_is_not_waited_for(service: UserService) -> None:
    service.silent_seconds = 1
    source = HttpProfiles(service.url, timeout_seconds=0.1)

    with closing(source._session), pytest.raises(UnavailableError, match="Timeout"):
        source.get_many(["u-1"], fresh=False)


def test_a_service_that_is_not_there_is_unavailable() -> None:
    with running() as service:
        url = service.url
    source = HttpProfiles(url, timeout_seconds=1)

    with closing(source._session), pytest.raises(UnavailableError, match="ConnectionError"):
        source.get_many(["u-1"], fresh=False)


def test_an_error_says_nothing_of_who_was_asked_for(service: UserService, profiles: HttpProfiles) -> None:
    service.answer = answering(500)

    with pytest.raises(UnavailableError) as error:
        profiles.get_many(["u-secret"], fresh=False)
    assert "u-secret" not in error.value.detail
