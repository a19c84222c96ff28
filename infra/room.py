"""Whether Lambda has room for what a stage keeps for its public pages alone. Asked before a deployment, and by the
doctor.
"""

from typing import TYPE_CHECKING

from infra.stages import PAGES, doors_of

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

LEFT_TO_ALL = 100  # AWS reserves nothing that would leave fewer ("Configuring reserved concurrency for a function")
MORE = "ask for more: Service Quotas, AWS Lambda, Concurrent executions"


def no_room(lambdas: "LambdaClient", stage: str) -> str | None:
    """Why what the stage wants to keep cannot be kept, and what to do; None where it can. Raises: ClientError."""
    wanted = doors_of(stage).pages_at_once
    if wanted is None:
        return None
    free = lambdas.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] + kept(lambdas, stage)
    if free >= wanted + LEFT_TO_ALL:
        return None
    return (
        f"Lambda has {free} concurrent executions that nobody has reserved, and {wanted} are to be kept for the public "
        f"pages: AWS leaves {LEFT_TO_ALL} to all others. Either {MORE}; or take reserved_concurrency of {PAGES} out of "
        ".chalice/config.json until you have them"
    )


def kept(lambdas: "LambdaClient", stage: str) -> int:
    """How many executions the public pages have for themselves now. Raises: ClientError."""
    try:
        found = lambdas.get_function_concurrency(FunctionName=f"vestnik-{stage}-{PAGES}")
    except lambdas.exceptions.ResourceNotFoundException:
        return 0
    return found.get("ReservedConcurrentExecutions") or 0
