"""Whatever is sent to the API, its answer is one that `/openapi.json` describes: no 5xx, no undocumented status, no
body of another shape, nothing accepted that its schema forbids. Schemathesis makes the requests, by the document."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi import checks

from chalicelib.api.openapi import document
from tests.integration.api.gateway import Gateway
from tests.integration.api.wsgi import api as wsgi_api

EXAMPLES = 10  # of each operation, after those that try every limit of its schema

_generation = GenerationConfig(deterministic=True, max_examples=EXAMPLES)
_project = ProjectConfig(generation=_generation)
schema = schemathesis.openapi.from_dict(
    document("http://localhost"), config=SchemathesisConfig(projects=ProjectsConfig(default=_project))
)
schema.app = wsgi_api


@schema.parametrize()
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_answer_is_one_that_the_contract_describes(case: schemathesis.Case[Any], api: Gateway) -> None:
    # A schema cannot say all: that a time zone exists, or a template. What is good is sent by the other tests.
    beyond_the_schema: list[Any] = [checks.positive_data_acceptance]
    case.call_and_validate(headers={"Authorization": f"Bearer {api.key}"}, excluded_checks=beyond_the_schema)
