"""The message after a deployment while SES has not verified the sender's domain: that this is expected, and what comes
next."""

from infra.account import Account
from infra.domain import sender_domain, sender_records
from infra.stages import stage_config

_WAITING = ("PENDING", "NOT_STARTED")  # FAILED is a mistake in the records, which the doctor names

_EXPECTED = """{stage} is deployed. SES has not verified {domain} yet, which a first deployment cannot help: until then
it refuses every letter, smoke and doctor (above) complain of that, and this command ends with 1.
  do: {records}
  SES looks for them by itself, mostly within minutes, for 72 hours. Then: make doctor STAGE={stage}, until it finds
  nothing more; no second deployment is needed"""
_UNKNOWN = """{stage} is deployed. SES knows no identity {domain} in {region}: until it does it refuses every letter,
smoke and doctor (above) complain of that, and this command ends with 1.
  do: write "make_identity": true into the stage in .chalice/config.json, then make deploy STAGE={stage} again"""


def waits_for_ses(account: Account, stage: str) -> str:
    """Empty if SES has verified it, or has given up. Raises: ClientError."""
    config = stage_config(stage)
    domain = sender_domain(config)
    try:
        found = account.ses.get_email_identity(EmailIdentity=domain)
    except account.ses.exceptions.NotFoundException:
        return _UNKNOWN.format(stage=stage, domain=domain, region=account.region)
    if found.get("VerifiedForSendingStatus") or found.get("VerificationStatus", "PENDING") not in _WAITING:
        return ""
    lines = [f"    {one.name} {one.kind} {one.value}" for one in sender_records(account, config)]
    there = "wait: its records are in the hosted zone" if config.make_identity and config.hosted_zone_id else ""
    records = there or "\n".join([f"enter these records where {domain} is kept:", *lines])
    return _EXPECTED.format(stage=stage, domain=domain, records=records)
