"""docs/live.md names exactly the actions, events, warnings and limits of the live side."""

import ast
import re

import pytest

from chalicelib.live import blocks, frames, presence
from chalicelib.live import chat_names as names
from chalicelib.live.flood_control import LimitRules
from chalicelib.live.frames import ACTION_NAMES
from chalicelib.live.guests import GuestRules
from chalicelib.live.server_events import MAX_FRAME_BYTES, WARNINGS
from chalicelib.storage import connections
from chalicelib.storage import live_people as bars
from chalicelib.storage.rows import live as tables
from chalicelib.storage.tickets import TICKET_SECONDS
from infra.paths import ROOT

TEXT = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
RULES = LimitRules()
GUESTS = GuestRules()


def column(heading: str) -> set[str]:
    """The words in backticks of the first column of the table under this head."""
    rows = TEXT.split(f"\n| {heading} |", 1)[1].split("\n\n")[0].splitlines()[2:]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])}


def said_events() -> set[str]:
    """The names of all events that `live/server_events.py` can say."""
    tree = ast.parse((ROOT / "chalicelib" / "live" / "server_events.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "ServerEvent"]
    return {str(call.args[0].value) for call in made if isinstance(call.args[0], ast.Constant)}


def test_every_action_is_documented_and_no_other() -> None:
    assert column("action") == set(ACTION_NAMES)


def test_every_event_is_documented_and_no_other() -> None:
    assert column("event") == said_events()


def test_every_warning_is_documented_and_no_other() -> None:
    assert column("warning") == set(WARNINGS)


def test_every_table_is_documented_and_no_other() -> None:
    rows = (tables.ConnectionRow, tables.PersonRow, tables.NameRow, tables.TicketRow, tables.InboxRow)
    assert column("table") == {row.Meta.thing for row in rows}


@pytest.mark.parametrize(
    "sentence",
    [
        f"within {TICKET_SECONDS} seconds",
        f"a person with {connections.MAX_CONNECTIONS} connections",
        f"At most {frames.MAX_INCOMING_BYTES:,} bytes",
        f"over {frames.MAX_TEXT_CHARACTERS:,} characters",
        f"No frame is larger than {MAX_FRAME_BYTES // 1024} KB",
        f"names: 1–{names.MAX_NAME_CHARACTERS} characters",
        f"at most {presence.MAX_SHOWN} names are shown",
        f"(up to {presence.MAX_PROBED})",
        f"{blocks.MAX_BLOCKED} are blocked already",
        f"`limit` (1–{frames.MAX_PAGE})",
        f"`ids` (1–{frames.MAX_READ_IDS})",
        f"{RULES.connection.burst} at once, {RULES.connection.per_second} a second",
        f"{RULES.person.burst} at once, {RULES.person.per_second} a second",
        f"the same text within {RULES.repeat_seconds} seconds, whoever it is for | {RULES.repeats} |",
        f"{RULES.warnings} warnings",
        f"a mute of {RULES.mute_seconds} seconds, then one of {RULES.mute_seconds * 2}",
        f"after {RULES.muted_frames} frames into one mute",
        f"is barred from the chat for {bars.FIRST_SECONDS} seconds, then for twice as long each time, up to an hour",
        f"new guests of one network | {GUESTS.connections} a minute |",
        f"messages of one network's guests, and names that they take | {GUESTS.messages} a minute |",
        f"who has not written to them for {GUESTS.answer_seconds // 60} minutes |",
        f"minutes | {GUESTS.to_one} a minute from one network, {GUESTS.all_to_one} from all |",
        f"of one network's guests in ten minutes | {GUESTS.faults};",
        f"forgotten after | {RULES.forget_seconds} seconds",
    ],
)
def test_the_documented_numbers_are_the_real_ones(sentence: str) -> None:
    assert sentence in TEXT
