"""What the pages tell a person to type or to press exists: targets of make, commands of AWS's CLI, buttons of the
managers' page. What they say to `curl` is sent by tests/integration/api/test_curl.py."""

import re
import shlex
from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel

from infra.paths import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# What the CLI has beside the operations of a service.
CALLED_OTHERWISE = {"deploy": "codedeploy", "s3api": "s3"}  # commands of the CLI whose service has another name
OF_THE_CLI = {"--region", "--query", "--output", "--endpoint-url"}
# Set in italics, and no button: a heading of the same page, and what stands in AWS's consoles.
ELSEWHERE = {
    "How far it scales",
    "Concurrent executions",
    "Request production access",
    "Virtual deliverability manager",
    "Public URL",
}


def code(page: str) -> Iterator[str]:
    """Text set as code, each command on one line."""
    for block in re.findall(r"```(?:sh)?\n(.*?)```|`([^`]+)`", page, re.DOTALL):
        yield from re.sub(r"\\\n|\n(?! *\w+=| *(?:make|aws|curl)\b)", " ", block[0] or block[1]).splitlines()


def commands(program: str) -> Iterator[list[str]]:
    """The words of each command of that program on any page."""
    for page in PAGES:
        for line in code(page.read_text(encoding="utf-8")):
            found = re.search(rf"(?:^|&& )(?:\w+=\S* )*({program} [a-z].*)", line.strip())
            if found:
                yield shlex.split(re.sub(r"<[^<>]*>", "x", found[1]), comments=True)


@cache
def operations(service: str) -> dict[str, set[str]]:
    """The CLI's name of each operation of a service, with its options."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name, "-"): set(options(model.operation_model(name))) for name in model.operation_names}


def options(operation: OperationModel) -> Iterator[str]:
    """As the CLI writes them: `--no-` turns one off."""
    for member in operation.input_shape.members if operation.input_shape else ():
        yield from (f"--{xform_name(member, '-')}", f"--no-{xform_name(member, '-')}")


def test_the_pages_name_commands_to_try() -> None:
    assert len(list(commands("aws"))) > 8
    assert len(list(commands("make"))) > 20


@pytest.mark.parametrize("command", [*commands("aws")], ids=lambda words: " ".join(words[1:3]))
def test_every_command_of_aws_that_a_page_names_exists_with_its_options(command: list[str]) -> None:
    _, service, operation, *rest = command
    try:
        known = operations(CALLED_OTHERWISE.get(service, service))
    except UnknownServiceError:
        pytest.fail(f"AWS has no service {service}")
    assert operation in known
    assert {word for word in rest if word.startswith("--")} <= known[operation] | OF_THE_CLI


def test_every_target_of_make_that_a_page_names_exists_and_every_target_is_named_by_make_help() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE))
    [phony] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    named = {word for command in commands("make") for word in command[1:2]}
    assert named <= targets == set(phony.split())


def test_every_button_that_the_runbook_names_is_on_the_managers_page() -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*`]+)\*(?!\*)", runbook)) - ELSEWHERE
    words = (ROOT / "templates" / "admin" / "words" / "en.json").read_text(encoding="utf-8")
    shown = set(re.findall(r': "(.*)",?$', words, re.MULTILINE))
    assert len(named) > 8
    assert named - shown == set()
