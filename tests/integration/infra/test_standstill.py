"""A stage stands still and goes on as before, whoever goes on, on the emulator."""

import io
import json
import zipfile
from collections.abc import Iterator

import pytest

from infra.account import Account
from infra.standstill import Standstill

STAGE = "dev"
RESERVED = {"vestnik-dev": None, "vestnik-dev-public_pages": 7, "vestnik-devil-tick": None}


@pytest.fixture
def functions(account: Account) -> Iterator[None]:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("it.py", "def handler(event, context): pass")
    for name, reserved in RESERVED.items():
        account.lambdas.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="it.handler",
            Code={"ZipFile": code.getvalue()},
            Timeout=1,
        )
        if reserved is not None:
            account.lambdas.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    yield
    for name in RESERVED:
        account.lambdas.delete_function(FunctionName=name)


def reserved(account: Account) -> dict[str, int | None]:
    found = account.lambdas.get_function_concurrency
    return {name: found(FunctionName=name).get("ReservedConcurrentExecutions") for name in RESERVED}


def test_a_stage_stands_still_and_gets_back_what_it_had_though_another_process_goes_on(
    account: Account, functions: None
) -> None:
    kept = Standstill(account, STAGE).begin({"backup": "first"})
    assert reserved(account) == {"vestnik-dev": 0, "vestnik-dev-public_pages": 0, "vestnik-devil-tick": None}

    another = Standstill(account, STAGE)
    assert another.begun() == kept
    assert another.begin({"backup": "second"}) == kept  # it goes on with what was begun

    another.end(another.begin({}))
    assert reserved(account) == RESERVED
    assert another.begun() is None


def test_a_stage_without_anything_stands_still_at_once(account: Account) -> None:
    standstill = Standstill(account, "prod")
    kept = standstill.begin({"backup": "first"})
    assert kept["reserved"] == {}
    assert json.loads(json.dumps(kept)) == standstill.begun()
    standstill.end(kept)
