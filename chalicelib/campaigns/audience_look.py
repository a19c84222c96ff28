"""About how many people an audience has, and a few of them: for whoever is still choosing it. What a campaign to it
would do is counted by `preview.py`."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.campaigns.attribute_catalogue import AttributeCatalogue
from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.audience_sources import Sources
from chalicelib.campaigns.targets import Target, TargetPage
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.profiles.directory import Directory
from chalicelib.storage.users import Profile
from chalicelib.text import one_line

LOOK_SECONDS = 1.5
SAMPLE = 5
_PAGE = 500
_SHAPE_CHARS = 30


class Unread(NamedTuple):
    """An attribute that the rule uses but cannot compare in the profiles of `people` users; `example` is the shape of
    one value, with 0 for each digit and a for each letter."""

    attribute: str
    people: int
    example: str


class AudienceSize(NamedTuple):
    """`people` were found among the first so many that were `looked_at`, beside those `excluded`. `estimate` is of
    all, and exact if the look is `complete`."""

    people: int
    excluded: int
    looked_at: int
    complete: bool
    estimate: int
    sample: Sequence[Mapping[str, Any]]
    unread: Sequence[Unread]


class AudienceLook(Composed):
    """Reads the directory and lists for a second or two; of what it reads the catalogue of attributes learns."""

    sources: Sources
    directory: Directory
    catalogue: AttributeCatalogue
    clock: Clock
    monotonic: Callable[[], float]

    def look(self, audience: Audience) -> AudienceSize:
        """As it would be now. Raises: NotFoundError (permanent: a list or a segment is gone), UnavailableError
        (retryable)."""
        until = self.monotonic() + LOOK_SECONDS
        source = self.sources.of_audience(audience, scheduled=self.clock())
        size, people, excluded, looked_at = self.sources.size(audience), 0, 0, 0
        first, unread = list[Target](), dict[str, Unread]()
        read: Sequence[Profile] = ()
        at: dict[str, Any] | None = None
        while True:
            page = source.page(shard=0, shards=1, cursor=at, limit=_PAGE)
            found = [one for one in page.targets if one.recipient.notification_id not in page.left_out]
            people, excluded = people + len(found), excluded + len(page.left_out)
            looked_at += page.looked_at
            note_unread(page, unread)
            read = read or page.asked or [one.profile for one in page.targets if one.profile is not None]
            first += found[: SAMPLE - len(first)]
            at = page.cursor
            if at is None or self.monotonic() >= until:
                break
        self.catalogue.learn(read)
        return AudienceSize(
            people=people,
            excluded=excluded,
            looked_at=looked_at,
            complete=at is None,
            estimate=people if at is None else estimate(people, looked_at, size),
            sample=self._sample(first),
            unread=list(unread.values()),
        )

    def _sample(self, first: Sequence[Target]) -> list[Mapping[str, Any]]:
        ids = [one.recipient.user_id for one in first if one.recipient.user_id and one.profile is None]
        known = self.directory.get_many(ids, fresh=False).known if ids else {}
        profiles = []
        for target in first:
            one = target.recipient
            bare = Profile(id=one.user_id or "", **(one.profile or {}))
            profiles.append(target.profile or known.get(one.user_id or "") or bare)
        return [masked(profile) for profile in profiles]


def estimate(found: int, looked_at: int, whole_size: int) -> int:
    """How many there are in all, where so many were found among those that were looked at; two digits of it are
    meant."""
    about = found * max(whole_size, looked_at) / looked_at if looked_at else 0
    step = float(10 ** max(0, len(str(round(about))) - 3))
    return max(found, round(round(about / step) * step))


def note_unread(page: TargetPage, unread: dict[str, Unread]) -> None:
    """Adds what the rule could not compare in a page."""
    for profile in page.asked if page.unread else ():
        for attribute, found in dict(page.unread(profile) if page.unread else ()).items():
            before = unread.get(attribute, Unread(attribute, 0, _shape(found)))
            unread[attribute] = before._replace(people=before.people + 1)


def _shape(value: object) -> str:
    """How a value is written, without its content."""
    text = value if isinstance(value, str) else json.dumps(value)
    return "".join("0" if one.isdigit() else "a" if one.isalpha() else one for one in one_line(text))[:_SHAPE_CHARS]


def masked(profile: Profile) -> dict[str, Any]:
    """Enough to recognise somebody; the address is masked."""
    name, _, host = (profile.email or "").partition("@")
    return {
        "user_id": profile.id or None,
        "name": profile.name,
        "email": f"{name[:1]}***@{host}" if host else None,
        "locale": profile.locale,
        "timezone": profile.timezone,
    }
