"""What a letter's styles say: declarations of `style` attributes, and the rules for dark mode, which stay in a style
sheet when the others are inlined. Understands selectors of tags and classes; others are passed over."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

MAX_RULES = 300

_DECLARATION = re.compile(r"([-a-z]+)\s*+:\s*+((?:[^;\"'(]++|\"[^\"]*+\"|'[^']*+'|\([^()]*+\))++)", re.IGNORECASE)
_SHEET = re.compile(r"<style\b[^>]*+>(.*?)</style", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DARK = re.compile(
    r"@media[^{]{0,200}?\bprefers-color-scheme\s*:\s*dark[^{]*+\{((?:[^{}]++\{[^{}]*+\})*+)", re.IGNORECASE
)
_RULE = re.compile(r"([^{}]++)\{([^{}]*+)\}")
_COMPOUND = re.compile(r"([a-z][a-z0-9]*)?((?:\.[-\w]+)*)", re.IGNORECASE)
_IMPORTANT = re.compile(r"\s*!\s*important\s*$", re.IGNORECASE)


class Compound(NamedTuple):
    """`a.button-link`; no tag stands for any."""

    tag: str
    classes: frozenset[str]


class DarkRule(NamedTuple):
    """`path`: from the outermost element to the styled one."""

    path: Sequence[Compound]
    style: Mapping[str, str]
    important: frozenset[str]


class Marked(NamedTuple):
    """What selectors see of an element."""

    tag: str
    classes: frozenset[str]


def declarations(style: str) -> dict[str, str]:
    """By name, in small letters; the last of a name is in force. `background` is read as a colour, since with a picture
    on it nothing is known."""
    found = ((name.lower(), value.strip()) for name, value in _DECLARATION.findall(style))
    return {"background-color" if name == "background" else name: value for name, value in found}


def sheets(html: str) -> str:
    """All style sheets of a letter."""
    return _COMMENT.sub("", "\n".join(_SHEET.findall(html)))


def dark_rules(css: str) -> list[DarkRule]:
    """In their order."""
    found = [one for block in _DARK.findall(css) for rule in _RULE.findall(block) for one in _rules(*rule)]
    return found[:MAX_RULES]


def _rules(selectors: str, body: str) -> Iterator[DarkRule]:
    given = declarations(body)
    style = {name: _IMPORTANT.sub("", value) for name, value in given.items()}
    important = frozenset(name for name, value in given.items() if _IMPORTANT.search(value))
    for selector in selectors.split(","):
        parts = [_COMPOUND.fullmatch(part) for part in selector.split()]
        if parts and all(parts):
            path = [Compound((p[1] or "").lower(), frozenset(p[2].split(".")[1:])) for p in parts if p]
            yield DarkRule(path, style, important)


def dark_style(
    rules: Sequence[DarkRule], element: Marked, around: Sequence[Marked], own: Mapping[str, str]
) -> dict[str, str]:
    """An element's style in dark mode; `around` are the elements that it is in, from the outermost."""
    style, fixed = dict(own), set(own)
    for rule in rules:
        if not _fits(rule.path, element, around):
            continue
        for name, value in rule.style.items():
            if name in rule.important or name not in fixed:
                style[name] = value
    return style


def _fits(path: Sequence[Compound], element: Marked, around: Sequence[Marked]) -> bool:
    if not _is(path[-1], element):
        return False
    wanted = list(path[:-1])
    for one in reversed(around):
        if wanted and _is(wanted[-1], one):
            wanted.pop()
    return not wanted


def _is(compound: Compound, element: Marked) -> bool:
    return compound.tag in ("", element.tag) and compound.classes <= element.classes
