"""The mistakes in `.chalice/config.json`, each with its place, what is expected and what was probably meant."""

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from chalicelib.settings import SettingsError, expected
from infra.domain_config import addresses_of, unfit_domain
from infra.paths import ROOT
from infra.stage_config import ConfigFile, StageConfig
from infra.variables import default_of, fields, mistaken

CONFIG = ROOT / ".chalice" / "config.json"
MOST_BYTES = 4_096  # AWS, "Lambda quotas": names and values of a function's variables
LEAST_LEASE_SECONDS = 30  # a worker's timeout (infra/template.yaml): nobody else may take what it still works on


def parsed() -> dict[str, Any]:
    """The file's content. Raises: SettingsError: no JSON, a repeated key, or no stages."""
    try:
        file: dict[str, Any] = json.loads(CONFIG.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except (OSError, ValueError) as error:
        raise SettingsError(f".chalice/{CONFIG.name}: {error}") from error
    stages = file.get("stages") if isinstance(file, dict) else None
    if not isinstance(stages, dict) or not all(isinstance(one, dict) for one in stages.values()):
        raise SettingsError(f".chalice/{CONFIG.name}: expected an object whose `stages` are objects")
    return file


def mistakes(file: Mapping[str, Any], stage: str) -> Iterator[str]:
    """Of the part for all stages, and of a single stage."""
    own = file["stages"][stage]
    shaped = [*_misshapen(ConfigFile, file, ""), *_misshapen(StageConfig, own, f"stages.{stage}.")]
    if shaped:
        yield from shaped
        return
    yield from (f"stages.{stage}.{wrong}" for wrong in unfit_domain(own))
    common, place = file.get("environment_variables", {}), f"stages.{stage}.environment_variables"
    variables = {**common, **own.get("environment_variables", {}), **addresses_of(own)}
    yield from _unknown(common, "environment_variables")
    yield from _unknown(own.get("environment_variables", {}), place)
    yield from (f"{place}: {wrong}" for wrong in [*mistaken(variables), *_unfit(variables, stage)])
    for name, function in own.get("lambda_functions", {}).items():
        its, there = function.get("environment_variables", {}), f"stages.{stage}.lambda_functions.{name}"
        yield from _unknown(its, f"{there}.environment_variables")
        wrong = {*mistaken({**variables, **its}), *_unfit({**variables, **its}, stage)}
        news = wrong - {*mistaken(variables), *_unfit(variables, stage)}
        yield from (f"{there}.environment_variables: {one}" for one in sorted(news))
    yield from _lost_policies(own, f"stages.{stage}")


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"{name} stands twice in one place")
        made[name] = value
    return made


def _misshapen(model: type[BaseModel], given: Mapping[str, Any], place: str) -> Iterator[str]:
    try:
        model.model_validate(given)
    except ValidationError as error:
        for one in error.errors():
            *path, name = map(str, one["loc"])
            keys = _keys(model, path)
            if one["type"] == "extra_forbidden":
                wrong = _nothing_reads(name, keys)
            else:
                wrong = expected(one["type"], one["msg"], keys[name].examples if name in keys else None)
            yield f"{place}{'.'.join([*path, name])}: {wrong}"


def _keys(model: type[BaseModel], path: Iterable[str]) -> Mapping[str, FieldInfo]:
    """The keys of a part of the file, except where names are free, such as variables."""
    for step in path:
        part = model.model_fields[step].annotation
        if not (isinstance(part, type) and issubclass(part, BaseModel)):
            return {}
        model = part
    return model.model_fields


def _unknown(given: Mapping[str, str], place: str) -> Iterator[str]:
    yield from (f"{place}.{name}: {_nothing_reads(name, fields())}" for name in given if name not in fields())


def _nothing_reads(name: str, known: Iterable[str]) -> str:
    return f"nothing reads it{_meant(name, known)}"


def _meant(name: str, known: Iterable[str]) -> str:
    """What was probably meant, ignoring case."""
    names = {one.lower(): one for one in known}
    likely = get_close_matches(name.lower(), names, n=1)
    return f"; did you mean {names[likely[0]]}?" if likely else ""


def _unfit(variables: Mapping[str, str], stage: str) -> Iterator[str]:
    """Mistakes that involve more than one variable."""
    for name, wanted in {"VESTNIK_STAGE": stage, "POWERTOOLS_SERVICE_NAME": f"vestnik-{stage}"}.items():
        if variables.get(name, wanted) != wanted:
            yield f"{name}: expected {wanted}: it follows from the stage's name"
    for name, sealed in {"VESTNIK_PUBLIC_URL": "https", "VESTNIK_LIVE_URL": "wss"}.items():
        address = variables.get(name) or sealed
        if not address.startswith(sealed) and variables.get("VESTNIK_PRIVATE_ADDRESSES") != "true":
            yield f"{name}: expected {sealed}://: what it leads to carries tokens"
    zone = variables.get("VESTNIK_DEFAULT_TIMEZONE", "UTC")
    if zone not in _zones():
        yield f"VESTNIK_DEFAULT_TIMEZONE: there is no such zone{_meant(zone, _zones())}"
    size = sum(len(f"{name}{variables.get(name, default_of(field))}".encode()) for name, field in fields().items())
    if size > MOST_BYTES:
        yield f"the variables are {size} bytes together, and Lambda takes {MOST_BYTES}"
    lease = variables.get("VESTNIK_LEASE_SECONDS", "")
    if lease.isdecimal() and int(lease) < LEAST_LEASE_SECONDS:
        yield f"VESTNIK_LEASE_SECONDS: expected at least {LEAST_LEASE_SECONDS}, the worker's timeout"


@cache
def _zones() -> set[str]:
    """Cached, as reading them takes a while and each answer of `asked.py` is checked."""
    return available_timezones()


def _lost_policies(own: Mapping[str, Any], place: str) -> Iterator[str]:
    named = {place: own, **{f"{place}.lambda_functions.{n}": f for n, f in own.get("lambda_functions", {}).items()}}
    for where, keys in named.items():
        policy = keys.get("iam_policy_file")
        if policy and not (CONFIG.parent / policy).is_file():
            yield f"{where}.iam_policy_file: there is no file .chalice/{policy}"
