"""The stored head of a campaign, as plain values."""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple, TypedDict

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.clock import now, rfc3339
from chalicelib.errors import restored, stored
from chalicelib.states import CampaignState
from chalicelib.storage.rows.campaigns import ONE, CampaignRow

Spec = Mapping[str, Any]  # a whole `campaigns.model.Campaign`, by `schemas.kept`
_SHOWN = {"name": 200, "template": 64, "note": 120}  # in the list, of each so many characters


class CampaignHead(NamedTuple):
    """The two paces may change during a run. `open_runs` are the scheduled times of unfinished runs, `newest_run` is a
    `storage.runs.PlannedRun`, `copied_from` a campaign's id, `results` as in `storage.campaign_results`, `asked` what
    approval was requested for, newest last, `approved` what was approved beside the spec
    (`campaigns.letter_inputs`), `audience_count` is `storage.audience_counts`'."""

    id: str
    state: CampaignState
    spec: Spec
    version: int
    created_at: str
    updated_at: str
    updated_by: str
    timeline: Sequence[str] = ()
    created_by: str | None = None
    service: str | None = None  # whose key wrote it (`service_scope`)
    rate_per_second: float | None = None
    publish_per_second: float | None = None
    next_run_at: str | None = None
    open_runs: Set[str] = frozenset()
    newest_run: Mapping[str, Any] | None = None
    asked: Sequence[Mapping[str, Any]] = ()
    approved: Mapping[str, Any] | None = None
    approved_tag: str | None = None
    approved_site: str | None = None
    approved_by: str | None = None
    approved_version: int | None = None
    audience_count: Mapping[str, Any] | None = None
    tags: Sequence[str] = ()
    archived_at: str | None = None
    copied_from: str | None = None
    waits_for: str | None = None
    results: Mapping[str, Any] = {}

    def events(self) -> list[dict[str, Any]]:
        """Its timeline, oldest first; a `note` of ours is a phrase."""
        return [_read(entry) for entry in self.timeline]

    def told(self, *events: str) -> str | None:
        """The note of the newest entry of the timeline, if it is one of these events."""
        newest = _read(self.timeline[-1])
        note: str | None = newest.get("note") if newest.get("event") in events else None
        return note


class CampaignVersion(NamedTuple):
    """A saved version; `hands` stand behind its author."""

    spec: Spec
    version: int
    updated_at: str
    updated_by: str
    hands: Set[str] = frozenset()


class HeadChanges(TypedDict, total=False):
    """Changes of a head beside its state; None removes a field. `due`: it waits for its next run."""

    state: CampaignState
    due: bool
    next_run_at: str | None
    asked: list[Any]
    approved: Mapping[str, Any] | None
    approved_tag: str | None
    approved_site: str | None
    approved_by: str
    approved_version: int
    tags: list[str] | None
    archived_at: str | None
    waits_for: str | None
    audience_count: Mapping[str, Any]


def event_entry(at: str, by: str, event: str, note: str | None = None) -> str:
    """An entry of a timeline."""
    entry: dict[str, Any] = {"at": at, "by": by, "event": event, **({"note": note} if note else {})}
    if (phrase := stored(note)) is not None:
        entry["phrase"] = phrase
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def about_of(spec: Spec) -> dict[str, Any]:
    """What the list of campaigns shows of a spec."""
    return {name: str(spec[name])[:most] for name, most in _SHOWN.items() if spec.get(name)}


def changed() -> list[Action]:
    """What belongs to every write of a head: `storage.campaign_desk` reads what has changed since it looked last."""
    return [CampaignRow.desk.set(ONE), CampaignRow.changed_at.set(rfc3339(now()))]


def _read(entry: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(entry)
    if (phrase := event.pop("phrase", None)) is not None:
        event["note"] = restored(phrase, text=None)
    return event


def head_actions(changes: HeadChanges) -> Iterator[Action]:
    """The changes as DynamoDB writes them."""
    for name, value in changes.items():
        attribute = getattr(CampaignRow, name)
        if name == "due":
            value = ONE if value else None
        yield attribute.remove() if value is None else attribute.set(value)


def unchanged(head: CampaignHead) -> Condition:
    """The condition that version and approval are the same."""
    approved = CampaignRow.approved_tag
    same: Condition = approved == head.approved_tag if head.approved_tag else approved.does_not_exist()
    both: Condition = (CampaignRow.version == head.version) & same
    return both
