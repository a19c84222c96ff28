"""SnapStart makes many processes of one: they must have nothing in common but the code and what follows from it."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from chalicelib.security.signing import KEYS, new_key, parameter_name
from infra.account import Account
from infra.paths import ROOT
from tests.integration.conftest import ENVIRONMENT

# What is kept for the life of a process and is no part of its stage, which is made again: each is the same in every
# process of a release. Whoever adds to it asks: may two processes have it in common, and may it be a month old?
FOLLOWS_FROM_THE_CODE = {
    "admin/zones.py": "names of time zones, and how far they are ahead on a day, by that day",
    "admin/templating.py": "words, files and templates of the managers' pages",
    "api/meta.py": "a template",
    "api/live_demo.py": "files",
    "api/openapi.py": "made of the routes",
    "aws_session.py": "the session; its clients have hung up, its credentials know when they end",
    "attachments.py": "types of files by their endings",
    "accounts/passwords.py": "the hasher, and a hash that no password has: all processes may have the same",
    "campaigns/schedule_days.py": "names of days",
    "live/chat_names.py": "a file",
    "locales.py": "tables of languages",
    "observability.py": "the logger and the metrics, which each invocation starts afresh",
    "deliveries.py": "which status follows which",
    "profiles/model.py": "the names of time zones",
    "public/standalone_app.py": "the routes",
    "public/pages.py": "a template",
    "rendering/context.py": "a model of what a template declares",
    "rendering/documents/markdown.py": "the reader of Markdown",
    "rendering/html_part.py": "the inliner of styles",
    "rendering/sandbox.py": "the environments of templates",
    "rendering/shipped.py": "where the templates lie",
    "rendering/localized_format.py": "tables of languages",
    "rendering/untrusted_text.py": "whether a name is greeted",
    "rendering/lint/letter_page.py": "what was read in a letter, by its text",
    "rendering/dry_run.py": "compiled sources, each by its text",
    "settings.py": "the environment",
    "steps.py": "a step for each kind of move",
    "translation.py": "words of other languages",
}


def test_what_a_process_keeps_outside_its_stage_follows_from_the_code() -> None:
    keeping = set()
    for path in (ROOT / "chalicelib").rglob("*.py"):
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        marks = {ast.unparse(mark).partition("(")[0] for function in functions for mark in function.decorator_list}
        if marks & {"cache", "lru_cache", "functools.cache", "functools.lru_cache"}:
            keeping.add(path.relative_to(ROOT / "chalicelib").as_posix())
    assert keeping == FOLLOWS_FROM_THE_CODE.keys()


@pytest.fixture(scope="module")
def stage(account: Account) -> Iterator[Mapping[str, str]]:
    """The environment of a function at a stage that has tables and keys."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "VESTNIK_"))},
        **ENVIRONMENT,
        "AWS_ENDPOINT_URL": str(account.endpoint_url),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
    }
    tables = "from tests.integration.conftest import TABLES, create\nfor table in TABLES: create(table)"
    subprocess.run([sys.executable, "-c", tables], env=environment, cwd=ROOT, check=True)
    for key in KEYS:
        account.ssm.put_parameter(Name=parameter_name("test", key), Value=new_key(), Type="SecureString")
    yield environment
    for name in account.dynamodb.list_tables()["TableNames"]:
        if name.startswith("vestnik-test-"):
            account.dynamodb.delete_table(TableName=name)
    account.ssm.delete_parameters(Names=[parameter_name("test", key) for key in KEYS])


def processes(
    stage: Mapping[str, str], account: Account, module: str, *, hooks: bool, redirect: str
) -> Sequence[Mapping[str, Any]]:
    """What the warm process and the two that woke out of it tell; a setting is changed after the snapshot."""
    command = [sys.executable, "-m", "tests.integration.infra.snapshot_process", module, "hooks" if hooks else "none"]
    with subprocess.Popen(command, env=stage, cwd=ROOT, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout
        while process.stdout.readline() != "warm\n":  # before it there are lines of its log
            assert process.poll() is None
        row = {"name": {"S": "redirect_url"}, "value": {"S": json.dumps(redirect)}, "version": {"N": "1"}}
        row |= {"updated_at": {"S": "2026-11-22T10:00:00.000000Z"}, "updated_by": {"S": "key:test"}}
        account.dynamodb.put_item(TableName="vestnik-test-settings", Item=row)
        told, _ = process.communicate("go on\n", timeout=120)
    assert process.returncode == 0
    answer: list[dict[str, Any]] = json.loads(told.splitlines()[-1])
    return answer


@pytest.mark.parametrize("module", ["app", "functions.deliver"])
def test_two_processes_out_of_one_snapshot_share_nothing_that_must_be_their_own(
    stage: Mapping[str, str], account: Account, module: str
) -> None:
    warm, one, other = processes(stage, account, module, hooks=True, redirect=f"https://cinema.example/{module}")
    for own in ("drawn", "id", "chain"):
        assert len({warm[own], one[own], other[own]}) == 3, own
    assert [process["number"] for process in (one, other)] == [1, 1]  # each begins its chain
    assert warm["sockets"] > 0
    assert [process["sockets"] for process in (one, other)] == [0, 0]
    assert {one["redirect"], other["redirect"]} == {f"https://cinema.example/{module}"}  # and not as it was
    assert warm["owner"] == one["owner"] == other["owner"]  # while names of addresses are the same everywhere


def test_without_the_hooks_they_would_share_all_of_it(stage: Mapping[str, str], account: Account) -> None:
    """The control: what the test above proves is the hooks' doing."""
    warm, one, other = processes(stage, account, "app", hooks=False, redirect="https://cinema.example/late")
    assert one["drawn"] == other["drawn"]
    assert one["chain"] == other["chain"] == warm["chain"]
    assert one["sockets"] > 0
    assert one["redirect"] == warm["redirect"] != "https://cinema.example/late"
