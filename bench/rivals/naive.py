"""Deploys the naive way beside the service, on the same emulator, and sends by it."""

import io
import json
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any

from bench import letter
from bench.crowd import Crowd

NAME = "naive"
_BATCH, _CONCURRENCY = 10, 5  # the concurrency is that of our own bulk lane
_ENTRIES = 10  # SQS: entries in a batch
_HANDLER = Path(__file__).with_name("naive_handler.py")
_ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def environment(made: Crowd) -> dict[str, str]:
    """What the handler needs."""
    sources = {"subject": letter.SUBJECT, "html": letter.page(), "text": letter.TEXT}
    return {
        "LETTER": json.dumps(sources),
        "IDEMPOTENCY_TABLE": f"{NAME}-idempotency",
        "HISTORY_TABLE": f"{NAME}-history",
        "USERS_TABLE": "vestnik-local-users",
        "MAIL_FROM": "Vestnik Cinema <news@cinema.example>",
        "AWS_ENDPOINT_URL_SESV2": made.cloud.mailbox_url,
        "POWERTOOLS_SERVICE_NAME": NAME,
    }


class Naive:
    """The rival, deployed. Its letters go to the same mailbox."""

    def __init__(self, made: Crowd, *, worked_by_lambda: bool = True) -> None:
        account = made.cloud.account
        self._account = account
        for table in ("idempotency", "history"):
            account.dynamodb.create_table(
                TableName=f"{NAME}-{table}",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
        self._sqs = self._client("sqs")
        self.url = self._sqs.create_queue(QueueName=NAME, Attributes={"VisibilityTimeout": "180"})["QueueUrl"]
        if worked_by_lambda:
            self._deploy(account.lambdas, environment(made))

    def _client(self, service: Any) -> Any:
        return self._account.session.client(service, endpoint_url=self._account.endpoint_url)

    def enqueue(self, letters: int) -> None:
        """One message a recipient."""
        run = uuid.uuid4().hex
        for start in range(0, letters, _ENTRIES):
            entries = [
                {"Id": str(n), "MessageBody": json.dumps({"id": f"{run}-{n}", "user_id": f"reader-{n}",
                                                          "context": letter.CONTEXT})}
                for n in range(start, min(start + _ENTRIES, letters))
            ]  # fmt: skip
            self._sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def _deploy(self, lambdas: Any, variables: dict[str, str]) -> None:
        iam = self._client("iam")
        iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(_TRUST))
        iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=json.dumps(_ANYTHING))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(_HANDLER, _HANDLER.name)
        lambdas.create_function(
            FunctionName=NAME,
            Runtime="python3.11",
            Role=f"arn:aws:iam::000000000000:role/{NAME}",
            Handler=f"{_HANDLER.stem}.handler",
            Code={"ZipFile": packed.getvalue()},
            Timeout=30,
            MemorySize=512,
            Environment={"Variables": variables},
        )
        arn = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        lambdas.create_event_source_mapping(
            FunctionName=NAME,
            EventSourceArn=arn,
            BatchSize=_BATCH,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": _CONCURRENCY},
        )
        lambdas.invoke(FunctionName=NAME, Payload=b'{"Records": []}')
        time.sleep(1)
