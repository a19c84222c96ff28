"""The table of docs/links-and-preferences.md, *A wish belongs to what is written to*, against the stores: random lives
of two users and three addresses, told to both."""

from collections.abc import Iterable
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib.clock import now
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.eligibility import Addressee
from chalicelib.profiles.model import UserBody
from chalicelib.profiles.opt_outs import OptOuts
from chalicelib.profiles.preferences import EVERYTHING, WRITTEN_TO, Preferences, Words, spoken, word_key
from chalicelib.stage.app import Stage

CATEGORIES = ("marketing", "series")
USERS, ADDRESSES = ("u", "w"), ("x", "y")
_RUNS = count()

user, address = st.sampled_from(USERS), st.sampled_from(ADDRESSES)
key = st.sampled_from((EVERYTHING, *CATEGORIES))
some = st.frozensets(st.sampled_from(CATEGORIES))
steps = st.one_of(
    st.tuples(st.just("say"), user, st.booleans(), some, st.frozensets(key)),
    st.tuples(st.just("move"), user, address, st.sampled_from((None, True, False))),
    st.tuples(st.just("confirm"), user),
    st.tuples(st.just("guest"), address, key),
    st.tuples(st.just("erase"), user),
)
suppressions = st.tuples(st.just("suppress"), address, st.sampled_from(("bounce", "complaint", "by_hand")))


def wishes_of(everything: bool, off: frozenset[str]) -> Preferences:
    return Preferences(everything=everything, categories={one: {"email": one not in off} for one in CATEGORIES})


def names_of(switches: frozenset[str]) -> frozenset[str]:
    return frozenset(one if one == EVERYTHING else word_key(one, "email") for one in switches)


class Table:
    """The rules, as the table tells them; time is the number of the step."""

    def __init__(self) -> None:
        self.at = 0
        self.wishes: dict[str, tuple[bool, frozenset[str]]] = {}
        self.no: dict[str, dict[str, int]] = {one: {} for one in USERS}
        self.yes: dict[str, dict[str, int]] = {one: {} for one in USERS}
        self.lives: dict[str, str] = {}
        self.proved: dict[str, str | None] = {}
        self.against: dict[str, dict[str, dict[str, int]]] = {one: {} for one in ADDRESSES}
        self.agreed: dict[str, dict[str, int]] = {one: {} for one in ADDRESSES}
        self.suppressed: set[str] = set()

    def say(self, who: str, everything: bool, off: frozenset[str], named: frozenset[str]) -> None:
        all_before, off_before = self.wishes.get(who, (True, frozenset()))
        no, yes = self.no[who], self.yes[who]
        if everything:
            no.pop(EVERYTHING, None)
        elif all_before or EVERYTHING in named:
            no[EVERYTHING] = self.at
        for one in CATEGORIES:
            if one in off:
                yes.pop(one, None)
                if one not in off_before or one in named:
                    no[one] = self.at
            else:
                no.pop(one, None)
                turned = not all_before or one in off_before
                if everything and (turned or named & {one, EVERYTHING}):
                    yes[one] = self.at
        self.wishes[who] = (everything, off)
        self._carry(who)

    def move(self, who: str, where: str, confirmed: bool | None) -> None:
        self.lives[who] = where
        if confirmed is not None:
            self.proved[who] = where if confirmed else None
        self._carry(who)

    def confirm(self, who: str) -> None:
        if who in self.lives:
            self.proved[who] = self.lives[who]
            self._carry(who)

    def guest(self, where: str, what: str) -> None:
        self.against[where].setdefault("", {})[what] = self.at

    def suppress(self, where: str, reason: str) -> None:
        self.suppressed.add(where)

    def erase(self, who: str) -> None:
        if who not in self.lives:
            return
        where = self.lives.pop(who)
        for what, at in self.against[where].pop(who, {}).items():
            left = self.against[where].setdefault("", {})
            left[what] = max(at, left.get(what, 0))
        self.wishes.pop(who, None)
        self.proved.pop(who, None)
        self.no[who], self.yes[who] = {}, {}

    def _carry(self, who: str) -> None:
        if who not in self.wishes or who not in self.lives:
            return
        where, everything = self.lives[who], self.wishes[who][0]
        self.against[where][who] = dict(self.no[who])
        if everything and self.proved.get(who) == where:
            for one, at in self.yes[who].items():
                self.agreed[where][one] = max(at, self.agreed[where].get(one, 0))

    def stops(self, where: str, category: str) -> bool:
        """A letter to the address as such."""
        said = [voice.get(what, 0) for voice in self.against[where].values() for what in (EVERYTHING, category)]
        return where in self.suppressed or max(said, default=0) > self.agreed[where].get(category, 0)

    def stops_user(self, who: str, category: str) -> bool:
        """A letter to the user by id."""
        everything, off = self.wishes.get(who, (True, frozenset()))
        return not everything or category in off or self.stops(self.lives[who], category)


class Rules:
    """The same by `OptOuts` and `spoken` alone, with no store."""

    def __init__(self) -> None:
        self.at = 0
        self.wishes: dict[str, tuple[Preferences, Words]] = {}
        self.lives: dict[str, str] = {}
        self.proved: dict[str, str | None] = {}
        self.said = dict.fromkeys(ADDRESSES, OptOuts())

    def say(self, who: str, everything: bool, off: frozenset[str], named: frozenset[str]) -> None:
        before, words = self.wishes.get(who, (Preferences(), {}))
        after = wishes_of(everything, off)
        told = spoken(before, words, after, channels=("email",), named=names_of(named), at=f"{self.at:04}")
        self.wishes[who] = after, told
        self._carry(who)

    def move(self, who: str, where: str, confirmed: bool | None) -> None:
        self.lives[who] = where
        if confirmed is not None:
            self.proved[who] = where if confirmed else None
        self._carry(who)

    def confirm(self, who: str) -> None:
        if who in self.lives:
            self.proved[who] = self.lives[who]
            self._carry(who)

    def guest(self, where: str, what: str) -> None:
        self.said[where] = self.said[where].without(what, f"{self.at:04}")

    def erase(self, who: str) -> None:
        if who in self.lives:
            where = self.lives.pop(who)
            self.said[where] = self.said[where].orphaned(who)
            self.wishes.pop(who, None)
            self.proved.pop(who, None)

    def _carry(self, who: str) -> None:
        if who in self.wishes and who in self.lives:
            where, (wishes, words) = self.lives[who], self.wishes[who]
            confirmed = self.proved.get(who) == where
            self.said[where] = self.said[where].hearing(who, "email", wishes, words, confirmed=confirmed)


class Stores:
    """The same, told to the stores."""

    def __init__(self) -> None:
        self.run = next(_RUNS)

    def id(self, who: str) -> str:
        return f"{who}-{self.run}"

    def email(self, where: str) -> str:
        return f"{where}-{self.run}@viewers.example"

    def say(self, who: str, everything: bool, off: frozenset[str], named: frozenset[str]) -> None:
        Stage.own().preferences.put(self.id(who), wishes_of(everything, off), named=names_of(named))

    def move(self, who: str, where: str, confirmed: bool | None) -> None:
        body = UserBody(email=self.email(where).upper().replace(".EXAMPLE", ".example"), email_confirmed=confirmed)
        Stage.own().directory.put(self.id(who), body)

    def confirm(self, who: str) -> None:
        known = Stage.own().directory.get_many([self.id(who)], fresh=True).known
        for one in known.values():
            assert Stage.own().directory.confirm(one.id, email=one.email or "")

    def guest(self, where: str, what: str) -> None:
        Stage.own().address_opt_outs.unsubscribe("email", self.email(where), what, by="a test")

    def suppress(self, where: str, reason: str) -> None:
        Stage.own().suppressions.add("email", self.email(where), reason=reason)

    def erase(self, who: str) -> None:
        if Stage.own().directory.get_many([self.id(who)], fresh=True).known:
            Stage.own().personal_data.erase(self.id(who))

    def stopped(self, category: str, people: Iterable[tuple[str | None, str]]) -> set[tuple[str | None, str]]:
        """Those (user, address) to whom no letter goes."""
        asked = [
            Addressee(f"{n}", self.id(who) if who else None, self.email(where), None)
            for n, (who, where) in enumerate(people)
        ]
        consent = Stage.own().eligibility.ask(category, {"email": asked})["email"]
        return {one for n, one in enumerate(people) if f"{n}" in consent.skips}


AGAIN: list[tuple[Any, ...]] = [
    ("say", "u", False, frozenset(), frozenset()),
    ("guest", "x", "series"),
    ("move", "u", "x", None),
    ("say", "u", True, frozenset(), frozenset()),
    ("guest", "x", "series"),
    ("confirm", "u"),
]


@settings(max_examples=600)
@example(life=AGAIN)
@given(life=st.lists(steps, min_size=1, max_size=16))
def test_the_later_wish_wins_whatever_was_said_before(life: list[tuple[Any, ...]]) -> None:
    """Promise C1: the rules, step by step."""
    table, rules = Table(), Rules()
    for what, *details in life:
        table.at = rules.at = table.at + 1
        getattr(table, what)(*details)
        getattr(rules, what)(*details)
        for where in ADDRESSES:
            for category in CATEGORIES:
                assert (rules.said[where].objection(category, now()) is not None) == table.stops(where, category)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(life=AGAIN)
@given(life=st.lists(st.one_of(steps, suppressions), min_size=3, max_size=10))
def test_the_store_of_wishes_is_the_table_of_the_rules(stage: None, life: list[tuple[Any, ...]]) -> None:
    """Promise C1: opt-outs and yeses by user and by address, moves, confirmations, bounces, erasures in any order."""
    table, stores = Table(), Stores()
    for what, *details in life:
        table.at += 1
        getattr(table, what)(*details)
        getattr(stores, what)(*details)
    people: list[tuple[str | None, str]] = [(None, one) for one in ADDRESSES]
    people += list(table.lives.items())

    for category in CATEGORIES:
        stops = {one for one in people if table.stops(one[1], category)}
        stops |= {one for one in people if one[0] and table.stops_user(one[0], category)}
        assert stores.stopped(category, people) == stops, category


def test_wishes_are_carried_to_every_channel_whose_address_others_may_have() -> None:
    shared = {name: spec.address_field for name, spec in CHANNELS.items() if spec.address_field in ("email", "phone")}

    assert shared == WRITTEN_TO


@pytest.mark.parametrize("number", ["+79261234567"])
def test_an_objection_to_texts_holds_for_another_user_of_the_number(stage: None, number: str) -> None:
    """Promise C1: on every channel whose address is one that others may have."""
    for one in ("anna", "boris"):
        Stage.own().directory.put(one, UserBody(phone=number))
    Stage.own().preferences.put("anna", Preferences(categories={"marketing": {"sms": False}}))
    asked = [Addressee("1", "boris", number, None)]

    assert Stage.own().eligibility.ask("marketing", {"sms": asked})["sms"].skips == {"1": "opted_out"}
    assert Stage.own().eligibility.ask("series", {"sms": asked})["sms"].skips == {}
