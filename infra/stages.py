"""The differences between stages: `.chalice/config.json`, read strictly. An unused key or variable, or an impossible
value, is refused with its place before anything is built."""

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.settings import SettingsError
from infra.config_mistakes import CONFIG, mistakes, parsed
from infra.domain_config import addresses_of
from infra.stage_config import StageConfig
from infra.variables import parameter_values, whole

PAGES = "public_pages"  # the function of the public pages, as Chalice knows it (chalicelib/public/standalone_app.py)
PRODUCTION = "prod"  # the stage that asks before it is changed, and keeps its data when it is destroyed
_OF_THE_FILE = ("version", "app_name", "stages")


class WorkerTimings(BaseModel):
    """The times of the workers' functions and queues; the defaults are production's, tests shorten them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    function_timeout_seconds: int = Field(default=30, ge=1, le=900)
    bulk_window_seconds: int = Field(default=0, ge=0, le=300)
    events_window_seconds: int = Field(default=1, ge=0, le=300)  # AWS asks for one at least
    visibility_timeout_seconds: int | None = Field(default=None, ge=1)

    def as_parameters(self) -> dict[str, str]:
        """Visibility is six timeouts and a window unless set (AWS, "Using Lambda with Amazon SQS")."""
        visibility = self.visibility_timeout_seconds
        if visibility is None:
            window = max(self.bulk_window_seconds, self.events_window_seconds)
            visibility = 6 * self.function_timeout_seconds + window
        return {
            "FunctionTimeoutSeconds": str(self.function_timeout_seconds),
            "BulkWindowSeconds": str(self.bulk_window_seconds),
            "EventsWindowSeconds": str(self.events_window_seconds),
            "VisibilityTimeoutSeconds": str(visibility),
        }


def stage_names() -> list[str]:
    """All stages. Raises: SystemExit if the file cannot be read."""
    try:
        return list(parsed()["stages"])
    except SettingsError as error:
        raise SystemExit(str(error)) from error


def require_fit(stage: str) -> None:
    """Raises: SystemExit, with every mistake in the stage; for commands that need no AWS."""
    try:
        stage_config(stage)
    except SettingsError as error:
        raise SystemExit(str(error)) from error


def stage_config(stage: str) -> StageConfig:
    """The stage's part and the file. Raises: SettingsError, with every mistake; KeyError for an unknown stage."""
    file = parsed()
    own: Mapping[str, Any] = file["stages"][stage]
    if wrong := list(mistakes(file, stage)):
        raise SettingsError("\n  ".join([f"{CONFIG.name} of .chalice has mistakes:", *wrong]))
    common = {name: value for name, value in file.items() if name not in _OF_THE_FILE}
    said = own.get("environment_variables", {})
    variables = {**common.get("environment_variables", {}), **said, **addresses_of(own)}
    return StageConfig.model_validate({**common, **own, "environment_variables": variables})


def environment_of(stage: str) -> dict[str, str]:
    """Every variable of the stage's functions, defaults included. Raises: as `stage_config`."""
    return whole(stage_config(stage).environment_variables)


def own_variables(stage: str) -> dict[str, dict[str, str]]:
    """Variables in which single functions of the app differ from the stage, by Chalice's names. Raises: as
    `stage_config`."""
    functions = stage_config(stage).lambda_functions
    return {name: getattr(functions, name).environment_variables for name in type(functions).model_fields}


class Doors(NamedTuple):
    """How many calls a second API Gateway admits, the public pages apart from the rest, and the reserved concurrency of
    the public pages (None: no reservation)."""

    requests_per_second: int
    page_requests_per_second: int
    pages_at_once: int | None = None


def doors_of(stage: str) -> Doors:
    """Raises: as `stage_config`."""
    own = stage_config(stage)
    reserved = own.lambda_functions.public_pages.reserved_concurrency
    return Doors(own.requests_per_second, own.page_requests_per_second, reserved)


def template_parameters(environment: Mapping[str, str], timings: WorkerTimings) -> dict[str, str]:
    """The parameters of `template.yaml` that follow from a stage. Raises: as `stage_config`."""
    stage = stage_config(environment["VESTNIK_STAGE"])
    _, address = parseaddr(environment["VESTNIK_MAIL_FROM"])
    return {
        **parameter_values(environment),
        **timings.as_parameters(),
        "MailIdentity": address.rpartition("@")[2],
        "MediaDomain": stage.media_domain,
        "MediaCertificateArn": stage.media_certificate_arn,
        "AlarmEmail": stage.alarm_email,
        "Tracing": "Active" if stage.xray else "PassThrough",
        "SnapStart": "PublishedVersions" if stage.snap_start else "None",
    }
