"""DynamoDB's requests and answers, and SES's requests, without botocore's walk along the service model.

botocore validates and converts every value of a request and an answer, and resolves the endpoint for each call. What
PynamoDB gives and takes is the wire's own JSON, so for DynamoDB this changes nothing but binary values, and it was a
third of the CPU time of a campaign's letter (ADR 0038). Requests with binary values take botocore's way, and so does
everything if botocore's internals are not what we expect.
"""

import json
from typing import Any

from botocore.client import BaseClient
from botocore.model import OperationModel, Shape
from botocore.parsers import JSONParser, ResponseParser, ResponseParserFactory
from botocore.serialize import JSONSerializer, RestJSONSerializer
from botocore.session import Session

_PLAIN = frozenset(
    {
        "BatchExecuteStatementOutput",
        "BatchGetItemOutput",
        "BatchWriteItemOutput",
        "DeleteItemOutput",
        "GetItemOutput",
        "PutItemOutput",
        "QueryOutput",
        "ScanOutput",
        "TransactWriteItemsOutput",
        "UpdateItemOutput",
    }
)
_BINARY = (b'"B"', b'"BS"')


def plain_answers(session: Session) -> None:
    """Makes clients created from now on read the answers of DynamoDB's item calls without the walk."""
    session.register_component("response_parser_factory", _ParserFactory())


def plain_bodies(client: BaseClient) -> None:
    """Makes the SES v2 client write its request bodies without the walk."""
    inside: Any = client
    inside._serializer = _RestSerializer()


def one_user_agent(client: BaseClient) -> None:
    """Makes a client name itself always alike: botocore puts the name together from 16 parts, twice for each call."""
    creator: Any = getattr(client, "_user_agent_creator", None)
    if creator is not None:
        name = creator.to_string()
        creator.to_string = lambda: name


def plain_requests(client: BaseClient) -> None:
    """Makes the DynamoDB client write its requests without the walk, to its region's endpoint."""
    inside: Any = client
    inside._serializer = _Serializer()
    one_user_agent(client)
    inside._ruleset_resolver = None  # as for a service without endpoint rules: `meta.endpoint_url`


def _plain(parameters: Any) -> bytes | None:
    try:
        return json.dumps(parameters, separators=(",", ":")).encode()
    except TypeError:  # bytes
        return None


class _Serializer(JSONSerializer):
    def serialize_to_request(self, parameters: Any, operation_model: OperationModel) -> Any:
        body = _plain(parameters)
        if body is None:
            return super().serialize_to_request(parameters, operation_model)
        return {**super().serialize_to_request({}, operation_model), "body": body}


class _RestSerializer(RestJSONSerializer):
    def _serialize_body_params(self, params: Any, shape: Shape) -> Any:
        inside: Any = super()
        return _plain(params) or inside._serialize_body_params(params, shape)


class _Parser(JSONParser):
    def _handle_json_body(self, raw_body: bytes, shape: Shape) -> Any:
        inside: Any = super()
        if shape.name in _PLAIN and not any(mark in raw_body for mark in _BINARY):
            return inside._parse_body_as_json(raw_body)
        return inside._handle_json_body(raw_body, shape)


class _ParserFactory(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> ResponseParser:
        return _Parser() if protocol_name == "json" else super().create_parser(protocol_name)
