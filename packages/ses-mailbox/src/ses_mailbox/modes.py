"""What is wrong with the pretended account, as SES would say it: set by `PUT /api/account`. A restarted mailbox has a
healthy one."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

SANDBOX_DAY, SANDBOX_SECOND = 200, 1  # SES developer guide, "Service quotas in Amazon SES"
Operation = Literal["SendEmail", "SendBulkEmail"]


class Modes(BaseModel):
    """`sandbox`: only verified recipients (`recipients`, the simulator's, the account's own domains) get letters, 200 a
    day, one a second. `unverified`: identities that have lost a record. `denied`: operations that the role may not
    call. `paused_sets`: configuration sets whose sending is off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sandbox: bool = False
    recipients: tuple[str, ...] = ()
    paused: bool = False
    suspended: bool = False
    unverified: tuple[str, ...] = ()
    denied: tuple[Operation, ...] = ()
    paused_sets: tuple[str, ...] = ()


class AccountModes:
    """The modes that are set now."""

    def __init__(self) -> None:
        self.now = Modes()
