"""Every rule of an e-mail. Its function's name is the code of what it finds (the table in `docs/letters.md`)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from chalicelib.errors import Phrase
from chalicelib.rendering.lint import content_rules as content
from chalicelib.rendering.lint import language_rules as language
from chalicelib.rendering.lint import legibility_rules as legibility
from chalicelib.rendering.lint import link_rules as links
from chalicelib.rendering.lint import picture_rules as pictures
from chalicelib.rendering.lint import safety_rules as safety
from chalicelib.rendering.lint import subject_rules as subject
from chalicelib.rendering.lint.model import Hit, LintedLetter
from chalicelib.rendering.lint.severity import Severity

Rule = Callable[[LintedLetter], Iterator[Hit]]


class Graded(NamedTuple):
    """A rule, and how bad it is what it finds."""

    severity: Severity
    rule: Rule


ERRORS: Iterable[Rule] = (
    safety.unsubscribe_link_missing,
    safety.text_unsubscribe_missing,
    safety.unsafe_address,
    safety.relative_address,
    safety.unattached_picture,
    safety.forbidden_element,
    safety.meta_refresh,
    safety.event_handler,
)
WARNINGS: Iterable[Rule] = (
    subject.long_subject,
    subject.subject_in_capitals,
    subject.exclamation_marks,
    subject.preheader_missing,
    subject.preheader_repeats_subject,
    pictures.picture_without_alt,
    pictures.picture_without_width,
    pictures.wide_picture,
    pictures.link_without_text,
    links.vague_link_text,
    links.link_shows_another_host,
    links.too_many_links,
    safety.insecure_address,
    safety.unusual_scheme,
    safety.reserved_host,
    legibility.clipped_by_gmail,
    legibility.tiny_text,
    legibility.low_contrast,
    legibility.low_contrast_in_dark,
    content.placeholder_text,
    content.foreign_merge_tag,
    content.text_differs,
    language.another_language,
)
RULES: Mapping[str, Graded] = {
    rule.__name__: Graded(severity, rule)
    for severity, rules in ((Severity.ERROR, ERRORS), (Severity.WARNING, WARNINGS))
    for rule in rules
}
# What no letter alone shows.
OF_LANGUAGES: Mapping[str, Callable[[Mapping[str, Mapping[str, str]]], Iterator[tuple[str, str, Phrase]]]] = {
    "translation_missing": language.missing_parts,
    "not_translated": language.untranslated_parts,
}
# What only shows when the letter's links are tried (`chalicelib/services/letter_checks.py`), or when it is rendered.
ASIDE: Mapping[str, Severity] = {
    "template_mistake": Severity.ERROR,
    "dead_link": Severity.WARNING,
    "heavy_pictures": Severity.WARNING,
    "unchecked_link": Severity.NOTE,
}
