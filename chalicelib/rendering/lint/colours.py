"""Colours of CSS, and how well one is read on another (WCAG 2.2, "contrast ratio")."""

import re
from typing import NamedTuple

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})(?:\s*[,/]\s*1(?:\.0*)?)?\s*\)")
_NAMES = {
    "black": "000000", "silver": "c0c0c0", "gray": "808080", "grey": "808080", "white": "ffffff", "maroon": "800000",
    "red": "ff0000", "purple": "800080", "fuchsia": "ff00ff", "green": "008000", "lime": "00ff00", "olive": "808000",
    "yellow": "ffff00", "navy": "000080", "blue": "0000ff", "teal": "008080", "aqua": "00ffff", "orange": "ffa500",
}  # fmt: skip


class Colour(NamedTuple):
    """0 to 255 each."""

    red: int
    green: int
    blue: int

    @property
    def luminance(self) -> float:
        """0 for black, 1 for white."""
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (one / 255 for one in self)
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


def colour_of(text: str) -> Colour | None:
    """None for what is no plain colour: transparent ones, variables, pictures."""
    word = text.strip().lower()
    if found := _RGB.fullmatch(word):
        red, green, blue = (min(int(part), 255) for part in found.groups())
        return Colour(red, green, blue)
    code = _NAMES.get(word) or (word[1:] if _HEX.fullmatch(word) else "")
    if len(code) == 3:
        code = "".join(2 * digit for digit in code)
    return Colour(*bytes.fromhex(code)) if code else None


def contrast(one: Colour, other: Colour) -> float:
    """1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((one.luminance, other.luminance))
    return (lighter + 0.05) / (darker + 0.05)
