"""The naive way, as it is often written: one message a recipient, Powertools' batch processor and idempotency, one
SendEmail. It reads the user, renders, sends and keeps a history; its only protection against a repeat is Powertools'
record of what was handled. Deployed by `naive.py`.
"""

import json
import os
from functools import cache
from typing import Any

import boto3
import jinja2
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from boto3.dynamodb.types import TypeDeserializer

logger = Logger(service="naive")
processor = BatchProcessor(event_type=EventType.SQS)
dynamodb, ses = boto3.client("dynamodb"), boto3.client("sesv2")
config = IdempotencyConfig(event_key_jmespath="id", expires_after_seconds=86_400)
deserialize = TypeDeserializer().deserialize


@cache
def templates() -> dict[str, jinja2.Template]:
    """The parts of the letter, compiled once."""
    environment = jinja2.Environment(autoescape=True)
    sources = json.loads(os.environ["LETTER"])
    return {part: environment.from_string(source) for part, source in sources.items()}


@idempotent_function(  # type: ignore[untyped-decorator]
    data_keyword_argument="job",
    config=config,
    persistence_store=DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"]),
)
def send(job: dict[str, Any]) -> str:
    """One letter."""
    item = dynamodb.get_item(TableName=os.environ["USERS_TABLE"], Key={"id": {"S": job["user_id"]}})["Item"]
    user = {name: deserialize(value) for name, value in item.items()}
    user["attributes"] = json.loads(user["attributes"])
    parts = {part: template.render(user=user, **job["context"]) for part, template in templates().items()}
    answer = ses.send_email(
        FromEmailAddress=os.environ["MAIL_FROM"],
        Destination={"ToAddresses": [user["email"]]},
        Content={
            "Simple": {
                "Subject": {"Data": parts["subject"]},
                "Body": {"Html": {"Data": parts["html"]}, "Text": {"Data": parts["text"]}},
            }
        },
    )
    row = {"id": {"S": job["id"]}, "user_id": {"S": job["user_id"]}, "message_id": {"S": answer["MessageId"]}}
    dynamodb.put_item(TableName=os.environ["HISTORY_TABLE"], Item={**row, "status": {"S": "sent"}})
    return answer["MessageId"]


def one(record: SQSRecord) -> None:
    """One message."""
    send(job=json.loads(record.body))


def handler(event: Any, context: Any) -> Any:
    """The Lambda."""
    config.register_lambda_context(context)
    logger.info("batch", extra={"records": len(event["Records"])})
    return process_partial_response(event=event, record_handler=one, processor=processor, context=context)
