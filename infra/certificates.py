"""A stage's certificate where no hosted zone lets CloudFormation prove its domains: requested once, found again by its
names, and never waited for."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from infra.domain_stack import Record
from infra.stacks import RefusedError

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient

_RECORDS_SECONDS = 30  # AWS knows the records of a new certificate after some seconds
_POLL_SECONDS = 1
_ALIVE: tuple[Literal["PENDING_VALIDATION"], Literal["ISSUED"]] = ("PENDING_VALIDATION", "ISSUED")


class WaitingForDnsError(RefusedError):
    """The domain is not proved yet: a person has to add records. Nothing was changed."""


def given_certificate(acm: "ACMClient", arn: str, names: Sequence[str]) -> str:
    """The stage's own (`certificate_arn`), once checked. Raises: RefusedError: it does not fit."""
    try:
        found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    except acm.exceptions.ResourceNotFoundException as error:
        where = f"{acm.meta.region_name}, where the stage lives"
        raise RefusedError(
            f"there is no certificate {arn} in {where}: certificate_arn of the stage is wrong"
        ) from error
    if found["Status"] != "ISSUED":
        raise RefusedError(f"the certificate {arn} is {found['Status']}, not ISSUED: {_look(acm)}")
    if missing := [name for name in names if not covers(found.get("SubjectAlternativeNames", []), name)]:
        raise RefusedError(f"the certificate {arn} is not for {', '.join(missing)}: take one that names all domains")
    return arn


def proved_certificate(acm: "ACMClient", names: Sequence[str], *, stage: str) -> str:
    """One that AWS has issued for these names; requested if there is none. Raises: WaitingForDnsError with the records
    that prove the domains; RefusedError."""
    arn = _found(acm, names) or _asked_for(acm, names, stage)
    deadline = time.monotonic() + _RECORDS_SECONDS
    while True:
        found: Mapping[str, Any] = acm.describe_certificate(CertificateArn=arn)["Certificate"]
        if found["Status"] == "ISSUED":
            return arn
        if found["Status"] not in _ALIVE:
            reason = found.get("FailureReason", "no reason given")
            raise RefusedError(f"AWS gives no certificate for {', '.join(names)}: {found['Status']}, {reason}")
        records = list(proofs(found))
        if len(records) == len(names) or time.monotonic() > deadline:
            raise WaitingForDnsError("\n".join(_told(names, records)))
        time.sleep(_POLL_SECONDS)


def proofs(certificate: Mapping[str, Any]) -> Iterator[Record]:
    """The records that prove the domains."""
    for option in certificate.get("DomainValidationOptions", []):
        if record := option.get("ResourceRecord"):
            yield Record(record["Name"].rstrip("."), record["Type"], record["Value"].rstrip("."))


def covers(alternatives: Sequence[str], name: str) -> bool:
    """A wildcard stands for one label (RFC 6125)."""
    return name in alternatives or f"*.{name.partition('.')[2]}" in alternatives


def _found(acm: "ACMClient", names: Sequence[str]) -> str | None:
    """An issued one before a pending one."""
    pages = acm.get_paginator("list_certificates").paginate(CertificateStatuses=list(_ALIVE))
    listed = [one for page in pages for one in page["CertificateSummaryList"] if covers([one["DomainName"]], names[0])]
    known = [acm.describe_certificate(CertificateArn=one["CertificateArn"])["Certificate"] for one in listed]
    fit = [one for one in known if all(covers(one.get("SubjectAlternativeNames", []), name) for name in names)]
    issued = [one for one in fit if one["Status"] == "ISSUED"]
    return next((one["CertificateArn"] for one in [*issued, *fit] if one["Status"] in _ALIVE), None)


def _asked_for(acm: "ACMClient", names: Sequence[str], stage: str) -> str:
    answer = acm.request_certificate(
        DomainName=names[0],
        SubjectAlternativeNames=list(names),
        ValidationMethod="DNS",
        IdempotencyToken=f"vestnik{stage}",
        Tags=[{"Key": "vestnik-stage", "Value": stage}],
    )
    return answer["CertificateArn"]


def _told(names: Sequence[str], records: Sequence[Record]) -> Iterator[str]:
    yield f"the certificate of {', '.join(names)} waits for the DNS; nothing was changed"
    yield "  do: enter these records where the domain is kept, then run this again. AWS looks for them for 72 hours"
    yield from (f"    {one.name} {one.kind} {one.value}" for one in records)


def _look(acm: "ACMClient") -> str:
    return f"look at it in the AWS console, Certificate Manager, {acm.meta.region_name}"
