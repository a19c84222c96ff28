"""How many segments an SMS takes; each is charged.

By 3GPP TS 23.038 a text in the GSM 7-bit alphabet has 160 characters in one segment and 153 in each of several; any
other is UCS-2, with 70 and 67. Characters of GSM's extension table count twice; UCS-2 counts UTF-16 units, of which an
emoji has two.
"""

from collections.abc import Callable
from typing import NamedTuple

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM_UNITS, _UCS2_UNITS = (160, 153), (70, 67)  # in one segment, in each of several


class Segments(NamedTuple):
    """`encoding` is `GSM-7` or `UCS-2`; `units` are septets or UTF-16 units; `left` is the room in the last segment."""

    encoding: str
    units: int
    segments: int
    left: int


def count_segments(text: str) -> Segments:
    text = text.strip()
    gsm = _BASIC.issuperset(set(text) - _EXTENSION)
    cost = _septets if gsm else _utf16_units
    whole, part = _GSM_UNITS if gsm else _UCS2_UNITS
    units = sum(map(cost, text))
    encoding = "GSM-7" if gsm else "UCS-2"
    if units <= whole:
        return Segments(encoding, units, 1, whole - units)
    used, segments = _filled(text, cost, part)
    return Segments(encoding, units, segments, part - used)


def _filled(text: str, cost: Callable[[str], int], size: int) -> tuple[int, int]:
    """The units of the last segment, and the number of segments: no character is split."""
    used, segments = 0, 1
    for character in text:
        if used + cost(character) > size:
            used, segments = 0, segments + 1
        used += cost(character)
    return used, segments


def _septets(character: str) -> int:
    return 2 if character in _EXTENSION else 1


def _utf16_units(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1
