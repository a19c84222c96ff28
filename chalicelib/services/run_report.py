"""What a run led to, as people see it: clicks by link, by provider, by hour, who unsubscribed and who complained."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from chalicelib.campaigns.progress import progress_of
from chalicelib.campaigns.report_counts import ReportCounts
from chalicelib.campaigns.run_tally import ACTS, BY_PROVIDER, HOURLY, MOST_HOURS, NotedReader, RunTally
from chalicelib.clock import parse_rfc3339, rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import OWN_CHUNK
from chalicelib.mailbox_providers import OTHER
from chalicelib.marks import moment_of
from chalicelib.pipeline.letter_targets import OMITTED
from chalicelib.services.letter_map import CountedLink, LetterMap, MappedLetter
from chalicelib.states import BY_MACHINE, Engagement
from chalicelib.storage.campaign_recipients import read_recipients
from chalicelib.storage.chunk_letters import read_rosters
from chalicelib.storage.runs import Run
from chalicelib.storage.short_links import ShortLinks

SHOWN_LINKS, SHOWN_READERS = 100, 40  # a request each
TOTALS = ("sent", "delivered", "bounced", "complained", "unsubscribed")
BY_WHOM = tuple(one.value for pair in BY_MACHINE.items() for one in pair)


class RunReport(Composed):
    """Every method raises: UnavailableError (retryable)."""

    counts: ReportCounts
    letters: LetterMap
    links: ShortLinks

    def of(self, run: Run) -> dict[str, Any]:
        """As the API shows it."""
        counted = self.counts.of(run)
        tally = counted.tally or RunTally(run.created_at)
        progress = vars(progress_of(tally.words, targeted=0))
        return {
            "run_id": run.run_id,
            "counted_at": counted.at,
            "counting": counted.counting,
            **{name: progress[name] for name in (*TOTALS, *BY_WHOM)},
            "links": self._links(run, tally),
            "providers": _providers(tally),
            "hours": _hours(run, tally),
            **self._readers(tally),
        }

    def letter(self, run: Run, *, locale: str | None = None) -> tuple[MappedLetter, Mapping[str, Sequence[int]]]:
        """The letter with its links, and by code how many people and machines have followed each."""
        counted = self.counts.of(run)
        return self.letters.of(run, locale=locale), counted.tally.links if counted.tally else {}

    def _links(self, run: Run, tally: RunTally) -> list[dict[str, Any]]:
        """Those of the letter, then others that were followed; the most clicked first."""
        in_letter = {one.code: one for one in self.letters.of(run).links}
        followed = sorted(tally.links, key=lambda code: (-tally.links[code][0], -tally.links[code][1], code))
        others = [code for code in followed if code not in in_letter][:SHOWN_LINKS]
        targets = self.links.targets(others)
        named = [*in_letter.values(), *(CountedLink("", targets[code], code) for code in others if code in targets)]
        people = sum(tally.links[code][0] for code in followed)
        shown = []
        for one in named:
            clicked, machines = tally.links.get(one.code, (0, 0))
            shown.append(
                {
                    "code": one.code,
                    "url": one.url,
                    "personal": OMITTED in one.url,
                    "clicked": clicked,
                    Engagement.MACHINE_CLICKED.value: machines,
                    "share": round(100 * clicked / people, 1) if people else 0.0,
                }
            )
        return sorted(shown, key=lambda one: (-one["clicked"], -one[Engagement.MACHINE_CLICKED]))

    def _readers(self, tally: RunTally) -> dict[str, list[dict[str, Any]]]:
        shown = {act: tally.readers[act][:SHOWN_READERS] for act in ACTS}
        every = [one for some in shown.values() for one in some]
        rosters = read_rosters({(one.home, one.chunk) for one in every if one.chunk != OWN_CHUNK})
        ids = {one: _id_of(one, rosters) for one in every}
        recipients = read_recipients({one for one in ids.values() if one})
        return {
            f"{act}_readers": [
                {
                    "notification_id": ids[one],
                    "recipient": recipients.get(ids[one] or ""),
                    "channel": one.channel,
                    "at": moment_of(one.number) if one.number else None,
                }
                for one in some
            ]
            for act, some in shown.items()
        }


def _id_of(reader: NotedReader, rosters: Mapping[tuple[str, str], Sequence[str]]) -> str | None:
    if reader.chunk == OWN_CHUNK:
        return reader.home
    ids = rosters.get((reader.home, reader.chunk), ())
    return ids[reader.place] or None if reader.place < len(ids) else None


def _providers(tally: RunTally) -> list[dict[str, Any]]:
    """The largest first, the rest at the end."""
    names = sorted(tally.providers, key=lambda one: (one == OTHER, -tally.providers[one]["sent"], one))
    return [{"provider": name, **{word: tally.providers[name][word] for word in BY_PROVIDER}} for name in names]


def _hours(run: Run, tally: RunTally) -> list[dict[str, Any]]:
    """From the first with anything to the last; the last of all has what came later."""
    began, last = parse_rfc3339(run.created_at), max(tally.hours, default=-1)
    return [
        {
            "hour": n,
            "begins_at": rfc3339(began + timedelta(hours=n)),
            "and_later": n == MOST_HOURS,
            **{word: tally.hours[n][word] if n in tally.hours else 0 for word in HOURLY},
        }
        for n in range(last + 1)
    ]
