"""Every environment variable of a function: the settings (`chalicelib/settings.py`) and what libraries read themselves.
The workers' and the app's templates take each as a parameter."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from chalicelib.settings import Settings, SettingsError, read_settings, variable

# What a stage may leave open: the addresses that API Gateway gives. Until they are known workers are told of these, at
# which nothing answers (RFC 2606); nobody can have asked for a letter by then.
LEFT_OPEN = {"VESTNIK_PUBLIC_URL": "https://not-yet.invalid", "VESTNIK_LIVE_URL": "wss://not-yet.invalid"}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")  # pydantic takes more, such as 1_000, and CloudFormation does not
_ELSEWHERE = "; empty on AWS"


class Runtime(BaseModel):
    """What Powertools, pydantic and boto3 read themselves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    powertools_service_name: str = Field(
        description="the dimension of every metric, `vestnik-<stage>`: stages share an account"
    )
    powertools_metrics_namespace: Literal["Vestnik"] = Field(
        default="Vestnik", description="the namespace of metrics, which the alarms name"
    )
    pydantic_disable_plugins: Literal["1"] = Field(
        default="1", description="there are none, and looking for them reads the metadata of every package"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        default="INFO", description="what is logged"
    )
    aws_endpoint_url: str = Field(
        default="", pattern=r"^(https?://[^\s]+)?$", description=f"where all of AWS answers{_ELSEWHERE}"
    )
    aws_endpoint_url_sesv2: str = Field(
        default="", pattern=r"^(https?://[^\s]+)?$", description=f"where SES v2 answers, such as a mailbox{_ELSEWHERE}"
    )
    aws_endpoint_url_sns: str = Field(
        default="", pattern=r"^(https?://[^\s]+)?$", description=f"where SNS answers{_ELSEWHERE}"
    )


def fields() -> dict[str, FieldInfo]:
    """Each variable with its declaration, in the order of the documentation."""
    settings = {variable(name): field for name, field in Settings.model_fields.items()}
    return settings | {name.upper(): field for name, field in Runtime.model_fields.items()}


def whole(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with a default for each missing variable. Empty addresses are left out: boto3 would call them.
    Raises: SettingsError."""
    if mistakes := list(mistaken(environment)):
        raise SettingsError("; ".join(mistakes))
    given = {name: environment.get(name, default_of(field)) for name, field in fields().items()}
    return {name: text for name, text in given.items() if text or not _is_address(name)}


def mistaken(environment: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the values, each with its variable and what is expected; values are never shown."""
    wrong: list[str] = []
    said = {name: value for name, value in environment.items() if value or name not in LEFT_OPEN}
    try:
        read_settings({**LEFT_OPEN, **said})
    except SettingsError as error:
        wrong += error.mistakes
    own = {name: environment[name.upper()] for name in Runtime.model_fields if name.upper() in environment}
    try:
        Runtime.model_validate(own)
    except ValidationError as error:
        wrong += [f"{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors()]
    numbers = [name for name, field in fields().items() if field.annotation in (int, float)]
    odd = [f"{name}: expected a plain number" for name in numbers if not _NUMBER.fullmatch(environment.get(name, "0"))]
    yield from [*wrong, *(one for one in odd if not any(w.startswith(one.split()[0]) for w in wrong))]


def parameters() -> dict[str, dict[str, str]]:
    """A template's parameters, by name."""
    return {parameter_of(name): dict(_parameter(field)) for name, field in fields().items()}


def parameter_values(environment: Mapping[str, str]) -> dict[str, str]:
    """The parameters' values in an environment. Raises: SettingsError."""
    values = whole(environment)
    return {parameter_of(name): values.get(name, "") for name in fields()}


def references() -> dict[str, Any]:
    """A function's variables in a template that has `parameters` and `conditions`."""
    return {name: _reference(name) for name in fields()}


def conditions() -> dict[str, Any]:
    """The template's conditions: an empty address sets no variable."""
    return {
        _condition(name): {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter_of(name)}, ""]}]}
        for name in fields()
        if _is_address(name)
    }


def parameter_of(name: str) -> str:
    """The parameter of a variable: `SesPerSecond` of `VESTNIK_SES_PER_SECOND`."""
    return "".join(word.title() for word in name.removeprefix("VESTNIK_").split("_"))


def default_of(field: FieldInfo) -> str:
    """The default as a variable has it."""
    value = "" if field.is_required() else field.default
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parameter(field: FieldInfo) -> Iterator[tuple[str, str]]:
    yield "Type", "Number" if field.annotation in (int, float) else "String"
    if not field.is_required():
        yield "Default", default_of(field)
    yield "Description", str(field.description)


def _reference(name: str) -> dict[str, Any]:
    reference = {"Ref": parameter_of(name)}
    return {"Fn::If": [_condition(name), reference, {"Ref": "AWS::NoValue"}]} if _is_address(name) else reference


def _is_address(name: str) -> bool:
    return name.startswith("AWS_")


def _condition(name: str) -> str:
    return f"Has{parameter_of(name)}"
