"""The doctor's checks of the app's stack: is it complete, and does nothing else answer?"""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from infra.account import Account
from infra.checkup import GOOD_STACK, Finding
from infra.gateway import integrations
from infra.other_way import made_by_chalice


class AppCheckup:
    """A live stage, seen with the credentials and endpoint of the environment."""

    def __init__(self, account: Account, stage: str) -> None:
        self._account = account
        self._stage = stage

    def stack(self) -> Iterator[Finding]:
        """Is the app's stack complete, or did `chalice deploy` make the app? Raises: ClientError."""
        name, remedy = f"vestnik-{self._stage}-app", f"make deploy STAGE={self._stage}"
        if found := made_by_chalice(self._account, self._stage):
            wrong = (
                "`chalice deploy` has made the app: no limit of calls, no age of logs, no headers of the gateway's own"
            )
            yield Finding(wrong, found)
            return
        try:
            [stack] = self._account.cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            yield Finding(f"there is no stack {name}", remedy)
            return
        if stack["StackStatus"] not in GOOD_STACK:
            yield Finding(f"the stack {name} is {stack['StackStatus']}", f"see its events, then {remedy}")

    def pages(self) -> Iterator[Finding]:
        """Do the public pages lead to their own function? Raises: ClientError."""
        rest_apis, api_function = self._account.rest_apis, f":vestnik-{self._stage}/invocations"
        apis = [one["id"] for page in rest_apis.get_paginator("get_rest_apis").paginate() for one in page["items"]]
        if any(one.uri.endswith(api_function) for api in apis for one in integrations(rest_apis, api)):
            wrong = "the API's function answers the public pages: they were deployed by Chalice alone"
            yield Finding(wrong, f"make deploy STAGE={self._stage}")
