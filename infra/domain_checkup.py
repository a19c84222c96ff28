"""What the doctor looks at before the app: certificate and names. Called by `doctor.py`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from infra.account import Account
from infra.certificates import covers, proofs
from infra.checkup import Finding
from infra.domain import certificate_in_force, records_to_enter
from infra.domain_stack import domain_names
from infra.mail_checkup import Records
from infra.stages import stage_config

_SOON = timedelta(days=30)  # AWS renews 60 days before the end, where the records still stand


class DomainCheckup:
    """Of one stage; `records` is None where the DNS is not asked."""

    def __init__(self, account: Account, stage: str, records: Records | None) -> None:
        self._account = account
        self._stage = stage
        self._config = stage_config(stage)
        self._records = records

    def certificate(self) -> Iterator[Finding]:
        """Is it issued, for every name, and renewed?"""
        names = domain_names(self._config)
        if not names:
            return
        arn = certificate_in_force(self._account, self._config)
        if not arn:
            yield Finding(f"no certificate is in force for {', '.join(names)}", self._deploy())
            return
        found = self._account.acm.describe_certificate(CertificateArn=arn)["Certificate"]
        entered = "; ".join(f"{one.name} {one.kind} {one.value}" for one in proofs(found))
        if found["Status"] != "ISSUED":
            yield Finding(f"the certificate {arn} is {found['Status']}", f"enter its records: {entered}")
        ends = found.get("NotAfter")
        if ends and ends < datetime.now(UTC) + _SOON:
            remedy = f"AWS renews it while its records stand: {entered}" if entered else "import its successor"
            yield Finding(f"the certificate {arn} ends on {ends:%Y-%m-%d}", remedy)
        if lacking := [name for name in names if not covers(found.get("SubjectAlternativeNames", []), name)]:
            yield Finding(f"the certificate {arn} is not for {', '.join(lacking)}", "take one that names all domains")

    def names(self) -> Iterator[Finding]:
        """Do the records lead here?"""
        if self._records is None or self._config.hosted_zone_id:
            return
        for one in records_to_enter(self._account, self._stage, self._config):
            own = one.name in domain_names(self._config)
            if own and one.value not in self._records.aliases(one.name):
                yield Finding(f"{one.name} does not lead to this stage", f"enter {one.name} CNAME {one.value}")

    def _deploy(self) -> str:
        return f"make deploy STAGE={self._stage}"
