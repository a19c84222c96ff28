"""Checks letters for the API and the managers' pages: of a template, of sources that are not stored, of a campaign. The
rules are in `chalicelib/rendering/lint/`; here are the links that are tried, the spam score, and how often."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.campaigns.languages import languages_of
from chalicelib.campaigns.letter_mistakes import check_occasion
from chalicelib.campaigns.model import Campaign
from chalicelib.composed import Composed
from chalicelib.errors import Phrase
from chalicelib.manifest import ChannelSpec
from chalicelib.rendering.checks import check
from chalicelib.rendering.documents.document_sources import at_blocks
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.lint.addresses_in_page import hosted
from chalicelib.rendering.lint.lint import LINK_HOST, SAMPLE, Linted, Occasion, finding, lint, of_languages
from chalicelib.rendering.lint.model import Finding, Hit
from chalicelib.rendering.lint.registry import ASIDE
from chalicelib.rendering.lint.severity import Severity
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer
from chalicelib.services.link_check import MOST_LINKS, LinkCheck, Tried
from chalicelib.services.spam_score import SpamFilter, SpamScore
from chalicelib.services.template_changes import DraftAllowance, TemplateChanges

PICTURES_BYTES = 1_000_000  # of all pictures of a letter, as phones on a train load them


class LetterReport(NamedTuple):
    """`size_bytes` is the largest HTML of a language; `pictures_bytes` all pictures whose size is known, None unless
    the links were tried; `spam` by language, empty where nothing measures it."""

    findings: Sequence[Finding]
    size_bytes: int
    pictures_bytes: int | None
    spam: Mapping[str, SpamScore]

    @property
    def warnings(self) -> list[Finding]:
        return [one for one in self.findings if one.severity is not Severity.ERROR]


class LetterChecks(Composed):
    """With `links` each method tries the addresses, and takes one of the allowance of `by`."""

    changes: TemplateChanges
    new_renderer: Callable[[], Renderer]
    channels: Mapping[str, ChannelSpec]
    links: LinkCheck
    drafts: DraftAllowance
    spam: SpamFilter | None

    def template(self, template: Template, *, by: str | None = None, links: bool = False) -> LetterReport:
        """With its own sample. Raises: TooManyRequestsError (later), UnavailableError (retryable)."""
        return self._report(template, SAMPLE, by=by, links=links)

    def draft(self, key: str, body: Mapping[str, Any], *, by: str, links: bool = False) -> LetterReport:
        """What is not stored yet; `body` as `PUT /v1/templates/{key}` takes it. Raises: InvalidError (permanent),
        TooManyRequestsError (later), UnavailableError (retryable)."""
        self.drafts.check(by)
        return self._report(self.changes.read(key, body), SAMPLE, by=by, links=links)

    def campaign(
        self, spec: Campaign, template: Template, layout: Layout, *, by: str | None = None, links: bool = False
    ) -> LetterReport:
        """Each language that readers get, with the campaign's own texts. Raises: as `template`."""
        languages = languages_of(spec, template)
        among = languages.written if languages and languages.untranslated else None
        occasion = check_occasion(spec, template)._replace(locales=among, layout=layout)
        return self._report(template, occasion, by=by, links=links)

    def _report(self, template: Template, occasion: Occasion, *, by: str | None, links: bool) -> LetterReport:
        if links and by:
            self.drafts.links(by)
        renderer = self.new_renderer()
        letters = lint(template, renderer=renderer, occasion=occasion)
        found = [one for letter in letters for one in letter.findings]
        if occasion is SAMPLE:
            found += of_languages(template)
            known = {one.mistake for one in found}
            for one in check(template, renderer=renderer, channels=self.channels):
                if one not in known:
                    found.append(Finding("template_mistake", ASIDE["template_mistake"], one.field, one.message))
        pictures_bytes = None
        if links:
            tried = self.links.try_all(_addresses(letters))
            pictures_bytes = sum(tried[one].size_bytes or 0 for one in _pictures(letters) if one in tried)
            found += _of_links(letters, tried, template, occasion)
            found += _heavy(pictures_bytes)
        size = max((len(one.letter.html.encode()) for one in letters), default=0)
        score = {one.letter.locale: self.spam.score(one.letter) for one in letters} if self.spam and links else {}
        return LetterReport(
            sorted(_placed(found, template), key=_order),
            size,
            pictures_bytes,
            {name: one for name, one in score.items() if one},
        )


def _placed(found: Sequence[Finding], template: Template) -> list[Finding]:
    """Whoever wrote a letter of blocks never sees its sources."""
    if not template.documents:
        return list(found)
    told = at_blocks([one.mistake for one in found], template)
    return [
        one if at.field == one.place else one._replace(place=at.field, message=at.message, line=None)
        for one, at in zip(found, told, strict=True)
    ]


def _order(one: Finding) -> tuple[int, str]:
    return list(Severity).index(one.severity), one.locale or ""


def _addresses(letters: Sequence[Linted]) -> Iterator[str]:
    """Links before pictures."""
    every = [one for letter in letters for one in hosted(letter.letter.page) if f"//{LINK_HOST}/" not in one]
    pictures = set(_pictures(letters))
    yield from (one for one in every if one not in pictures)
    yield from pictures


def _pictures(letters: Sequence[Linted]) -> list[str]:
    found = (one.attributes.get("src", "") for letter in letters for one in letter.letter.page.pictures)
    return list(dict.fromkeys(found))


def _of_links(
    letters: Sequence[Linted], tried: Mapping[str, Tried], template: Template, occasion: Occasion
) -> Iterator[Finding]:
    for letter in letters:
        found = [one for one in hosted(letter.letter.page) if f"//{LINK_HOST}/" not in one]
        for address in found:
            one = tried.get(address)
            if one is None or one.why is None:
                continue
            code = "unchecked_link" if one.alive is None else "dead_link"
            hit = Hit(Phrase("{address}: {why}", address=address, why=one.why), address)
            yield finding(code, ASIDE[code], hit, letter.letter.locale, template, occasion=occasion)
        if rest := len(found) - sum(one in tried for one in found):
            said = Phrase.counted(
                "{n} address was not tried: at most {most} are",
                "{n} addresses were not tried: at most {most} are",
                n=rest,
                most=MOST_LINKS,
            )
            yield finding("unchecked_link", ASIDE["unchecked_link"], Hit(said), letter.letter.locale, template)


def _heavy(size: int) -> Iterator[Finding]:
    if size > PICTURES_BYTES:
        said = Phrase(
            "expected pictures of up to {most} KB together: these have {size}",
            most=PICTURES_BYTES // 1000,
            size=-(-size // 1000),
        )
        yield Finding("heavy_pictures", ASIDE["heavy_pictures"], "pictures", said)
