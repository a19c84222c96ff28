"""Every function's role tries what it must not do, and is refused; whoever must do it may. The functions are those that
are deployed: a new one is tried too."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.security.signing import parameter_name
from infra.local.children import ACCOUNT, REGION
from infra.local.cloud import LocalCloud
from tests.e2e.conftest import Vestnik

pytestmark = pytest.mark.e2e

STAGE = "vestnik-local"
API = STAGE  # Chalice calls the API's function as the stage
PAGES = f"{STAGE}-public_pages"
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}


@dataclass(frozen=True)
class Act:
    """Something that few functions or none may do; `who` may."""

    service: str
    do: Callable[[Any], object]
    who: frozenset[str] = frozenset()


def _queue(name: str) -> str:
    return f"http://queue/{ACCOUNT}/{STAGE}-{name}"


LINE = {"month": {"S": "any"}, "place": {"S": "any"}}
TOLD = {"timestamp": 0, "message": "any"}
ACTS = {
    "read an API key": Act(
        "dynamodb",
        lambda aws: aws.get_item(TableName=f"{STAGE}-api-keys", Key={"key_id": {"S": "any"}}),
        frozenset({API}),
    ),
    "read a manager's password": Act(
        "dynamodb",
        lambda aws: aws.get_item(TableName=f"{STAGE}-managers", Key={"name": {"S": "any"}}),
        frozenset({API}),
    ),
    "list everybody": Act(
        "dynamodb", lambda aws: aws.scan(TableName=f"{STAGE}-users", Limit=1), frozenset({API, f"{STAGE}-fanout"})
    ),
    "delete a delivery": Act(
        "dynamodb",
        lambda aws: aws.delete_item(
            TableName=f"{STAGE}-ledger", Key={"notification_id": {"S": "any"}, "part": {"S": "any"}}
        ),
    ),
    "add to the audit": Act(
        "dynamodb",
        lambda aws: aws.put_item(TableName=f"{STAGE}-audit", Item=LINE, ConditionExpression="attribute_exists(place)"),
        frozenset({API}),
    ),
    "remove a line of the audit": Act("dynamodb", lambda aws: aws.delete_item(TableName=f"{STAGE}-audit", Key=LINE)),
    "change a line of the audit": Act(
        "dynamodb", lambda aws: aws.update_item(TableName=f"{STAGE}-audit", Key=LINE, UpdateExpression="REMOVE thing")
    ),
    "rewrite the audit in bulk": Act(
        "dynamodb",
        lambda aws: aws.batch_write_item(RequestItems={f"{STAGE}-audit": [{"DeleteRequest": {"Key": LINE}}]}),
    ),
    "rewrite what proves the audit": Act(
        "logs", lambda aws: aws.delete_log_stream(logGroupName=f"/aws/lambda/{STAGE}", logStreamName="any")
    ),
    "tell the log that proves the audit": Act(
        "logs",
        lambda aws: aws.put_log_events(logGroupName=f"/aws/lambda/{STAGE}", logStreamName="any", logEvents=[TOLD]),
        frozenset({API}),
    ),
    "tell the log of the public pages": Act(
        "logs",
        lambda aws: aws.put_log_events(logGroupName=f"/aws/lambda/{PAGES}", logStreamName="any", logEvents=[TOLD]),
        frozenset({PAGES}),
    ),
    "have it forgotten": Act(
        "logs", lambda aws: aws.put_retention_policy(logGroupName="/aws/lambda/any", retentionInDays=400)
    ),
    "delete a table": Act("dynamodb", lambda aws: aws.delete_table(TableName=f"{STAGE}-shards")),
    "empty a queue": Act("sqs", lambda aws: aws.purge_queue(QueueUrl=_queue("load-dlq"))),
    "read the signing key": Act(
        "ssm", lambda aws: aws.get_parameter(Name=parameter_name("local")), frozenset({API, PAGES, f"{STAGE}-deliver"})
    ),
    "read the key of addresses": Act(
        "ssm",
        lambda aws: aws.get_parameter(Name=parameter_name("local", "address-key")),
        frozenset({API, PAGES, *(f"{STAGE}-{one}" for one in ("enrich", "deliver", "feedback", "fanout"))}),
    ),
    "read the key of sealed secrets": Act(
        "ssm", lambda aws: aws.get_parameter(Name=parameter_name("local", "sealing-key")), frozenset({API})
    ),
    "read an uploaded list": Act(
        "s3",
        lambda aws: aws.get_object(Bucket=f"{STAGE}-lists-{ACCOUNT}-{REGION}", Key="any.csv"),
        frozenset({API, f"{STAGE}-load"}),  # the API shows its columns before it is read
    ),
    "read an uploaded picture": Act(
        "s3",
        lambda aws: aws.get_object(Bucket=f"{STAGE}-media-{ACCOUNT}-{REGION}", Key="originals/any"),
        frozenset({f"{STAGE}-media"}),
    ),
    "put a picture where readers see it": Act(
        "s3",
        lambda aws: aws.put_object(Bucket=f"{STAGE}-media-{ACCOUNT}-{REGION}", Key="media/any.png", Body=b""),
        frozenset({API, f"{STAGE}-media"}),
    ),
    "read what letters carry": Act(
        "s3",
        lambda aws: aws.get_object(Bucket=f"{STAGE}-files-{ACCOUNT}-{REGION}", Key="any"),
        frozenset({API, f"{STAGE}-deliver", f"{STAGE}-tick"}),
    ),
    "replace a function's code": Act(
        "lambda", lambda aws: aws.update_function_code(FunctionName=f"{STAGE}-load", S3Bucket="any", S3Key="any")
    ),
    "send a text": Act(
        "sns", lambda aws: aws.publish(PhoneNumber="+79260000000", Message="any"), frozenset({f"{STAGE}-deliver"})
    ),
    "speak to every subscriber": Act(
        "sns", lambda aws: aws.publish(TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:{STAGE}-alarms", Message="any")
    ),
    "make itself a user": Act("iam", lambda aws: aws.create_user(UserName="intruder")),
}


@pytest.fixture(scope="module")
def sessions(cloud: LocalCloud) -> dict[str, boto3.Session]:
    """The credentials of each function's role."""
    account = cloud.account
    sts = account.session.client("sts", endpoint_url=cloud.emulator_url)
    found = {}
    for page in account.lambdas.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            worker = sts.assume_role(RoleArn=function["Role"], RoleSessionName="test")["Credentials"]
            found[function["FunctionName"]] = boto3.Session(
                worker["AccessKeyId"], worker["SecretAccessKey"], worker["SessionToken"], region_name=REGION
            )
    return found


def may(session: boto3.Session, act: Act, endpoint_url: str) -> bool:
    """Whether it was let through; what is not there may be missed by whoever may look."""
    try:
        act.do(session.client(act.service, endpoint_url=endpoint_url))  # type: ignore[call-overload]
    except ClientError as error:
        return error.response["Error"]["Code"] not in DENIED
    return True


@pytest.mark.parametrize("what", ACTS)
def test_only_whoever_must_do_it_may(cloud: LocalCloud, sessions: dict[str, boto3.Session], what: str) -> None:
    act = ACTS[what]
    allowed = {name for name, session in sessions.items() if may(session, act, cloud.emulator_url)}
    assert allowed == act.who


# Of every table of the stage, what the public pages may try on it; of all others nothing.
PAGES_MAY = {
    "links": {"update_item"},
    "users": {"get_item", "update_item"},
    "preferences": {"get_item", "put_item"},
    "suppressions": {"get_item", "put_item"},
    "endpoints": {"query_names"},  # whether there are any, and nothing of where they are
    "ledger": {"get_item", "update_item"},
    "runs": {"get_item"},
    "templates": {"get_item"},
    "counters": {"update_item"},
}


def test_the_public_pages_reach_no_table_but_their_own_and_do_nothing_else_there(
    cloud: LocalCloud, sessions: dict[str, boto3.Session]
) -> None:
    """Promise I1."""
    tables = cloud.account.dynamodb.list_tables()["TableNames"]
    found = {name.removeprefix(f"{STAGE}-"): tried(cloud, sessions[PAGES], name) for name in tables}
    assert {name: acts for name, acts in found.items() if acts} == PAGES_MAY
    assert len(found) > 20


def tried(cloud: LocalCloud, session: boto3.Session, table: str) -> set[str]:
    """What was let through of the ways to a table; none changes anything, as each asks for what cannot be."""
    schema = cloud.account.dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
    key = {one["AttributeName"]: {"S": "nobody"} for one in schema}
    first = schema[0]["AttributeName"]
    never = {"ConditionExpression": "size(#key) > :most", "ExpressionAttributeNames": {"#key": first}}
    never |= {"ExpressionAttributeValues": {":most": {"N": "100"}}}
    equal = {"KeyConditionExpression": f"{first} = :key", "ExpressionAttributeValues": {":key": {"S": "nobody"}}}
    ways: dict[str, dict[str, Any]] = {
        "get_item": {"Key": key},
        "query": equal,
        "query_names": {**equal, "ProjectionExpression": "part,held"},
        "scan": {"Limit": 1},
        "put_item": {"Item": key, **never},
        "update_item": {"Key": key, **never},
        "delete_item": {"Key": key, **never},
    }

    def act(name: str) -> Act:
        return Act("dynamodb", lambda aws: getattr(aws, name.removesuffix("_names"))(TableName=table, **ways[name]))

    return {name for name in ways if may(session, act(name), cloud.emulator_url)}


def test_the_public_pages_send_nothing_to_any_queue(cloud: LocalCloud, sessions: dict[str, boto3.Session]) -> None:
    for url in cloud.account.session.client("sqs", endpoint_url=cloud.emulator_url).list_queues()["QueueUrls"]:
        act = Act("sqs", lambda aws, url=url: aws.send_message(QueueUrl=url, MessageBody="any"))  # type: ignore[misc]
        assert not may(sessions[PAGES], act, cloud.emulator_url)


def test_no_two_functions_share_a_role(cloud: LocalCloud) -> None:
    functions = cloud.account.lambdas.list_functions()["Functions"]
    roles = [one["Role"] for one in functions]
    assert len(set(roles)) == len(functions)


def test_the_running_functions_have_no_other_rights_than_their_roles(vestnik: Vestnik) -> None:
    """The emulator enforces IAM for what runs, so that every other end-to-end test proves that the rights suffice."""
    account = vestnik.cloud.account
    iam = account.session.client("iam", endpoint_url=vestnik.cloud.emulator_url)
    role = account.lambdas.get_function_configuration(FunctionName=API)["Role"].rpartition("/")[2]
    deny = {"Effect": "Deny", "Action": "dynamodb:GetItem", "Resource": f"arn:aws:dynamodb:*:*:table/{STAGE}-users"}
    assert vestnik.call("GET", "/v1/users/nobody").status_code == 404
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="taken-away", PolicyDocument=policy)
    try:
        assert vestnik.call("GET", "/v1/users/nobody").status_code == 500  # no absence: somebody must fix it
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="taken-away")
    assert vestnik.call("GET", "/v1/users/nobody").status_code == 404
