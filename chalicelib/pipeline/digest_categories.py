"""A collected letter follows the categories inside it: what stands against one of them removes its lines, what stands
against all of them stops the letter."""

from collections.abc import Sequence

from chalicelib.pipeline.eligibility import Addressee, Consent, ConsentDesk
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.profiles.opt_outs import Objections


def judged(
    desk: ConsentDesk, letter: LetterSpec, channel: str, people: Sequence[Addressee], found: Objections
) -> Consent:
    """The verdict on a letter from what was read: skipped if each of its categories is, with the first one's reason."""
    first, *others = [desk.judge(category, channel, people, found) for category in letter.categories]
    if not others:
        return first
    skips = {one: reason for one, reason in first.skips.items() if all(one in other.skips for other in others)}
    return Consent(skips, {one: until for each in (first, *others) for one, until in each.waits.items()})


def objected(
    desk: ConsentDesk, letter: LetterSpec, channel: str, people: Sequence[Addressee], found: Objections
) -> dict[str, str]:
    """The categories of a letter that none of these people gets, with the reason."""
    off: dict[str, str] = {}
    for category in letter.categories:
        skips = desk.judge(category, channel, people, found).skips
        if len(skips) == len(people):
            off[category] = next(iter(skips.values()))
    return off
