"""What a name in the chat may be, and when two are the same. Used by the protocol and by presence."""

import unicodedata

from chalicelib.errors import InvalidError

MAX_NAME_CHARACTERS = 32
# The commands of the lesson: somebody called so could not be told from the command.
RESERVED = frozenset({"block", "unblock", "blocked"})


def check_name(text: str) -> str:
    """The name as it is shown. Raises: InvalidError (permanent); its detail is the code of the mistake: `empty_name`,
    `long_name`, `bad_name`."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise InvalidError("empty_name")
    if len(name) > MAX_NAME_CHARACTERS:
        raise InvalidError("long_name")
    if ":" in name or name[0] in "{?" or not name.isprintable() or "\ufffd" in name or fold(name) in RESERVED:
        raise InvalidError("bad_name")
    return name


def fold(name: str) -> str:
    """The form in which names are compared: `Анна`, `АННА` and a full-width `ＡＮＮＡ` of Latin letters do not live
    side by side with their plain twins (Unicode NFKC, case folded)."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()
