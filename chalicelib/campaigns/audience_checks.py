"""Whether the lists, segments and campaigns that an audience names are there, and within what a run can compare."""

from collections.abc import Callable, Iterable

from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.list_members import MAX_MEMBERS
from chalicelib.composed import Composed
from chalicelib.errors import FieldError, NotFoundError, Phrase
from chalicelib.schemas import recalled
from chalicelib.service_scope import Sight
from chalicelib.states import ListState, state_word
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.recipient_lists import RecipientLists
from chalicelib.storage.segments import SavedSegments

MAX_ASKED = 6  # campaigns about whose letters the rules of one audience ask


class AudienceChecks(Composed):
    """Raises: UnavailableError (retryable)."""

    lists: RecipientLists
    campaigns: Campaigns
    segments: SavedSegments

    def errors(self, audience: Audience, *, sight: Sight) -> list[FieldError]:
        """Every mistake, by its field; what is not in `sight` does not exist."""
        rules = {"audience.rule": audience.rule} if audience.rule else dict[str, Rule]()
        errors = [*self._list_errors(audience, sight), *self._segment_errors(audience, sight, rules)]
        excluded = _numbered("audience.exclude_campaigns", audience.exclude_campaigns)
        errors += _missing(excluded, lambda one: self.campaigns.get(one, sight=sight))
        asked = [(field, one) for field, rule in rules.items() for one in sorted(rule.campaigns)]
        errors += _missing(asked, lambda one: self.campaigns.get(one, sight=sight))
        if len({one for _, one in asked}) > MAX_ASKED:
            most = Phrase("expected the letters of at most {most} campaigns", most=MAX_ASKED)
            errors.append(FieldError("audience.segments", most))
        return errors

    def _list_errors(self, audience: Audience, sight: Sight) -> list[FieldError]:
        errors, sizes = list[FieldError](), dict[str, int]()
        named = [("audience.list_id", audience.list_id)] if audience.list_id else []
        named += _numbered("audience.lists", audience.lists)
        for field, one in [*named, *_numbered("audience.exclude_lists", audience.exclude_lists)]:
            try:
                found = self.lists.get(one, sight=sight)
            except NotFoundError as error:
                errors.append(FieldError(field, error.detail))
                continue
            sizes[one] = found.row_count
            if found.state != ListState.READY:
                what = Phrase("the list is {state}: expected one that is ready", state=state_word(found.state))
                errors.append(FieldError(field, what))
        if sum(sizes.get(one, 0) for one in _compared(audience)) > MAX_MEMBERS:
            field = "audience.exclude_lists" if audience.exclude_lists else "audience.lists"
            most = Phrase("expected at most {most} people on lists that are joined or left out", most=MAX_MEMBERS)
            errors.append(FieldError(field, most))
        return errors

    def _segment_errors(self, audience: Audience, sight: Sight, rules: dict[str, Rule]) -> list[FieldError]:
        errors = list[FieldError]()
        named = _numbered("audience.segments", audience.segments)
        for field, one in [*named, *_numbered("audience.exclude_segments", audience.exclude_segments)]:
            try:
                rules[field] = recalled(Rule, self.segments.get(one, sight=sight).rule)
            except NotFoundError as error:
                errors.append(FieldError(field, error.detail))
        return errors


def _compared(audience: Audience) -> set[str]:
    """The lists whose people are kept in memory: of those that are joined, all that something comes after."""
    joined = audience.joined_lists
    return {*audience.exclude_lists, *(joined if audience.segments else joined[:-1])}


def _numbered(field: str, ids: Iterable[str]) -> list[tuple[str, str]]:
    return [(f"{field}[{n}]", one) for n, one in enumerate(ids)]


def _missing(named: Iterable[tuple[str, str]], get: Callable[[str], object]) -> list[FieldError]:
    errors = []
    for field, one in named:
        try:
            get(one)
        except NotFoundError as error:
            errors.append(FieldError(field, error.detail))
    return errors
