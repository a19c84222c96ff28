"""What differs between the stages. `.chalice/config.json` is the one source of a stage's settings; the infra stack gets
the same values as parameters. Called by `deploy.py` and the local cloud."""

import json
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from infra.paths import ROOT

CONFIG = ROOT / ".chalice" / "config.json"
PAGES = "public_pages"  # the function of the public pages, as Chalice knows it (chalicelib/public/own_function.py)
PRODUCTION = "prod"  # the stage that asks before it is changed, and keeps its data when it is destroyed
# The settings that both deployables take, and the template's parameter for each.
_SHARED = {
    "VESTNIK_PUBLIC_URL": "PublicUrl",
    "VESTNIK_MAIL_FROM": "MailFrom",
    "VESTNIK_SITE_URL": "SiteUrl",
    "VESTNIK_LIVE_URL": "LiveUrl",
    "VESTNIK_LIVE_MANAGEMENT_URL": "LiveManagementUrl",
    "VESTNIK_LIVE_ORIGINS": "LiveOrigins",
    "VESTNIK_LIVE_DEMO": "LiveDemo",
    "VESTNIK_PUSH_IOS": "PushIos",
    "VESTNIK_PUSH_ANDROID": "PushAndroid",
    "VESTNIK_SMS_SENDER": "SmsSender",
    "VESTNIK_CHAT_KINDS": "ChatKinds",
    "VESTNIK_PRIVATE_ADDRESSES": "PrivateAddresses",
    "VESTNIK_CAMPAIGN_APPROVAL": "CampaignApproval",
    "VESTNIK_SECOND_FACTOR": "SecondFactor",
    "VESTNIK_SITE_NAME": "SiteName",
    "VESTNIK_DEFAULT_LOCALE": "DefaultLocale",
    "VESTNIK_DEFAULT_TIMEZONE": "DefaultTimezone",
    "LOG_LEVEL": "LogLevel",
}


class WorkerTimings(BaseModel):
    """The times of the workers and their queues; the defaults are production's, tests make them shorter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    function_timeout_seconds: int = Field(default=30, ge=1, le=900)
    bulk_window_seconds: int = Field(default=0, ge=0, le=300)
    events_window_seconds: int = Field(default=1, ge=0, le=300)  # AWS asks for one at least
    lease_seconds: int = Field(default=60, ge=1)
    reconcile_seconds: int = Field(default=300, ge=0)
    retry_seconds: int = Field(default=30, ge=0)
    max_attempts: int = Field(default=8, ge=1)
    ses_per_second: float = Field(default=100, gt=0)
    switch_failures: int = Field(default=5, ge=1)
    probe_seconds: int = Field(default=60, ge=1)
    ramp_seconds: int = Field(default=300, ge=1)
    visibility_timeout_seconds: int | None = Field(default=None, ge=1)

    def as_parameters(self) -> dict[str, str]:
        """Visibility is six timeouts and a window unless said otherwise (AWS, "Using Lambda with Amazon SQS")."""
        visibility = self.visibility_timeout_seconds
        if visibility is None:
            window = max(self.bulk_window_seconds, self.events_window_seconds)
            visibility = 6 * self.function_timeout_seconds + window
        return {
            "FunctionTimeoutSeconds": str(self.function_timeout_seconds),
            "BulkWindowSeconds": str(self.bulk_window_seconds),
            "EventsWindowSeconds": str(self.events_window_seconds),
            "LeaseSeconds": str(self.lease_seconds),
            "ReconcileSeconds": str(self.reconcile_seconds),
            "RetrySeconds": str(self.retry_seconds),
            "MaxAttempts": str(self.max_attempts),
            "SesPerSecond": str(self.ses_per_second),
            "SwitchFailures": str(self.switch_failures),
            "ProbeSeconds": str(self.probe_seconds),
            "RampSeconds": str(self.ramp_seconds),
            "VisibilityTimeoutSeconds": str(visibility),
        }


def stage_names() -> list[str]:
    """The stages that there are."""
    return list(json.loads(CONFIG.read_text())["stages"])


def has_layer(stage: str) -> bool:
    """Whether dependencies come in layers (`automatic_layer`, Chalice's own key, holds for the workers too)."""
    return bool(json.loads(CONFIG.read_text())["stages"][stage].get("automatic_layer"))


def environment_of(stage: str) -> dict[str, str]:
    """The app's environment at this stage, as Chalice computes it. Raises: KeyError for a stage that is not there."""
    config: dict[str, Any] = json.loads(CONFIG.read_text())
    own: dict[str, str] = config["stages"][stage]["environment_variables"]
    return {**config["environment_variables"], **own}


def watching_of(stage: str) -> dict[str, str]:
    """The parameters of who hears the alarms (`alarm_email`) and whether traces are written (`xray`, Chalice's own
    key): nothing for a stage that says nothing."""
    own: dict[str, Any] = json.loads(CONFIG.read_text())["stages"].get(stage, {})
    return {
        "AlarmEmail": own.get("alarm_email", ""),
        "Tracing": "Active" if own.get("xray") else "PassThrough",
    }


class Doors(NamedTuple):
    """How much of a stage is let in: calls a second by API Gateway, of the public pages apart from all else, and how
    many of the public pages are made at once, which nothing else can use up (None: whatever is left)."""

    requests_per_second: int
    page_requests_per_second: int
    pages_at_once: int | None = None


def doors_of(stage: str) -> Doors:
    """Raises: KeyError for a stage that does not say it."""
    own = json.loads(CONFIG.read_text())["stages"][stage]
    reserved = own["lambda_functions"][PAGES].get("reserved_concurrency")  # Chalice's own key
    return Doors(own["requests_per_second"], own["page_requests_per_second"], reserved)


def template_parameters(environment: Mapping[str, str], timings: WorkerTimings) -> dict[str, str]:
    """The parameters of `template.yaml` that follow from a stage's settings."""
    _, address = parseaddr(environment["VESTNIK_MAIL_FROM"])
    return {
        "Stage": environment["VESTNIK_STAGE"],
        "MailIdentity": address.rpartition("@")[2],
        **{name: environment[variable] for variable, name in _SHARED.items() if variable in environment},
        **timings.as_parameters(),
        **watching_of(environment["VESTNIK_STAGE"]),
    }
