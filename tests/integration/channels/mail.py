"""The account that the mailbox plays for the tests of the e-mail channel: SES reports openings and clicks of mailings
alone, as in production."""

from ses_mailbox.events import EVENT_TYPES

SENDER = "Vestnik <news@cinema.example>"
CONFIGURATION_SET = "vestnik-test-events"
MAILINGS_SET = "vestnik-test-mailings"
TRACKING_DOMAIN = "track.cinema.example"
OPTIONS = (
    *("--verified", "cinema.example"),
    *("--configuration-set", f"{CONFIGURATION_SET}={','.join(sorted(EVENT_TYPES - {'OPEN', 'CLICK'}))}"),
    *("--configuration-set", MAILINGS_SET, "--tracking-domain", TRACKING_DOMAIN),
)
