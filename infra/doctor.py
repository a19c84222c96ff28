"""Looks at a live stage and says in words what is wrong and what to do. Run by `make doctor`; changes nothing.

python -m infra.doctor --stage prod         # 0: all is well, 1: something is not
"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping

import boto3
import dns.exception
import dns.resolver

from chalicelib.settings import SettingsError, read_settings
from infra.account import Account
from infra.acting import act_in, find_addresses
from infra.app_checkup import AppCheckup
from infra.audit_checkup import DAYS, AuditCheckup
from infra.checkup import Finding, Platform
from infra.domain_checkup import DomainCheckup
from infra.mail_checkup import Mail
from infra.obstacles import OBSTACLES, obstacle
from infra.reaching_aws import reaching_aws
from infra.settings_checkup import SettingsCheckup
from infra.stages import stage_names

Check = Callable[[], Iterator[Finding]]


class PublicRecords:
    """Public DNS (`mail_checkup.Records`), or what `resolver` answers. Raises: ConnectionError if it does
    not answer."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None, *, patience_seconds: float = 5) -> None:
        self._resolver = resolver or dns.resolver.get_default_resolver()
        self._patience_seconds = patience_seconds

    def texts(self, name: str) -> list[str]:
        """TXT records, their parts joined."""
        return [b"".join(record.strings).decode(errors="replace") for record in self._ask(name, "TXT")]

    def aliases(self, name: str) -> list[str]:
        """CNAME records."""
        return [str(record.target).rstrip(".") for record in self._ask(name, "CNAME")]

    def addresses(self, name: str) -> list[str]:
        """A records."""
        return [str(record.address) for record in self._ask(name, "A")]

    def _ask(self, name: str, kind: str) -> list[dns.resolver.Answer]:
        try:
            return list(self._resolver.resolve(name, kind, lifetime=self._patience_seconds))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise ConnectionError(f"the DNS did not answer for {name}") from error


def checks(environment: Mapping[str, str], *, audit_days: int = DAYS) -> dict[str, Check]:
    """Every check of the stage in the environment, by topic. An emulator's letters never reach a receiver, so DNS is
    not asked there. Raises: SettingsError."""
    settings = read_settings(environment)
    platform, app = Platform(settings), AppCheckup(Account(), settings.stage)
    emulated = "AWS_ENDPOINT_URL" in environment
    mail = Mail(settings, boto3.client("sesv2"), None if emulated else PublicRecords())
    domain = DomainCheckup(Account(), settings.stage, None if emulated else PublicRecords())
    return {
        "stack": platform.stack,
        "settings": SettingsCheckup(environment).check,
        "mappings": platform.mappings,
        "clock": platform.clock,
        "switches": platform.switches,
        "dead letters": platform.dead_letters,
        "alarms": platform.alarms,
        "secrets": platform.secrets,
        "concurrency": platform.concurrency,
        "app": app.stack,
        "public pages": app.pages,
        "audit": AuditCheckup(settings, days=audit_days).check,
        "SES account": mail.account,
        "SES identity": mail.identity,
        "SES events": mail.events,
        "SES tracking": mail.tracking,
        "DNS": mail.dns,
        "certificate": domain.certificate,
        "domain": domain.names,
        "domain's APIs": domain.leads,
        "firewall": domain.firewall,
    }


def examine(check: Check) -> list[Finding]:
    """What a check finds; that it could not look is a finding too."""
    try:
        return list(check())
    except OBSTACLES as error:
        found = obstacle(error)
        return [Finding(f"could not be looked at: {found.wrong}", found.remedy, unknown=True)]


def main(arguments: list[str] | None = None) -> int:
    """With the credentials and region of the environment; AWS_ENDPOINT_URL points elsewhere. The stage `local` is the
    cloud that `make run` started, unless pointed elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", required=True, choices=stage_names())
    parser.add_argument("--audit-days", type=int, default=DAYS, help="how far back the audit is verified")
    chosen = parser.parse_args(arguments)
    act_in(chosen.stage)
    with reaching_aws("doctor", chosen.stage):
        find_addresses(Account())
        return _look_at_all(chosen.audit_days)


def _look_at_all(audit_days: int) -> int:
    try:
        todo = checks(os.environ, audit_days=audit_days)
    except SettingsError as error:
        print(f"doctor: {error}")
        return 1
    count = 0
    for subject, check in todo.items():
        found = examine(check)
        count += len(found)
        if not found:
            print(f"well   {subject}")
        for finding in found:
            word = "unknown" if finding.unknown else "WRONG "
            print(f"{word} {subject}: {finding.wrong}\n       do: {finding.remedy}")
    return int(count > 0)


if __name__ == "__main__":
    raise SystemExit(main())
