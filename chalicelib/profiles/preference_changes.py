"""When a user turned each switch of their preferences. A wish that is said later counts more: `opt_outs.py` weighs it
against what others said of the same address.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.categories import CATEGORIES
from chalicelib.manifest import CHANNELS

if TYPE_CHECKING:
    from chalicelib.profiles.preferences import Preferences

EVERYTHING = "*"  # every category, those that are to come too
SWITCHABLE = tuple(name for name, one in CATEGORIES.items() if not one.transactional)
# Channels whose address others may have too → its field in a profile.
WRITTEN_TO = {name: spec.address_field for name, spec in CHANNELS.items() if spec.address_field != "id"}
LONG_AGO = "0"  # before any moment: what was said before moments were kept

Words = Mapping[str, Any]  # `<category>#<channel>` or EVERYTHING → [moment, whether it is wanted]


def word_key(category: str, channel: str) -> str:
    """The name of a switch among a user's words."""
    return f"{category}#{channel}"


def spoken(
    before: "Preferences",
    words: Words,
    after: "Preferences",
    *,
    channels: Iterable[str],
    named: frozenset[str],
    at: str,
) -> dict[str, Any]:
    """The words after a change of preferences at a moment. A switch speaks when it is turned, or when it is `named`
    (its key, or EVERYTHING): to repeat a wish is to say it."""
    found: dict[str, Any] = {}
    if not after.everything:
        turned = before.everything or EVERYTHING in named or EVERYTHING not in words
        found[EVERYTHING] = [at, False] if turned else words[EVERYTHING]
    for name in SWITCHABLE:
        for channel in channels:
            key, on, was = word_key(name, channel), after.wants(name, channel), before.wants(name, channel)
            known = words.get(key, [LONG_AGO, None])
            if on:
                turned = after.everything and (not (before.everything and was) or bool(named & {key, EVERYTHING}))
            else:
                turned = was or key in named or known[1] is not False
            if turned:
                found[key] = [at, on]
            elif known[1] is on:
                found[key] = known
    return found


def moment_of(words: Words, key: str) -> str:
    """When a switch was turned."""
    return str(words[key][0]) if key in words else LONG_AGO
