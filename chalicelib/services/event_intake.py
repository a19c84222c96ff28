"""Turns an event of the site into letters, by the rules that managers keep in the setting `event_rules`.

The event's id is its idempotency key: a repeated event makes the same letters, however the rules have changed since.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import ConfigDict, Field

from chalicelib.clock import Clock, derived_id, parse_rfc3339, rfc3339
from chalicelib.composed import Composed
from chalicelib.configuration.setting_shapes import MAX_DELAY, EventRule, EventStep, EventType
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.errors import ConflictError, FieldError, InvalidError, NotFoundError, Phrase
from chalicelib.pipeline.accept import Accept, Accepted
from chalicelib.pipeline.requests import NotificationRequest, Recipient
from chalicelib.profiles.directory import Directory
from chalicelib.profiles.model import User, UserBody, UserPatch
from chalicelib.rendering.template_store import Edition, TemplateStore
from chalicelib.schemas import StrictModel, kept, recalled
from chalicelib.storage.requests import StoredEvent, note_event_taken, read_event, record_event
from chalicelib.text import JsonObject, shaped


class Event(StrictModel):
    """Something that happened on the site. User data in it are stored in the directory; `data` are the templates'
    variables."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "user.registered",
                    "id": "registration-1042",
                    "user": {"id": "u-1042", "email": "anna@example.com", "name": "Анна", "locale": "ru"},
                    "data": {},
                }
            ]
        }
    )

    type: EventType
    id: Annotated[
        str,
        shaped(
            r"^[!-~]+$",
            Phrase("expected Latin letters, digits and signs, without spaces"),
            min_length=1,
            max_length=255,
            description="the idempotency key",
        ),
    ]
    user: User
    data: Annotated[JsonObject, Field(description="variables of the templates")] = Field(default_factory=dict)

    def fingerprint(self) -> str:
        """Equal for equal bodies, however they are written."""
        told = self.model_dump(mode="json", exclude_unset=True)
        return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Following(NamedTuple):
    """One letter that follows from an event."""

    template: str
    accepted: Accepted


class _PlannedStep(NamedTuple):
    """A step of a rule, with the edition of its letter."""

    step: EventStep
    edition: Edition


class EventIntake(Composed):
    site: SiteSettings
    directory: Directory
    templates: TemplateStore
    accept: Accept
    clock: Clock
    retention_days: int

    def take(self, event: Event, *, caller: str, service: str | None = None) -> list[Following]:
        """Stores the user and accepts the letters of the event's rule; none if its type has no rule. With the same id
        and body: the same letters. Raises: InvalidError (permanent; names each field, nothing was stored),
        ConflictError (permanent: the id was used for another body), UnavailableError (retryable with the same id)."""
        row = self._record(event, caller)
        if row.taken_at is None:
            self._upsert(event.user)
        following = [
            self._follow(event, step, n, row=row, caller=caller, service=service)
            for n, step in enumerate(self._steps(row))
        ]
        if row.taken_at is None:
            note_event_taken(row.id, at=rfc3339(self.clock()))
        return following

    def check_rules(self, rules: Mapping[str, EventRule]) -> None:
        """Whether every step of the rules could be sent. Raises: InvalidError (permanent; names each field)."""
        errors = []
        for kind, rule in rules.items():
            for n, step in enumerate(rule.steps):
                errors += self._mistakes(step, f"value.{kind}.steps[{n}]")
        if errors:
            raise InvalidError(Phrase("some rules could not be followed"), errors)

    def _mistakes(self, step: EventStep, path: str) -> list[FieldError]:
        # Its variables come with the event, so only what the rule itself says can be checked.
        request = _request(step, {}, Recipient(user_id="any"))
        try:
            self.accept.check(request)
        except InvalidError as error:
            found = [e for e in error.errors if not e.field.startswith("context")]
            return [FieldError(f"{path}.{e.field}", e.message) for e in found]
        return []

    def _record(self, event: Event, caller: str) -> StoredEvent:
        event_id = derived_id("event", caller, event.id)
        known = read_event(event_id)
        if known is None:
            rule = self.site.current(fresh=True).event_rules.get(event.type, EventRule(steps=()))
            steps = [_PlannedStep(step, self.accept.edition(step.template)) for step in rule.steps]
            for step in steps:
                self.accept.check(_letter(event, step), edition=step.edition)
            known = self._write(event, event_id, steps, caller)
        if known.body_hash != event.fingerprint():
            raise ConflictError(Phrase("this event id was used for another event: use a new id for a new event"))
        return known

    def _write(self, event: Event, event_id: str, steps: Sequence[_PlannedStep], caller: str) -> StoredEvent:
        at = self.clock()
        for one in steps:
            self.templates.write_down(one.edition)
        return record_event(
            StoredEvent(
                id=event_id,
                created_at=rfc3339(at),
                caller=caller,
                body_hash=event.fingerprint(),
                steps=[kept(one.step) for one in steps],
                editions=[[one.edition.template.version, one.edition.layout] for one in steps],
                taken_at=None,
                expires_at_epoch=int((at + MAX_DELAY + timedelta(days=self.retention_days)).timestamp()),
            )
        )

    def _steps(self, row: StoredEvent) -> list[_PlannedStep]:
        """With the versions that they were accepted with."""
        steps = [recalled(EventStep, step) for step in row.steps]
        named = row.editions or [[None, None]] * len(steps)  # older rows have none
        return [
            _PlannedStep(step, Edition(self.templates.get(step.template, version), layout))
            for step, (version, layout) in zip(steps, named, strict=True)
        ]

    def _upsert(self, user: User) -> None:
        given = user.model_dump(exclude_unset=True, exclude={"id"})
        if not given:
            return
        try:
            self.directory.patch(user.id, UserPatch(**given))
        except NotFoundError:
            self.directory.put(user.id, UserBody(**given))

    def _follow(
        self, event: Event, one: _PlannedStep, n: int, *, row: StoredEvent, caller: str, service: str | None
    ) -> Following:
        request, step = _letter(event, one), one.step
        if step.delay:
            # From the first time that the event was reported, so that a repetition asks for the same.
            request = request.model_copy(update={"send_at": parse_rfc3339(row.created_at) + step.delay})
        key = f"event\x1f{event.id}\x1f{n}"
        accepted = self.accept.accept(
            request, caller=caller, service=service, key=key, stop_when=step.stop_when, edition=one.edition
        )
        return Following(step.template, accepted[0])


def _letter(event: Event, one: _PlannedStep) -> NotificationRequest:
    declared = one.edition.template.variables
    wanted = {name: value for name, value in event.data.items() if declared is None or name in declared}
    return _request(one.step, wanted, Recipient(user_id=event.user.id))


def _request(step: EventStep, context: dict[str, Any], recipient: Recipient) -> NotificationRequest:
    return NotificationRequest(
        template=step.template,
        recipients=(recipient,),
        context=context,
        category=step.category,
        channels=step.channels,
    )
