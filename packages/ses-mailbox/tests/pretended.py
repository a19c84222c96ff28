"""The account that the mailbox plays for these tests."""

from ses_mailbox.client import MailboxClient
from ses_mailbox.events import EVENT_TYPES

SENDER = "Cinema <news@cinema.example>"
VERIFIED_DOMAIN = "cinema.example"
CONFIGURATION_SET = "accounts"
MAILINGS_SET = "mailings"
TRACKING_DOMAIN = "track.cinema.example"
SETS = (
    *("--configuration-set", f"{CONFIGURATION_SET}={','.join(sorted(EVENT_TYPES - {'OPEN', 'CLICK'}))}"),
    *("--configuration-set", MAILINGS_SET, "--tracking-domain", TRACKING_DOMAIN),
)


def client(url: str) -> MailboxClient:
    """A client that sends in the account's name."""
    return MailboxClient(url, SENDER)
