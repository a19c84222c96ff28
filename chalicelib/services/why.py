"""Why somebody did not get a letter: whom or what is meant, their last letters or the one of a campaign, and what
stands against more, each in a sentence with what to do."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from chalicelib.addresses import normal_phone, same_address_key
from chalicelib.campaigns.model import shown_spec
from chalicelib.campaigns.run_pass import found_in_run
from chalicelib.clock import is_id
from chalicelib.composed import Composed
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.profiles.directory import Directory
from chalicelib.profiles.preferences import PreferenceStore
from chalicelib.reasons import Reason, suppressed
from chalicelib.security.signing import AddressHashes
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.services.history import History
from chalicelib.services.unsubscribe import Unsubscribe
from chalicelib.services.why_advice import OUTCOMES, Todo
from chalicelib.services.why_reasons import because_of
from chalicelib.states import CampaignState, Engagement
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.runs import Run, Runs
from chalicelib.storage.users import Profile

_MOST_PEOPLE, _LETTERS = 10, 5
_RUNS = 3  # of a campaign, the newest
_MAILBOXES = ("gmail.com", "mail.ru", "yandex.ru", "outlook.com", "hotmail.com", "icloud.com", "yahoo.com", "bk.ru")


class Said(NamedTuple):
    """A sentence, and what to do."""

    text: Phrase
    todo: Todo


class WhyLetter(NamedTuple):
    """One letter: `title` is its campaign's name, or else its template; `since` when it came into its state."""

    notification_id: str
    to: str
    title: str
    template: str
    campaign_id: str | None
    made_at: str
    channel: str
    state: str
    reason: str | None
    since: str
    outcome: Phrase
    because: Phrase | None
    todo: Todo


class WhyAnswer(NamedTuple):
    """`people` are the users who may be meant, `against` (channel, category or None for all, reason) what stands
    against letters to them; `said` what there is to say without a letter; `meant` an address that is spelled much like
    the one that was asked for."""

    people: Sequence[Profile]
    letters: Sequence[WhyLetter] = ()
    against: Sequence[tuple[str, str | None, str]] = ()
    said: Sequence[Said] = ()
    meant: str | None = None


class Why(Composed):
    """At most eight requests to the tables for each answer, however long a history is."""

    campaigns: Campaigns
    runs: Runs
    directory: Directory
    history: History
    preferences: PreferenceStore
    unsubscribe: Unsubscribe
    hashes: AddressHashes

    def of(self, words: str, *, campaign_id: str | None = None, sight: Sight = EVERYTHING) -> WhyAnswer:
        """`words`: the id of a letter or a user, an address however it is written, a phone number, a full name; of a
        campaign alone where one is given. Raises: NotFoundError (permanent: there is no such campaign in sight),
        UnavailableError (retryable)."""
        head = self.campaigns.get(campaign_id, sight=sight) if campaign_id else None
        if is_id(words) and (letter := self._letter(words, sight)) is not None:
            return WhyAnswer([], [letter])
        people = self._people(words)
        if head is not None:
            return self._of_campaign(head, words, people, sight)
        return self._of_person(words, people, sight)

    def _people(self, words: str) -> list[Profile]:
        if "@" in words:
            return self.directory.with_email(words, limit=_MOST_PEOPLE)
        if " " in words:
            return self.directory.with_name(words, limit=_MOST_PEOPLE)
        known = list(self.directory.get_many([words], fresh=True).known.values())
        return known or self.directory.with_name(words, limit=_MOST_PEOPLE)

    def _letter(self, notification_id: str, sight: Sight) -> WhyLetter | None:
        try:
            return self._described(self.history.notification(notification_id, sight=sight))
        except NotFoundError:
            return None

    def _of_person(self, words: str, people: Sequence[Profile], sight: Sight) -> WhyAnswer:
        if len(people) > 1:
            return WhyAnswer(people)
        owner = people[0].id if people else self._owner(words)
        letters = self.history.of_user(owner, limit=_LETTERS, sight=sight)[0] if owner else []
        against = self._against(words, people)
        said: list[Said] = []
        if not letters:
            none_known = Phrase("Nothing is known of {words}.", words=words)
            none_made = Phrase("No letter was made for them in the time that letters are kept.")
            said = [Said(none_made, Todo.CHECK_CAMPAIGN) if people else Said(none_known, Todo.CHECK_SPELLING)]
        meant = None if letters or people or against else meant_by(words)
        described = [_to(self._described(one), people) for one in letters]
        return WhyAnswer(people, described, against, said, meant)

    def _of_campaign(self, head: CampaignHead, words: str, people: Sequence[Profile], sight: Sight) -> WhyAnswer:
        users = [one.id for one in people]
        for run in self.runs.of(head.id, limit=_RUNS):
            found = found_in_run(run, words, users=users, runs=self.runs)
            if found:
                letter = self._letter(found[0].letter.key.notification_id, sight)
                shown = [_to(letter._replace(title=shown_spec(head).name), people)] if letter else []
                return WhyAnswer(people, shown)
        newest = next(iter(self.runs.of(head.id, limit=1)), None)
        against = self._against(words, people) if len(people) < 2 else []
        meant = None if people else meant_by(words)
        return WhyAnswer(people, against=against, said=[_not_in(head, newest)], meant=meant)

    def _owner(self, words: str) -> str | None:
        """Who owns the letters to an address that belongs to no user."""
        if "@" in words:
            return self.hashes.owner("email", words)
        phone = _phone(words)
        return self.hashes.owner("sms", phone) if phone else None

    def _against(self, words: str, people: Sequence[Profile]) -> list[tuple[str, str | None, str]]:
        found: list[tuple[str, str | None, str]] = []
        email = people[0].email if people else words if "@" in words else None
        number = None if people or email else _phone(words)
        for channel, address in (("email", email), ("sms", number)):
            if address:
                one = self.unsubscribe.against_address(channel, address)
                found += [(channel, None, suppressed(one.suppressed))] if one.suppressed else []
                found += [(channel, category, why.reason) for category, why in one.objections.items()]
        if people and not self.preferences.get(people[0].id).everything:
            found.append(("email", None, Reason.OPTED_OUT_OF_EVERYTHING))
        return found

    def _described(self, letter: Mapping[str, Any]) -> WhyLetter:
        deliveries = letter["deliveries"]
        one = next((one for one in deliveries if one["status"] == letter["status"]), None)
        timeline = one["timeline"] if one else []
        opened = [event["at"] for event in timeline if event.get("event") in (Engagement.OPENED, Engagement.CLICKED)]
        state, reason = ("opened", None) if opened else (letter["status"], one["reason"] if one else None)
        because, todo = because_of(state, reason)
        to = letter["recipient"]
        return WhyLetter(
            notification_id=letter["id"],
            to=str(to.get("name") or to.get("email") or to.get("phone") or to.get("user_id") or ""),
            title=letter["template"],
            template=letter["template"],
            campaign_id=letter["campaign_id"],
            made_at=letter["created_at"],
            channel=one["channel"] if one else next(iter(letter["channels"]), ""),
            state=state,
            reason=reason,
            since=opened[0] if opened else timeline[-1]["at"] if timeline else letter["created_at"],
            outcome=OUTCOMES[state],
            because=because,
            todo=todo,
        )


def _to(letter: WhyLetter, people: Sequence[Profile]) -> WhyLetter:
    """The same by the reader's name, where it is known who that is."""
    return letter._replace(to=people[0].name) if len(people) == 1 and people[0].name else letter


def _not_in(head: CampaignHead, run: Run | None) -> Said:
    """Why a campaign has no letter for somebody."""
    if run is None:
        if head.state is CampaignState.DRAFT:
            return Said(Phrase("The campaign has not been started."), Todo.CHECK_CAMPAIGN)
        return Said(Phrase("The campaign has not been sent yet."), Todo.WAIT)
    if head.state is CampaignState.CANCELLED:
        return Said(
            Phrase("The campaign was cancelled; if it was meant for them, it had not reached them."),
            Todo.CHECK_CAMPAIGN,
        )
    if head.state in (CampaignState.PAUSED, CampaignState.AWAITING_APPROVAL):
        return Said(Phrase("The campaign stands still: what has not left waits."), Todo.CHECK_CAMPAIGN)
    if run.opened:
        return Said(
            Phrase("The campaign is being sent: they are not among those who had their turn."), Todo.CHECK_CAMPAIGN
        )
    return Said(Phrase("They were not in the audience of that campaign."), Todo.CHECK_CAMPAIGN)


def meant_by(words: str) -> str | None:
    """An address at one of the great mailboxes that is spelled much like this one."""
    name, at, domain = same_address_key("email", words).rpartition("@")
    near = get_close_matches(domain, _MAILBOXES, n=1, cutoff=0.75) if at and name else []
    return f"{name}@{near[0]}" if near and near[0] != domain else None


def _phone(words: str) -> str | None:
    try:
        return normal_phone(words)
    except ValueError:
        return None
