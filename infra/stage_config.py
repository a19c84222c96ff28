"""`.chalice/config.json` as types: Chalice's keys that this service uses, and our own. docs/settings.md lists them with
the descriptions given here."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from infra.domain_config import DomainConfig

# CodeDeploy's own configurations for Lambda (AWS, "Working with deployment configurations in CodeDeploy").
Canary = Literal[
    "Canary10Percent5Minutes",
    "Canary10Percent10Minutes",
    "Canary10Percent15Minutes",
    "Canary10Percent30Minutes",
    "Linear10PercentEvery1Minute",
    "Linear10PercentEvery2Minutes",
    "Linear10PercentEvery3Minutes",
    "Linear10PercentEvery10Minutes",
    "AllAtOnce",
]
# Those on Amazon Linux 2023. Lambda's 3.11 is on Amazon Linux 2, whose glibc, 2.26, is older than argon2's wheels take;
# later ones are added once the tests run on them.
PythonVersion = Literal["3.12", "3.13"]
Architecture = Literal["x86_64", "arm64"]


class _Strict(BaseModel):
    """Undeclared keys are refused: Chalice would ignore them silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Sized(_Strict):
    lambda_memory_size: int | None = Field(default=None, ge=128, le=10_240, description="MB of the app's functions")
    lambda_timeout: int | None = Field(default=None, ge=1, le=900, description="seconds of the app's functions")
    iam_policy_file: str | None = Field(default=None, description="the policy of its role, a file of `.chalice`")
    environment_variables: dict[str, str] = Field(default={}, description="variables of every function, listed above")


class FunctionConfig(_Sized):
    """One function of the app: it overrides the stage."""

    reserved_concurrency: int | None = Field(
        default=None,
        ge=1,
        description="how many of it run at once at most, and are kept for it: nothing else uses them up",
    )


class Functions(_Strict):
    """The app's functions, by Chalice's names."""

    api_handler: FunctionConfig = FunctionConfig()
    public_pages: FunctionConfig = FunctionConfig()
    websocket_connect: FunctionConfig = FunctionConfig()
    websocket_message: FunctionConfig = FunctionConfig()
    websocket_disconnect: FunctionConfig = FunctionConfig()


class Level(_Sized):
    """Chalice's keys for all stages or for one."""

    python: PythonVersion = Field(default="3.13", description="the Python that all functions run on")
    lambda_architecture: Architecture = Field(default="x86_64", description="on which machines")
    automatic_layer: bool = Field(
        default=False, description="dependencies come in layers, those of the workers too; not on the emulator"
    )
    xray: bool = Field(default=False, description="traces of the API and of the workers")
    minimum_compression_size: int | None = Field(default=None, ge=0, description="bytes from which answers are zipped")
    autogen_policy: Literal[False] = Field(default=False, description="policies are written by hand, never guessed")
    api_gateway_stage: Literal["api"] = Field(default="api", description="the stage's name in the API's address")
    api_gateway_endpoint_type: Literal["REGIONAL", "EDGE"] = Field(
        default="REGIONAL", description="where the API answers: in its region, or by CloudFront"
    )


class StageConfig(Level, DomainConfig):
    """One stage."""

    requests_per_second: int = Field(
        ge=1, description="what API Gateway lets in, of calls and of WebSocket frames; twice that at once"
    )
    page_requests_per_second: int = Field(ge=1, description="the same of each public page")
    alarm_email: str = Field(
        default="",
        pattern=r"^([^\s@]+@[^\s@]+)?$",
        description="who is written to when an alarm goes off",
        examples=["ops@cinema.example"],
    )
    canary: Canary | None = Field(
        default=None,
        description="how traffic moves to a release, and back when an alarm goes off: a configuration of CodeDeploy's",
    )
    snap_start: bool = Field(
        default=False, description="the API and the sender wake out of snapshots, Lambda's SnapStart, which costs"
    )
    lambda_functions: Functions = Field(default=Functions(), description="what one function of the app has of its own")


class ConfigFile(Level):
    """The whole file; a stage may override what is set for all stages."""

    version: Literal["2.0"]
    app_name: Literal["vestnik"]
    stages: dict[str, dict[str, object]]
