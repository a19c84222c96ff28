"""Test letters of a campaign: sent to addresses that the desk keeps for this, and to others; then each is followed
until it has arrived, or it is known why not."""

from uuid import UUID

from pydantic import ValidationError

from chalicelib.accounts.managers import Role
from chalicelib.admin.campaigns import check_campaign
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Visit, action, page
from chalicelib.campaigns.model import shown_spec
from chalicelib.errors import ChangedError, InvalidError, Phrase
from chalicelib.etags import Seen
from chalicelib.pipeline.requests import Recipient
from chalicelib.stage.app import stage

MOST = 10  # letters at once
_KEPT = "test_addresses"
_TRIES = 5
_UNDER_WAY = frozenset({"accepted", "processing", "scheduled"})


@page("/admin/campaigns/{id}/tests", shows="campaign.tests")
def test_letters(visit: Visit) -> Page:
    """What became of the test letters that were sent last."""
    head = stage().campaigns.get(visit.path["id"])
    asked = [one for one in visit.query.get("sent", "").split(",") if _is_id(one)][:MOST]
    found = {one["id"]: one for one in stage().history.some(asked)}
    letters = [found[one] for one in asked if one in found]
    values = {
        "campaign": head,
        "name": shown_spec(head).name,
        "letters": letters,
        "here_url": url(f"/admin/campaigns/{head.id}/tests", sent=",".join(asked)),
        "going": len(letters) < len(asked) or any(one["status"] in _UNDER_WAY for one in letters),
    }
    return Page("campaign_tests", values)


@action("/admin/campaigns/{id}/test", role=Role.EDITOR, does="campaign.test", again=check_campaign)
def test_campaign(visit: Visit) -> Go:
    """Letters at once; they do not count towards any run."""
    recipients = _recipients(visit)
    sent = stage().test_send.send(visit.path["id"], recipients, by=visit.manager.key)
    if visit.typed("keep"):
        _keep({one.email for one in recipients if one.email}, by=visit.manager.key)
    ids = ",".join(dict.fromkeys(one.id for one in sent))
    return Go(f"/admin/campaigns/{visit.path['id']}/tests?sent={ids}", done="tested")


@action("/admin/campaigns/{id}/test/forget", role=Role.EDITOR, does="setting.change", again=check_campaign)
def forget_test_address(visit: Visit) -> Go:
    """The address is offered no longer."""
    _keep(set(), without=visit.typed("forget"), by=visit.manager.key)
    return Go(f"/admin/campaigns/{visit.path['id']}/check", done="removed")


def _recipients(visit: Visit) -> tuple[Recipient, ...]:
    """Ticked and typed ones. Raises: InvalidError (permanent)."""
    typed = [part.strip() for part in visit.typed("to_other").replace(";", ",").split(",") if part.strip()]
    given = list(dict.fromkeys([*visit.form.get("to", ()), *typed]))
    if not given:
        raise InvalidError.of("to_other", Phrase("tick an address, or write one"))
    if len(given) > MOST:
        raise InvalidError.of("to_other", Phrase("expected at most {most} addresses at once", most=MOST))
    language = visit.typed("test_language")
    return tuple(_recipient(one, language) for one in given)


def _recipient(text: str, language: str) -> Recipient:
    """An address, in the language that was chosen, or a user by id, in their own."""
    guest = {"email": text, **({"locale": language} if language else {})}
    try:
        return Recipient.model_validate(guest if "@" in text else {"user_id": text})
    except ValidationError as error:
        wrong = Phrase("{address} is neither an address nor a user's id", address=text)
        raise InvalidError.of("to_other", wrong) from error


def _keep(addresses: set[str], *, by: str, without: str = "") -> None:
    """Changes the list, leaving alone what others change meanwhile. Raises: InvalidError (permanent: too many)."""
    for left in reversed(range(_TRIES)):
        setting = stage().site_settings.get(_KEPT)
        wanted = sorted((set(setting.value) | addresses) - {without})
        if wanted == sorted(setting.value):
            return
        try:
            stage().settings_changes.put(_KEPT, wanted, by=by, seen=Seen((setting.tag,)))
            return
        except ChangedError:
            if not left:
                raise


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
