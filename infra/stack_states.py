"""What each state of a CloudFormation stack means for a deployment."""

from typing import Final

GOOD: Final = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}
# A first creation that failed, or a deletion that stopped half-way: nothing can be done to it but to delete it.
MUST_GO: Final = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
_STUCK: Final = {"UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"}


def how_to_fix(name: str, status: str) -> str | None:
    """What a person has to do before the stack accepts any change; None if it does."""
    if status not in _STUCK:
        return None
    return (
        f"{name} is {status}: CloudFormation could not go back to the release before, and takes no change until it "
        "has. Fix what the lines below name (a resource that was changed or deleted by hand, as a rule), then:\n"
        f"  aws cloudformation continue-update-rollback --stack-name {name}\n"
        f"  aws cloudformation wait stack-rollback-complete --stack-name {name}\n"
        "What cannot be fixed is left as it is by --resources-to-skip <logical ids>. Then deploy again."
    )
