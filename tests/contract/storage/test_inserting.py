"""Many conditional inserts in one request: on the databases that the tests have, and on the local cloud's."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.errors import MisconfiguredError, TooLargeError, UnavailableError
from chalicelib.storage.dynamodb import batch_read, dynamodb, reaching_dynamodb
from chalicelib.storage.inserts import insert_each
from chalicelib.storage.rows.people import CapRow, UserRow
from infra.local.statements import inserted
from tests.integration.conftest import ENVIRONMENT, a_stage
from tests.ministack import ministack
from tests.processes import new_process
from tests.twin.dynamodb import DynamoDB

Item = dict[str, Any]


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """Its URL."""
    with ministack() as url:
        yield url


@pytest.fixture(params=["twin", "moto", "emulator"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty table, on this database."""
    if request.param == "emulator":
        request.getfixturevalue("cloud")
        yield request.param
    else:
        with a_stage(monkeypatch, on_twin=request.param == "twin"):
            yield request.param


@pytest.fixture
def cloud(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local cloud's database, empty."""
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": emulator}.items():
        monkeypatch.setenv(name, value)
    new_process()
    for model in (CapRow, UserRow):
        model.create_table(billing_mode="PAY_PER_REQUEST", wait=True)
    yield
    for model in (CapRow, UserRow):
        model.delete_table()
    new_process()


def row(owner: str, **more: Any) -> Item:
    return {"user_id": {"S": owner}, "category": {"S": "run#c@1"}, **more}


def rows(count: int) -> list[Item]:
    return [row(f"u-{n:02}", letters={"L": [{"S": f"n-{n}"}]}) for n in range(count)]


def stored(items: list[Item]) -> list[Item]:
    """What is there under the keys of these, in order."""
    keys = sorted({(item["user_id"]["S"], item["category"]["S"]) for item in items})
    with reaching_dynamodb():
        return sorted((item for _, item in batch_read({CapRow: keys})), key=lambda item: str(item["user_id"]))


class Wire:
    """Stands before the database, counts what is tried, and answers some statements itself: `codes`, by owner, one for
    each try."""

    def __init__(self, patch: pytest.MonkeyPatch, **codes: list[str]) -> None:
        self.codes = codes
        self.tried: Counter[str] = Counter()
        self.requests: list[int] = []  # the statements of each
        client: Any = dynamodb().client
        self._call = client._make_api_call
        patch.setattr(client, "_make_api_call", self)

    def __call__(self, operation: str, request: Any) -> Any:
        if operation != "BatchExecuteStatement":
            return self._call(operation, request)
        owners = [inserted(one)[1]["user_id"]["S"] for one in request["Statements"]]
        self.requests.append(len(owners))
        self.tried.update(owners)
        codes = [self.codes[owner].pop(0) if self.codes.get(owner) else "" for owner in owners]
        passed = [one for one, code in zip(request["Statements"], codes, strict=True) if not code]
        answers = iter(self._call(operation, {"Statements": passed})["Responses"] if passed else [])
        return {"Responses": [{"Error": {"Code": code, "Message": "no"}} if code else next(answers) for code in codes]}


def test_new_rows_are_inserted_25_a_request(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    some = rows(60)
    wire = Wire(monkeypatch)

    assert insert_each(CapRow, some) == [True] * 60

    assert wire.requests == [25, 25, 10]
    assert stored(some) == some


def test_a_row_that_is_there_stays_as_it_is_and_the_others_are_inserted(database: str) -> None:
    first, second, third = rows(3)
    assert insert_each(CapRow, [second]) == [True]

    assert insert_each(CapRow, [first, {**second, "letters": {"L": []}}, third]) == [True, False, True]

    assert stored([first, second, third]) == [first, second, third]


def test_of_two_with_one_key_the_first_is_inserted(database: str) -> None:
    one, other = row("anna", version={"N": "1"}), row("anna", version={"N": "2"})

    assert insert_each(CapRow, [one, other, one]) == [True, False, False]

    assert stored([one]) == [one]


def test_values_of_every_type_are_kept(database: str) -> None:
    whole = row(
        'Анна\'s "row" ?',
        binary={"B": b"\x00\xff"},
        letters={"L": [{"S": ""}, {"L": []}, {"BOOL": False}]},
        deep={"M": {"n": {"N": "-1.5"}, "none": {"NULL": True}}},
        numbers={"NS": ["7"]},
        words={"SS": ["a"]},
    )

    assert insert_each(CapRow, [whole, *rows(1)]) == [True, True]

    assert stored([whole]) == [whole]


def test_nothing_to_insert_is_no_request(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    assert insert_each(CapRow, []) == []
    assert wire.requests == []


@pytest.mark.parametrize(
    "code",
    [
        *("ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "TransactionConflict"),
        "InternalServerError",
    ],
)
def test_what_did_not_get_through_is_tried_again_alone(
    database: str, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    some = rows(4)
    insert_each(CapRow, some[3:])
    wire = Wire(monkeypatch, **{"u-01": [code, code], "u-03": [code]})

    assert insert_each(CapRow, some) == [True, True, True, False]

    assert wire.tried == {"u-00": 1, "u-01": 3, "u-02": 1, "u-03": 2}
    assert wire.requests == [4, 2, 1]


def test_what_never_gets_through_is_told_once_the_others_are_inserted(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = rows(30)
    wire = Wire(monkeypatch, **{"u-01": ["ThrottlingError"] * 99, "u-02": ["ValidationError"]})

    with pytest.raises(UnavailableError, match="ThrottlingError"):
        insert_each(CapRow, some)

    assert wire.tried["u-02"] == 1
    assert stored(some) == [some[0], *some[3:]]


def test_what_can_never_be_stored_keeps_no_other_back(database: str) -> None:
    some = rows(30)
    large = {**some[2], "letters": {"S": "x" * 410_000}}

    with pytest.raises(TooLargeError):
        insert_each(CapRow, [*some[:2], large, *some[3:]])

    assert stored(some) == [*some[:2], *some[3:]]


@pytest.mark.parametrize("code", ["AccessDenied", "ResourceNotFound"])
def test_a_right_or_a_table_that_is_missing_is_no_throttling(
    database: str, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    wire = Wire(monkeypatch, **{"u-00": [code]})
    with pytest.raises(MisconfiguredError, match=code):
        insert_each(CapRow, rows(1))
    assert wire.requests == [1]


def test_an_insert_costs_a_unit_for_each_kb_and_for_what_an_index_holds(cloud: None) -> None:
    """Of the emulator, whose units are what `bench` counts; in a transaction it would be twice as many."""
    table = UserRow._get_connection().table_name
    text = f"INSERT INTO \"{table}\" VALUE {{'id': ?, 'locale': ?, 'email': ?}}"

    def units(user_id: str, kilobytes: int) -> float:
        values = [{"S": user_id}, {"S": "x" * (1024 * kilobytes - 100)}, {"S": "anna@example.com"}]
        asked = {"Statements": [{"Statement": text, "Parameters": values}], "ReturnConsumedCapacity": "TOTAL"}
        [consumed] = dynamodb().dispatch("BatchExecuteStatement", asked)["ConsumedCapacity"]
        assert consumed["TableName"] == table
        taken: float = consumed["CapacityUnits"]
        return taken

    assert units("anna", 1) == 2
    assert units("boris", 3) == 4
    assert units("boris", 1) == 3  # refused, and nothing has changed in the index


@pytest.mark.parametrize(
    "text",
    ['SELECT * FROM "t-t"', "INSERT INTO \"t-t\" VALUE {'a': 'b'}", "INSERT INTO \"t-t\" VALUE {'a': ?, 'b': ?}"],
)
def test_any_other_statement_is_refused(cloud: None, text: str) -> None:
    asked = {"Statements": [{"Statement": text, "Parameters": [{"S": "x"}]}]}
    for answer in (
        dynamodb().dispatch("BatchExecuteStatement", asked),
        DynamoDB().answer("BatchExecuteStatement", asked),
    ):
        assert [one["Error"]["Code"] for one in answer["Responses"]] == ["ValidationError"]
