"""Users, their preferences and endpoints, and what is kept of addresses."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.clock import rfc3339
from chalicelib.errors import ConflictError, UnavailableError
from chalicelib.storage.addresses import (
    AddressRecord,
    change_address,
    count_soft_bounce,
    find_address,
    forget_soft_bounces,
    page_of_addresses,
)
from chalicelib.storage.endpoints import MAX_ENDPOINTS, Endpoints
from chalicelib.storage.preferences import (
    StoredPreferences,
    delete_preferences,
    find_preferences,
    preferences_of,
    save_preferences,
)
from chalicelib.storage.users import Profile, StoredUser, Users, read_with_preferences

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NOW, LATER = rfc3339(AT), rfc3339(AT + timedelta(hours=1))
ANNA = StoredUser(id="anna", email="anna@example.com", attributes={"plan": "family"}, created_at=NOW, updated_at=NOW)
OPTED_OUT = StoredPreferences({"everything": False}, {"*": [NOW, False]}, NOW)


def test_a_user_is_read_as_saved_one_by_one_and_in_chunks(database: str) -> None:
    Users().save_all([ANNA, ANNA._replace(id="boris", left=["email#x"])])
    assert Users().find("anna") == ANNA
    assert Users().find("nobody") is None
    assert Users().find_many(["boris", "nobody"]) == {"boris": ANNA._replace(id="boris", left=["email#x"])}
    found = Users().get_many(["anna", "nobody"], fresh=True)
    assert found.known == {"anna": Profile("anna", email="anna@example.com", attributes={"plan": "family"})}
    assert (found.unresolved, found.unreadable, found.preferences) == (frozenset(), frozenset(), None)
    assert set(Users().with_emails(["anna@example.com", "none@example.com"], limit=5)) == {"anna", "boris"}
    assert Users().size() == 2


def test_a_user_is_saved_after_what_was_read_and_not_after_anything_else(database: str) -> None:
    Users().save_all([ANNA])
    newer = ANNA._replace(name="Anna", updated_at=LATER)
    assert Users().save(newer, after=ANNA)
    assert not Users().save(ANNA._replace(name="Other"), after=ANNA)
    assert Users().lock(newer, at=AT)
    assert not Users().lock(newer, at=AT)
    Users().remove("anna")
    assert Users().find("anna") is None


def test_an_address_is_confirmed_once_and_only_while_it_is_the_users(database: str) -> None:
    Users().save_all([ANNA])
    first = Users().confirm_email("anna", "anna@example.com", at=AT)
    again = Users().confirm_email("anna", "anna@example.com", at=AT + timedelta(days=1))
    assert first is not None
    assert again is not None
    assert (first.confirmed_at, again.confirmed_at) == (NOW, NOW)
    assert again.profile.email_confirmed
    assert Users().confirm_email("anna", "old@example.com", at=AT) is None
    assert Users().confirm_email("nobody", "anna@example.com", at=AT) is None


def test_every_user_is_in_one_part_of_the_directory(database: str) -> None:
    Users().save_all([ANNA._replace(id=f"u{n}") for n in range(7)])
    seen: list[str] = []
    for segment in range(2):
        cursor = None
        while True:
            some, cursor = Users().page(segment=segment, segments=2, cursor=cursor, limit=2)
            seen += [one.id for one in some]
            if cursor is None:
                break
    assert sorted(seen) == [f"u{n}" for n in range(7)]


def test_preferences_are_saved_after_what_was_read(database: str) -> None:
    assert save_preferences("anna", OPTED_OUT, after=None)
    assert not save_preferences("anna", OPTED_OUT, after=None)
    newer = OPTED_OUT._replace(preferences={}, updated_at=LATER)
    assert save_preferences("anna", newer, after=OPTED_OUT)
    assert not save_preferences("anna", OPTED_OUT, after=OPTED_OUT)
    assert (find_preferences("anna"), preferences_of(["anna", "boris"])) == (newer, {"anna": newer})
    delete_preferences("anna")
    assert find_preferences("anna") is None
    assert preferences_of([]) == {}


def test_preferences_come_with_a_chunk_of_users_and_with_their_addresses(database: str) -> None:
    Users().save_all([ANNA])
    save_preferences("anna", OPTED_OUT, after=None)
    change_address("email#a", lambda one: one._replace(reason="bounce"))
    assert Users().get_many(["anna"], fresh=False, preferences=True).preferences == {"anna": OPTED_OUT.preferences}
    wishes, records = read_with_preferences(["anna", "boris"], ["email#a", "email#b", "email#a"], consistent=True)
    assert wishes == {"anna": OPTED_OUT.preferences}
    assert records == {"email#a": AddressRecord("email#a", reason="bounce", trace=[], version=1)}


def test_of_two_changes_of_an_address_at_once_both_are_kept(database: str) -> None:
    def interrupted(one: AddressRecord) -> AddressRecord:
        if one.reason is None:  # at the first try somebody is faster
            change_address("email#a", lambda other: other._replace(reason="bounce", said={"against": {}}))
        return one.noted("added", by="anna", reason=None, at=AT)

    assert change_address("email#a", interrupted)
    found = find_address("email#a")
    assert found is not None
    assert (found.reason, found.said, len(found.trace), found.version) == ("bounce", {"against": {}}, 1, 2)
    assert not change_address("email#a", lambda _: None)


def test_who_is_always_too_late_says_so(database: str) -> None:
    def beaten(one: AddressRecord) -> AddressRecord:
        change_address("email#a", lambda other: other._replace(reason="bounce"))
        return one

    with pytest.raises(UnavailableError):
        change_address("email#a", beaten)


def test_the_list_of_a_channel_is_paged_newest_first(database: str) -> None:
    for n in range(3):
        one = AddressRecord(f"email#{n}", created_at=rfc3339(AT + timedelta(hours=n)), reason="bounce")
        listed = one.listed("email", f"{n}@example.com")
        change_address(one.address, lambda _, listed=listed: listed)  # type: ignore[misc]
    first, cursor = page_of_addresses("email", limit=2, cursor=None)
    second, _ = page_of_addresses("email", limit=2, cursor=cursor)
    assert [one.shown for one in (*first, *second)] == ["2@example.com", "1@example.com", "0@example.com"]
    assert page_of_addresses("sms", limit=2, cursor=None) == ([], None)


def test_a_soft_bounce_told_twice_counts_once(database: str) -> None:
    until = AT + timedelta(days=14)
    for n in ("n1", "n2", "n2"):
        moments = count_soft_bounce("email#a", notification_id=n, at=AT, kept_until=until)
    assert moments == [NOW, NOW]
    forget_soft_bounces("email#a")
    assert count_soft_bounce("email#a", notification_id="n3", at=AT, kept_until=until) == [NOW]


def test_endpoints_are_added_once_switched_and_forgotten(database: str) -> None:
    book = Endpoints(clock=lambda: AT)
    made = book.add("anna", "webhook", target="https://a.example", shown="a.example", name=None)
    assert book.add("anna", "webhook", target="https://a.example", shown="a.example", name=None).id == made.id
    assert book.usable("webhook", ["anna", "boris"]) == {"anna": [made]}
    book.switch("webhook", "anna", made.id, on=False)
    assert book.usable("webhook", ["anna"]) == {}
    assert book.channels_of("anna") == {"webhook"}
    book.note("anna", made.id, delivery_id="d1", outcome="accepted", status=200)
    assert book.took("anna", [made.id, "other"], delivery_id="d1") == {made.id}
    assert [one["delivery_id"] for one in book.log("anna", made.id)] == ["d1"]
    book.forget("webhook", "anna", made.id)
    assert (book.of("anna"), book.channels_of("anna")) == ([], frozenset())
    for n in range(MAX_ENDPOINTS):
        book.add("anna", "chat", target=f"t{n}", shown="t", name=None)
    with pytest.raises(ConflictError):
        book.add("anna", "chat", target="one more", shown="t", name=None)
    book.erase("anna")
    assert book.log("anna", made.id) == []
