"""Where the links of a job's letters lead, and which of them are counted (ADR 0113).

A target that is the same for all readers is one stored link for all of them. One that holds something of its reader is
a link of its own; in the results it stands with its fellows under what they have in common, `https://…/pass?code=…`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from chalicelib.categories import CATEGORIES
from chalicelib.configuration.site_values import SiteValues
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient
from chalicelib.rendering.model import Template
from chalicelib.security.redirects import MAX_URL_CHARS, plain_redirect

OMITTED = "…"  # what differs from reader to reader
_LEAST = 4  # characters of a value that tells readers apart; shorter ones are in many addresses
_DEEPEST = 6
_HEAD = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_GAP = re.compile(r"\{(\w+)\}")
_WORDS = re.compile(r"[\W_]+")


class LinkTarget(NamedTuple):
    """An address as it is visited. `counted`: through a link of ours; `pattern`: what it has in common with those of
    other readers, None where it is the same for all."""

    url: str
    counted: bool
    pattern: str | None = None

    def with_pattern(self) -> "LinkTarget":
        """As one of many: what is the same for all stands for itself."""
        return self._replace(pattern=self.pattern or self.url)


class JobTargets:
    """Of the letters of one job. `is_mailing`: their links become links of ours without being asked for;
    `anywhere`: whatever host they lead to."""

    def __init__(self, job: DeliverJob, site: SiteValues, template: Template, *, ours: str) -> None:
        letter = job.letter
        of_account = CATEGORIES[letter.category].transactional
        self._job, self._template = job, template
        self._ours = f"{ours}/"
        self._rules = site.letter_links
        self.is_mailing = job.channel == "email" and not of_account
        self._counts = not self.is_mailing or (self._rules.clicks and letter.track_clicks)
        # Who writes a mailing may link to anywhere; the context of a call may hold what a stranger has typed.
        self.anywhere = letter.run_id is not None and not of_account
        self._hosts = None if self.anywhere else site.hosts
        self._own_host = _bare(site.site_host)
        self._tags = {} if of_account else self._tags_of(site)
        self._known: dict[str, LinkTarget | None] = {}
        self._static: dict[str, bool] = {}

    def of(self, written: str, recipient: DeliverRecipient) -> LinkTarget | None:
        """What an address of a recipient's letter leads to; None: it stays as it is written."""
        if written not in self._known:
            self._known[written] = self._plain(written)
        target = self._known[written]
        if target is None or not target.counted or self._is_static(written):
            return target
        head, rest = _split(target.url)
        shown = unquote(rest)
        own = sorted({one for one in self._values_of(recipient) if one in shown}, key=len, reverse=True)
        for one in own:
            shown = shown.replace(one, OMITTED)
        return target._replace(pattern=f"{head}{shown}") if own else target

    def _plain(self, written: str) -> LinkTarget | None:
        if written.startswith(self._ours):
            return None
        found = plain_redirect(written)
        if found is None:
            return None
        url, host = found
        tagged = _with(url, self._tags) if self._tags and self._is_own(host) else url
        url = tagged if len(tagged) <= MAX_URL_CHARS else url
        counted = self._counts and (self._hosts is None or host in self._hosts)
        return LinkTarget(url, counted) if counted or url != found[0] else None

    def _is_own(self, host: str) -> bool:
        bare = _bare(host)
        return bare == self._own_host or bare.endswith(f".{self._own_host}")

    def _is_static(self, written: str) -> bool:
        """Whether the author has written it out: it is the same for all, whatever it holds."""
        if written not in self._static:
            self._static[written] = written in self._authored or written.replace("&", "&amp;") in self._authored
        return self._static[written]

    @cached_property
    def _authored(self) -> str:
        letter = self._job.letter
        texts = [source for sources in self._template.locales.values() for source in sources.values()]
        if letter.run_id:
            texts.append(json.dumps([letter.context, letter.languages and letter.languages.texts], ensure_ascii=False))
        return "\n".join(texts)

    def _values_of(self, recipient: DeliverRecipient) -> Iterator[str]:
        own = [recipient.user_id, recipient.address, recipient.user, recipient.context]
        yield from _strings([one for one in own if one])
        if not self._job.letter.run_id:  # a call's context is mostly about one reader
            yield from self._of_call

    @cached_property
    def _of_call(self) -> list[str]:
        return list(_strings(self._job.letter.context))

    def _tags_of(self, site: SiteValues) -> Mapping[str, str]:
        letter, rules = self._job.letter, site.letter_links
        if letter.utm is None:
            return {}
        templates = {
            "utm_source": rules.utm_source,
            "utm_medium": rules.utm_medium,
            "utm_campaign": rules.utm_campaign,
            **letter.utm,
        }
        if not templates["utm_source"]:
            return {}
        at = (letter.run_id or letter.accepted_at).rpartition("@")[2][:10]
        values = {
            "campaign": _slug(letter.campaign_name or letter.template),
            "template": letter.template,
            "channel": self._job.channel,
            "date": at,
        }
        filled = {name: _GAP.sub(lambda gap: values.get(gap[1], ""), text) for name, text in templates.items()}
        return {name: text for name, text in filled.items() if text}


def _with(url: str, tags: Mapping[str, str]) -> str:
    """The tags that it does not have, in front of its fragment."""
    base, hash_sign, fragment = url.partition("#")
    query = urlsplit(base).query
    there = {one.partition("=")[0].lower() for one in query.split("&")}
    new = "&".join(f"{name}={quote(text, safe='-._~')}" for name, text in tags.items() if name not in there)
    if not new:
        return url
    base = base if urlsplit(base).path else (base.replace("?", "/?", 1) if "?" in base else f"{base}/")
    between = "&" if query else ("" if base.endswith("?") else "?")
    return f"{base}{between}{new}{hash_sign}{fragment}"


def _split(url: str) -> tuple[str, str]:
    head = _HEAD.match(url)
    end = head.end() if head else 0
    return url[:end], url[end:]


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")


def _slug(name: str) -> str:
    return _WORDS.sub("-", name.lower()).strip("-")[:60]


def _strings(value: Any, *, deep: int = 0) -> Iterator[str]:
    """What may tell readers apart in an address."""
    if isinstance(value, str):
        rest = _split(value)[1]
        if len(rest) >= _LEAST:
            yield unquote(rest)
    elif isinstance(value, Mapping):
        for one in value.values() if deep < _DEEPEST else ():
            yield from _strings(one, deep=deep + 1)
    elif isinstance(value, list | tuple):
        for one in value if deep < _DEEPEST else ():
            yield from _strings(one, deep=deep + 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _strings(str(value), deep=deep)
