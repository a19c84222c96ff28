"""The workers of the service on the emulator: their settings, their processes, and an end to both. `rig.py` makes
it.
"""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from infra.local.children import STAGE
from infra.local.cloud import LocalCloud
from tests.e2e.workers import worker_pids


class Workers:
    """The functions of the stage, named as in `functions/`; `api` is the app's."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    @contextmanager
    def settings(self, *components: str, **variables: str) -> Iterator[None]:
        """Other settings for some workers for a while; their processes restart at both ends."""
        before = {component: self.change_environment(component, variables) for component in components}
        try:
            yield
        finally:
            for component, old in before.items():
                self.change_environment(component, old)

    @contextmanager
    def short_claims(self) -> Iterator[None]:
        """Claims that are decided about after two seconds, for tests whose workers do not need longer."""
        with self.settings("deliver", "retry", VESTNIK_LEASE_SECONDS="1", VESTNIK_RECONCILE_SECONDS="1"):
            yield

    @contextmanager
    def patience(self, component: str, timeout_seconds: int) -> Iterator[None]:
        """Another timeout of a function for a while."""
        lambdas, name = self._cloud.account.lambdas, self._function(component)
        before = lambdas.get_function_configuration(FunctionName=name)["Timeout"]
        lambdas.update_function_configuration(FunctionName=name, Timeout=timeout_seconds)
        try:
            yield
        finally:
            lambdas.update_function_configuration(FunctionName=name, Timeout=before)

    def kill(self, component: str) -> int:
        """Kills every process of one worker by SIGKILL; how many there were."""
        pids = worker_pids(self._cloud, self._function(component))
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)

    @contextmanager
    def frozen(self, component: str) -> Iterator[None]:
        """Every process of one worker stands still for a while, and notices nothing of it."""
        pids = worker_pids(self._cloud, self._function(component))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def change_environment(self, component: str, variables: Mapping[str, str]) -> dict[str, str]:
        """Sets some variables of a function; what they were before."""
        lambdas, name = self._cloud.account.lambdas, self._function(component)
        old = lambdas.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        lambdas.update_function_configuration(FunctionName=name, Environment={"Variables": {**old, **variables}})
        return {variable: old[variable] for variable in variables if variable in old}

    def timings(self) -> dict[str, str]:
        """The settings of a worker that tell how long things take."""
        name = self._function("deliver")
        known = self._cloud.account.lambdas.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        return {name: value for name, value in known.items() if name.endswith(("_SECONDS", "_SECOND", "_FAILURES"))}

    def _function(self, component: str) -> str:
        stage = f"vestnik-{STAGE}"
        return stage if component == "api" else f"{stage}-{component}"  # Chalice calls the API's function as the app
