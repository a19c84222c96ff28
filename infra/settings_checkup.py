"""Whether the live functions have this checkout's settings and run on what the stage says. Values are never shown: they
may be secret."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3

from infra.checkup import Finding
from infra.paths import ROOT
from infra.runtimes import Runtime, runtime_of
from infra.stages import own_variables
from infra.variables import fields, whole

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_ALIAS = "live"  # what is called where a stage has versions
_OF_THE_API = "VESTNIK_LIVE_MANAGEMENT_URL"  # an emulator's app derives it (infra/addresses.py)
Environment = Mapping[str, str]


class SettingsCheckup:
    """Compares the environments of the workers' and the app's functions with `stated`, the stage's."""

    def __init__(self, stated: Environment) -> None:
        self._stated = whole({name: text for name, text in stated.items() if name in fields() and not _leads(name)})
        self._stage = self._stated["VESTNIK_STAGE"]

    def check(self) -> Iterator[Finding]:
        """Has every function exactly the stage's settings? Raises: ClientError."""
        lambdas, remedy = boto3.client("lambda"), f"make deploy STAGE={self._stage}"
        found: dict[str, list[str]] = defaultdict(list)
        expected, runtime = self._expected(), runtime_of(self._stage)
        for function, wanted in expected.items():
            live = _live(lambdas, function)
            if live is None:
                yield Finding(f"there is no function {function}", remedy)
                continue
            variables = live.get("Environment", {}).get("Variables", {})
            for wrong in [*_differences(wanted, variables), *elsewhere(live, runtime)]:
                found[wrong].append(function)
        for wrong, functions in sorted(found.items()):
            where = "every function" if len(functions) == len(expected) else ", ".join(functions)
            yield Finding(f"{wrong}: {where}", remedy)

    def _expected(self) -> Mapping[str, Environment]:
        workers = sorted(path.stem for path in (ROOT / "functions").glob("[a-z]*.py"))
        expected = {f"vestnik-{self._stage}-{worker}": self._stated for worker in workers}
        for name, own in own_variables(self._stage).items():
            function = f"vestnik-{self._stage}" if name == "api_handler" else f"vestnik-{self._stage}-{name}"
            expected[function] = {**self._stated, **own}
        return expected


def _live(lambdas: "LambdaClient", function: str) -> Mapping[str, Any] | None:
    for name in (f"{function}:{_ALIAS}", function):
        try:
            return lambdas.get_function_configuration(FunctionName=name)
        except lambdas.exceptions.ResourceNotFoundException:
            continue
    return None


def elsewhere(live: Mapping[str, Any], runtime: Runtime) -> Iterator[str]:
    """Differences in what a function runs on: plain `chalice deploy` uses the Python that it runs by."""
    [architecture] = live.get("Architectures") or ["x86_64"]
    for has, wanted in ((live.get("Runtime"), runtime.name), (architecture, runtime.architecture)):
        if has != wanted:
            yield f"it runs on {has}, and the stage says {wanted}"


def _differences(wanted: Environment, live: Environment) -> Iterator[str]:
    for name in sorted({*wanted, *live}):
        if _leads(name) or (name == _OF_THE_API and not wanted.get(name)):
            continue  # what leads to an emulator is its own business
        if name not in live:
            yield f"{name} is missing"
        elif name not in wanted:
            yield f"{name} is left over, this checkout has it no more"
        elif wanted[name] != live[name]:
            yield f"{name} is not what this checkout says"


def _leads(name: str) -> bool:
    return name.startswith("AWS_")
