"""Whatever is sent to the API, its answer is one that `/openapi.json` describes: no 5xx, no undocumented status, no
body of another shape, nothing accepted that its schema forbids. Schemathesis makes the requests, by the document."""

from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks

from chalicelib.api.openapi import document
from tests.integration.api.gateway import Gateway
from tests.integration.api.wsgi import api as wsgi_api

EXAMPLES = 10  # of each operation, after those that try every limit of its schema
DOCUMENT = document("http://localhost")
OPERATIONS = [f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item]


@cache
def _whole() -> BaseSchema:
    project = ProjectConfig(generation=GenerationConfig(deterministic=True, max_examples=EXAMPLES))
    config = SchemathesisConfig(projects=ProjectsConfig(default=project))
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=config)
    schema.app = wsgi_api
    return schema


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def _holds(case: schemathesis.Case[Any], api: Gateway) -> None:
    # A schema cannot say all: that a time zone exists, or a template. What is good is sent by the other tests.
    beyond_the_schema: list[Any] = [checks.positive_data_acceptance]
    case.call_and_validate(headers={"Authorization": f"Bearer {api.key}"}, excluded_checks=beyond_the_schema)


# Not by Schemathesis' own way to make tests: it would make every request where the tests are only collected, which
# each worker does, and takes ten seconds.
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_one_that_the_contract_describes(operation: str, api: Gateway) -> None:
    load_all_checks()
    [made] = get_all_tests(schema=_whole().include(name=operation), test_func=_holds, settings=None, given_kwargs=None)
    assert isinstance(made, Ok)
    made.ok()[1](api=api)
