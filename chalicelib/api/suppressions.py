"""`/v1/suppressions`: addresses that must not be written to, and why."""

import csv
import io
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from chalicelib.accounts.api_keys import Scope
from chalicelib.accounts.audit import note
from chalicelib.addresses import same_address_key
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.notifications import PageQuery
from chalicelib.campaigns.list_lines import csv_reader
from chalicelib.clock import Moment
from chalicelib.errors import FieldError, InvalidError, Phrase, phrase_of
from chalicelib.etags import tag_of
from chalicelib.manifest import CHANNELS
from chalicelib.profiles.model import Email
from chalicelib.profiles.suppressions import Suppression, fields_of
from chalicelib.reasons import SuppressionReason
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage
from chalicelib.text import normal_source, one_line
from chalicelib.validation import said_of

reads = partial(endpoint, scope=Scope.SUPPRESSIONS_READ)
writes = partial(endpoint, scope=Scope.SUPPRESSIONS_WRITE)
MAX_IMPORT = 500
_EMAIL: TypeAdapter[str] = TypeAdapter(Email, config=ConfigDict(defer_build=True))
_FIRST_COLUMN = {"address", "email", "e-mail"}


class SuppressionQuery(PageQuery):
    """Which page of which channel's list."""

    channel: str = "email"


class SuppressionBody(StrictModel):
    """One address, for good or `until` a time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"address": "anna@example.com"}]})

    address: Email
    until: Moment | None = None


class ImportBody(StrictModel):
    """Addresses as a list, or as CSV text with the address in the first column."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"addresses": ["anna@example.com"]}]})

    addresses: Annotated[tuple[str, ...] | None, Field(min_length=1, max_length=MAX_IMPORT)] = None
    csv: Annotated[str | None, Field(min_length=1, description=f"at most {MAX_IMPORT} lines")] = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.addresses is None) == (self.csv is None):
            raise ValueError(Phrase("expected either addresses or csv"))
        return self

    def entries(self) -> list[tuple[str, str]]:
        """Each address with the field path to report if it is wrong. Raises: InvalidError (permanent: too many)."""
        if self.addresses is not None:
            return [(f"addresses[{n}]", address) for n, address in enumerate(self.addresses)]
        try:
            text = normal_source(self.csv or "")
            rows = csv_reader(io.StringIO(text), strict=False)
            first_line = rows.line_num + 1
            lines = [one_line(row[0]) if row else "" for row in rows]
        except csv.Error as error:
            raise InvalidError.of("csv", Phrase("expected CSV: {why}", why=phrase_of(error))) from error
        numbered = [(f"csv line {n}", address) for n, address in enumerate(lines, start=first_line) if address]
        if numbered and numbered[0][1].lower() in _FIRST_COLUMN:
            del numbered[0]
        if not 1 <= len(numbered) <= MAX_IMPORT:
            raise InvalidError.of(
                "csv", Phrase("expected 1 to {most} addresses, got {found}", most=MAX_IMPORT, found=len(numbered))
            )
        return numbered


class SuppressionAnswer(ApiAnswer):
    """One address; with `removed_at` set it may be written to again. `trace` tells who added and removed it. After an
    erasure `address` is null and only the keyed `hash` stays."""

    channel: str
    address: str | None
    hash: str
    reason: str | None
    created_at: str | None
    until: str | None
    removed_at: str | None
    trace: list[dict[str, Any]]


class SuppressionPage(ApiAnswer):
    """A page of the list, newest first; `cursor` is null on the last one."""

    suppressions: list[SuppressionAnswer]
    cursor: str | None


class ImportAnswer(ApiAnswer):
    """`known` addresses were on the list already."""

    added: int
    known: int


@reads("GET", "/v1/suppressions", summary="Suppressed addresses, newest first", answer=SuppressionPage)
def list_suppressions(call: Call[None, SuppressionQuery]) -> dict[str, Any]:
    """Those in force."""
    rows, cursor = stage().suppressions.page(
        _channel(call.query.channel), limit=call.query.limit, cursor=call.query.cursor
    )
    return {"suppressions": rows, "cursor": cursor}


@writes(
    "POST",
    "/v1/suppressions",
    summary="Suppress an e-mail address by hand",
    answer=SuppressionAnswer,
    status=HTTPStatus.CREATED,
)
def add_suppression(call: Call[SuppressionBody, None]) -> Suppression:
    """An address that is already suppressed keeps its first reason."""
    body = call.body
    stage().suppressions.add(
        "email", body.address, reason=SuppressionReason.BY_HAND, by=call.caller.key_id, until=body.until
    )
    return stage().suppressions.get("email", body.address)


@writes("POST", "/v1/suppressions/import", summary="Suppress up to 500 e-mail addresses", answer=ImportAnswer)
def import_suppressions(call: Call[ImportBody, None]) -> dict[str, Any]:
    """If one is invalid, none is stored; repeating the call adds nothing."""
    addresses = _checked(call.body.entries())
    note(things=[stage().address_hashes.owner("email", one) for one in addresses])
    added = sum(
        stage().suppressions.add("email", address, reason=SuppressionReason.IMPORT, by=call.caller.key_id)
        for address in addresses
    )
    return {"added": added, "known": len(addresses) - added}


@reads(
    "GET",
    "/v1/suppressions/{channel}/{address}",
    summary="A suppressed address with its history",
    answer=SuppressionAnswer,
    tag=lambda shown: tag_of(fields_of(shown)),
)
def get_suppression(call: Call[None, None]) -> Suppression:
    """Suppressed now, or in the past."""
    return stage().suppressions.get(_channel(call.path["channel"]), call.path["address"])


@writes("DELETE", "/v1/suppressions/{channel}/{address}", summary="Allow an address again", if_match=True)
def remove_suppression(call: Call[None, None]) -> None:
    """Who removed it, and when, stays in the address's trace. May be repeated safely."""
    stage().suppressions.remove(
        _channel(call.path["channel"]), call.path["address"], by=call.caller.key_id, seen=call.seen
    )


def _channel(name: str) -> str:
    if name not in CHANNELS:
        raise InvalidError.of("channel", Phrase("expected one of {known}", known=", ".join(CHANNELS)))
    return name


def _checked(entries: list[tuple[str, str]]) -> list[str]:
    addresses: dict[str, None] = {}
    errors = []
    for place, text in entries:
        try:
            addresses[same_address_key("email", _EMAIL.validate_python(text))] = None
        except ValidationError as error:
            errors.append(FieldError(place, said_of(error.errors()[0])))
    if errors:
        raise InvalidError(Phrase("some addresses are not as expected; none were stored"), errors)
    return list(addresses)
