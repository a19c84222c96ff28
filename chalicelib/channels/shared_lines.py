"""Fifty letters of a mailing are nearly the same: what they all share travels once, as the template of a bulk send, and
each adds the rest (ADR 0040).

Texts are compared line by line: cheap, and correct whatever the letter contains. SES only replaces `{{names}}` with
values; it escapes nothing and does not interpret values.
"""

from collections.abc import Sequence
from itertools import groupby

_OPENS = "{{"  # a line with it would be read as a placeholder; each letter brings such a line as its own


def share(texts: Sequence[str], *, name: str) -> tuple[str, list[dict[str, str]]]:
    """One template and, for each text in order, the values by placeholder that restore it. Placeholders are `<name>0`,
    `<name>1` …; texts of different shape share nothing, and have one placeholder."""
    split = [text.split("\n") for text in texts]
    if len({len(lines) for lines in split}) != 1:
        return f"{_OPENS}{name}0}}}}", [{f"{name}0": text} for text in texts]
    shared = [one.count(one[0]) == len(one) and _OPENS not in one[0] for one in zip(*split, strict=True)]
    template: list[str] = []
    values: list[dict[str, str]] = [{} for _ in texts]
    start = 0
    for is_shared, run in groupby(shared):
        end = start + sum(1 for _ in run)
        if is_shared:
            template += split[0][start:end]
        else:
            place = f"{name}{len(values[0])}"
            template.append(f"{_OPENS}{place}}}}}")
            for lines, own in zip(split, values, strict=True):
                own[place] = "\n".join(lines[start:end])
        start = end
    return "\n".join(template), values
