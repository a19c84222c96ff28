"""What SES checks of senders, recipients, headers and sizes before it takes a letter.

Sources: the API reference of SES v2 (SendEmail, SendBulkEmail, MessageHeader) and the developer guide's "Service
quotas" and "Header fields".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr

from ses_mailbox.errors import TEXTS, SesError, bad_request, not_found, rejected
from ses_mailbox.events import Event
from ses_mailbox.modes import AccountModes, Operation
from ses_mailbox.shapes import Header, Tag
from ses_mailbox.tracking import Tracking

MAX_RECIPIENTS = 50
MAX_MESSAGE_BYTES = 40 * 1024 * 1024

# SES writes these from the other members of the call.
_RESERVED = frozenset(
    {"from", "to", "cc", "bcc", "subject", "reply-to", "return-path", "sender", "mime-version"}
    | {"content-type", "content-transfer-encoding"}
)
# SES replaces these with its own ("Header fields", considerations).
_REPLACED = frozenset({"date", "message-id"})

_LOCAL_PART = re.compile(r"[!#-'*+/-9=?A-Z^-~-]+(\.[!#-'*+/-9=?A-Z^-~-]+)*|\"[ !#-\[\]-~]+\"")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


def bare_address(mailbox: str) -> str:
    """`a@b.c` of `Name <a@b.c>`. Raises: SesError `BadRequestException` for what is no address."""
    if any(ord(character) < 32 or ord(character) == 127 for character in mailbox):
        raise bad_request("Address contains control or whitespace")
    address = parseaddr(mailbox)[1]
    local_part, at, domain = address.rpartition("@")
    if not at:
        raise bad_request("Missing final '@domain'")
    if not address.isascii():
        raise bad_request("Address contains non-ASCII characters")
    if len(local_part) > 64 or not _LOCAL_PART.fullmatch(local_part):
        raise bad_request("Local address contains control or whitespace")
    if len(domain) > 255 or not _DOMAIN.fullmatch(domain):
        raise bad_request("Domain contains illegal character")
    return address


def bare_recipients(mailboxes: Sequence[str]) -> tuple[str, ...]:
    """1–50 addresses. Raises: SesError `BadRequestException`."""
    if not mailboxes:
        raise bad_request("At least one recipient address is required")
    if len(mailboxes) > MAX_RECIPIENTS:
        raise bad_request(f"Recipient count exceeds {MAX_RECIPIENTS}.")
    return tuple(bare_address(mailbox) for mailbox in mailboxes)


def check_size(size_bytes: int) -> None:
    """Raises: SesError `BadRequestException` over 40 MB."""
    if size_bytes > MAX_MESSAGE_BYTES:
        raise bad_request(f"Message length is more than {MAX_MESSAGE_BYTES} bytes long")


def merged_headers(defaults: Iterable[Header], replacements: Iterable[Header]) -> tuple[tuple[str, str], ...]:
    """The custom headers of one letter; a replacement wins over the default of the same name, whatever its case.
    Raises: SesError `BadRequestException` for a name that SES writes itself or that is given twice."""
    merged: dict[str, tuple[str, str]] = {}
    for headers in (defaults, replacements):
        named = _by_name(headers)
        merged.update(named)
    return tuple(merged.values())


def _by_name(headers: Iterable[Header]) -> dict[str, tuple[str, str]]:
    named: dict[str, tuple[str, str]] = {}
    for header in headers:
        key = header.name.lower()
        if key in _RESERVED:
            raise bad_request(f"Header '{header.name}' is not allowed: it is set from other parameters")
        if key in named:
            raise bad_request(f"Duplicate header '{header.name}'")
        if key not in _REPLACED:
            named[key] = (header.name, header.value)
    return named


def merged_tags(defaults: Iterable[Tag], replacements: Iterable[Tag] = ()) -> dict[str, str]:
    """The message tags of one letter; a replacement wins over the default of the same name."""
    return {tag.name: tag.value for tags in (defaults, replacements) for tag in tags}


@dataclass(frozen=True)
class Account:
    """What the pretended account has set up. No verified identity at all means that every sender is verified.
    `configuration_sets`: by name, the types of the events that each reports, in the words of SES's API. Those that
    report openings or clicks have `tracking_domain`, or AWS's."""

    verified: frozenset[str] = frozenset()
    configuration_sets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tracking_domain: str = ""
    modes: AccountModes = field(default_factory=AccountModes)
    region: str = "us-east-1"

    def example_sender(self) -> str:
        """A sender that may send."""
        identity = min(self.verified, default="example.com")
        return identity if "@" in identity else f"hello@{identity}"

    def check_sender(self, mailbox: str | None) -> str:
        """The bare sender. Raises: SesError `BadRequestException`, or `MessageRejected` if it is not verified."""
        if not mailbox:
            raise bad_request("FromEmailAddress is required")
        address = bare_address(mailbox)
        if self.verified and not self._is_verified(address.lower()):
            raise self._unverified([mailbox])
        return address

    def check_recipients(self, addresses: Sequence[str]) -> None:
        """Raises: SesError `MessageRejected` in the sandbox, for those that are not verified."""
        modes = self.modes.now
        if not modes.sandbox:
            return
        known = {one.lower() for one in modes.recipients}
        failed = [
            one
            for one in addresses
            if one.lower() not in known
            and not one.lower().endswith("@simulator.amazonses.com")
            and not (self.verified and self._is_verified(one.lower()))
        ]
        if failed:
            raise self._unverified(failed)

    def check_may_send(self, operation: Operation, configuration_set: str | None) -> None:
        """Raises: SesError: the account is paused or suspended, its role lacks a right, the set is paused."""
        modes = self.modes.now
        if operation in modes.denied:
            what = "template/*" if operation == "SendBulkEmail" else f"configuration-set/{configuration_set}"
            raise SesError(
                "AccessDeniedException",
                f"User `arn:aws:sts::000000000000:assumed-role/deliver' is not authorized to perform `ses:{operation}' "
                f"on resource `arn:aws:ses:{self.region}:000000000000:{what}'",
            )
        if modes.suspended:
            raise SesError("AccountSuspendedException", TEXTS["AccountSuspendedException"])
        if modes.paused:
            raise rejected(
                "Sending paused for this account. For more information, please check the inbox of the email address "
                "associated with your AWS account."
            )
        if configuration_set in modes.paused_sets:
            raise SesError("SendingPausedException", f"Sending paused for configuration set <{configuration_set}>.")

    def _unverified(self, identities: Sequence[str]) -> SesError:
        failed = f"The following identities failed the check in region {self.region.upper()}: {', '.join(identities)}"
        return rejected(f"Email address is not verified. {failed}")

    def check_configuration_set(self, name: str | None) -> None:
        """Raises: SesError `NotFoundException` for a set that the account does not have."""
        if name is not None and name not in self.configuration_sets:
            raise not_found(f"Configuration set <{name}> does not exist.")

    def tells(self, name: str | None, event: Event) -> bool:
        """Whether a letter that named this set owes this event."""
        return event.api_type in self.configuration_sets.get(name or "", ())

    def tracking(self, name: str | None) -> Tracking:
        """What is done to the HTML of a letter that named this set."""
        told = self.configuration_sets.get(name or "", ())
        return Tracking(self.tracking_domain, opens="OPEN" in told, clicks="CLICK" in told)

    def _is_verified(self, address: str) -> bool:
        domain = address.rpartition("@")[2]
        # A verified domain covers its subdomains (developer guide, "Verified identities").
        parents = {".".join(domain.split(".")[depth:]) for depth in range(domain.count(".") + 1)}
        verified = self.verified - {one.lower() for one in self.modes.now.unverified}
        return address in verified or not parents.isdisjoint(verified)
