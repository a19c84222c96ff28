"""Stops a stage and starts it again: nothing reads a queue, no function runs, callers are refused and try again. The
functions' previous state is kept in a parameter of the stage, for whoever continues after a failure."""

import json
from typing import TYPE_CHECKING, Any

from chalicelib.clock import now, parse_rfc3339, rfc3339
from infra.account import Account
from infra.stage_tables import wait_for

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef as Mapping_
    from mypy_boto3_lambda.type_defs import FunctionConfigurationTypeDef as Function

_OFF = ("Disabled", "Disabling")
_OF_A_SCHEDULE = ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")


class Standstill:
    """Each step may be repeated."""

    def __init__(self, account: Account, stage: str) -> None:
        self._lambdas, self._ssm = account.lambdas, account.ssm
        self._scheduler = account.session.client("scheduler", endpoint_url=account.endpoint_url)
        self._stage = stage
        self._parameter = f"/vestnik/{stage}/standstill"

    def begun(self) -> dict[str, Any] | None:
        """What was kept when it began, if it has not ended since."""
        try:
            kept: dict[str, Any] = json.loads(self._ssm.get_parameter(Name=self._parameter)["Parameter"]["Value"])
        except self._ssm.exceptions.ParameterNotFound:
            return None
        return kept

    def begin(self, about: dict[str, Any]) -> dict[str, Any]:
        """Returns when nothing runs any more. Returns `about` as the first call kept it, with `until`: nothing has
        started since that moment."""
        functions = self._functions()
        kept = self.begun() or {**about, "reserved": {one["FunctionName"]: self._reserved(one) for one in functions}}
        self._keep(kept)
        self._schedule("DISABLED")
        for mapping in self._mappings(functions):
            if mapping["State"] not in _OFF:
                self._lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        wait_for("the queues' readers are being turned off", lambda: self._are_off(functions))
        for function in functions:
            self._lambdas.put_function_concurrency(
                FunctionName=function["FunctionName"], ReservedConcurrentExecutions=0
            )
        kept = {"until": rfc3339(now()), **kept}
        self._keep(kept)
        longest = max((one["Timeout"] for one in functions), default=0)
        over = parse_rfc3339(kept["until"]).timestamp() + longest
        wait_for("what has begun comes to its end", lambda: now().timestamp() > over)
        return kept

    def end(self, kept: dict[str, Any]) -> None:
        """Everything runs as before; the next tick enables each event source that nobody has paused."""
        for function, reserved in kept["reserved"].items():
            if reserved is None:
                self._lambdas.delete_function_concurrency(FunctionName=function)
            else:
                self._lambdas.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=reserved)
        self._schedule("ENABLED")
        self._ssm.delete_parameter(Name=self._parameter)

    def _keep(self, kept: dict[str, Any]) -> None:
        self._ssm.put_parameter(Name=self._parameter, Value=json.dumps(kept), Type="String", Overwrite=True)

    def _functions(self) -> list["Function"]:
        pages = self._lambdas.get_paginator("list_functions").paginate()
        name = f"vestnik-{self._stage}"
        found = [one for page in pages for one in page["Functions"]]
        return [one for one in found if one["FunctionName"] == name or one["FunctionName"].startswith(f"{name}-")]

    def _reserved(self, function: "Function") -> int | None:
        answer = self._lambdas.get_function_concurrency(FunctionName=function["FunctionName"])
        return answer.get("ReservedConcurrentExecutions")

    def _mappings(self, functions: list["Function"]) -> list["Mapping_"]:
        names = {one["FunctionName"] for one in functions}
        pages = self._lambdas.get_paginator("list_event_source_mappings").paginate()
        found = [one for page in pages for one in page["EventSourceMappings"]]
        return [one for one in found if one["FunctionArn"].split(":")[6] in names]  # an alias may stand behind it

    def _are_off(self, functions: list["Function"]) -> bool:
        return all(one["State"] == "Disabled" for one in self._mappings(functions))

    def _schedule(self, state: str) -> None:
        try:
            found = self._scheduler.get_schedule(Name=f"vestnik-{self._stage}-tick")
        except self._scheduler.exceptions.ResourceNotFoundException:
            return
        same: dict[str, Any] = {name: value for name, value in found.items() if name in _OF_A_SCHEDULE}
        self._scheduler.update_schedule(**same, State=state)  # type: ignore[arg-type]
