"""SES v2 as boto3's client `sesv2` speaks it (REST-JSON): the sending operations and their faults."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ses_mailbox.calls import Call, CallLog
from ses_mailbox.clock import rfc3339
from ses_mailbox.errors import DAILY_QUOTA, SesError
from ses_mailbox.faults import REFUSALS, Faults
from ses_mailbox.letters import Letter
from ses_mailbox.machines import scan
from ses_mailbox.modes import SANDBOX_DAY, SANDBOX_SECOND
from ses_mailbox.sending import Composer, entry_refusal, entry_result
from ses_mailbox.shapes import BulkEntry, SendBulkEmail, SendEmail, parse
from ses_mailbox.simulator import owed_events
from ses_mailbox.store import Store

ONE_DAY, ONE_SECOND = timedelta(days=1), timedelta(seconds=1)
Answer = dict[str, object]
Sent = tuple[list[Letter], Answer]
C = TypeVar("C", SendEmail, SendBulkEmail)


@dataclass(frozen=True)
class SendingApi:
    """`wake` is called when new events wait; None if no topic is set up, and then no events are owed."""

    composer: Composer
    store: Store
    log: CallLog
    faults: Faults
    wake: Callable[[], None] | None

    def routes(self) -> list[Route]:
        """The paths of botocore's model."""
        return [
            Route("/v2/email/outbound-emails", self.send_email, methods=["POST"]),
            Route("/v2/email/outbound-bulk-emails", self.send_bulk_email, methods=["POST"]),
        ]

    async def send_email(self, request: Request) -> Response:
        """SendEmail."""
        return await self._serve(request, SendEmail, self._single)

    async def send_bulk_email(self, request: Request) -> Response:
        """SendBulkEmail."""
        return await self._serve(request, SendBulkEmail, self._bulk)

    async def _serve(self, request: Request, shape: type[C], send: Callable[[C], Sent]) -> Response:
        at = rfc3339(self.composer.now())

        def logged(outcome: str, accepted: int = 0, entries: int = 1) -> Call:
            return Call(at=at, operation=shape.__name__, entries=entries, accepted=accepted, outcome=outcome)

        try:
            call = parse(shape, await request.body())
            everyone = call.everyone()
            if self.faults.take(frozenset({"reset"}), everyone):
                self.log.add(logged("reset"))
                return hang_up(request)
            # Only a bulk call can lose single entries; a single letter meets every refusal that names it.
            by_entry = False if isinstance(call, SendBulkEmail) else None
            if fault := self.faults.take(REFUSALS, everyone, by_entry=by_entry):
                raise fault.refusal()
            self._check_pace(call)
            letters, answer = send(call)
        except SesError as error:
            self.log.add(logged(error.code))
            return refused(error)
        stall = self.faults.take(frozenset({"stall"}), everyone)
        dropped = self.faults.take(frozenset({"drop_reply"}), everyone)
        entries = len(call.bulk_email_entries) if isinstance(call, SendBulkEmail) else 1
        self._keep(letters, logged("drop_reply" if dropped else "ok", len(letters), entries))
        if stall:
            await asyncio.sleep(stall.seconds)
        return hang_up(request) if dropped else answered(answer)

    def _check_pace(self, call: SendEmail | SendBulkEmail) -> None:
        if not self.composer.account.modes.now.sandbox:
            return
        now = self.composer.now()
        if self.log.accepted(rfc3339(now - ONE_DAY)) + len(call.everyone()) > SANDBOX_DAY:
            raise SesError("TooManyRequestsException", DAILY_QUOTA)
        if self.log.accepted(rfc3339(now - ONE_SECOND)) >= SANDBOX_SECOND:
            raise SesError("TooManyRequestsException", "Maximum sending rate exceeded.")

    def _single(self, call: SendEmail) -> Sent:
        letter = self.composer.single(call)
        return [letter], {"MessageId": letter.id}

    def _bulk(self, call: SendBulkEmail) -> Sent:
        compose = self.composer.bulk(call)
        letters: list[Letter] = []
        results: list[dict[str, str]] = []
        for entry in call.bulk_email_entries:
            try:
                letters.append(self._entry(entry, compose))
                results.append(entry_result(letters[-1]))
            except SesError as error:
                results.append(entry_refusal(error))
        return letters, {"BulkEmailEntryResults": results}

    def _entry(self, entry: BulkEntry, compose: Callable[[BulkEntry], Letter]) -> Letter:
        if fault := self.faults.take(REFUSALS, entry.destination.everyone(), by_entry=True):
            raise fault.refusal()
        return compose(entry)

    def _keep(self, letters: list[Letter], call: Call) -> None:
        events = [
            (letter.id, event.model_dump_json(exclude_defaults=True))
            for letter in letters
            if self.wake is not None
            for event in owed_events(letter, self.faults)
            if self.composer.account.tells(letter.configuration_set, event)
        ]
        self.store.accept(letters, events, call)
        scan(letters)
        if events and self.wake is not None:
            self.wake()


def answered(answer: Answer) -> Response:
    """A good answer of SES."""
    return JSONResponse(answer, headers={"x-amzn-requestid": str(uuid.uuid4())})


def refused(error: SesError) -> Response:
    """An error as REST-JSON clients read it: the code in a header, the text in the body."""
    return JSONResponse(
        {"message": error.message},
        status_code=error.http_status,
        headers={"x-amzn-requestid": str(uuid.uuid4()), "x-amzn-errortype": error.code},
    )


def hang_up(request: Request) -> Response:
    """Closes the connection; the response that is returned for form's sake reaches nobody."""
    request.state.hang_up()
    return Response(status_code=500)
