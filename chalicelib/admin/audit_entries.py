"""What the managers' pages write into the audit: actions and their objects, and refusals."""

import re
from collections.abc import Mapping

from chalice.app import Request

from chalicelib.accounts.audit import NOBODY, Deed, Door, thing_of
from chalicelib.accounts.sessions import Session
from chalicelib.admin.browser import ip_of, refuse_other_sites
from chalicelib.admin.edit_conflict import CARRIED
from chalicelib.admin.page_requests import Proof, Registered, Visit
from chalicelib.errors import ForbiddenError, InvalidError, Phrase, ProofError, TooManyRequestsError
from chalicelib.observability import aside
from chalicelib.stage.app import stage

OPEN = "page.open"  # the audit's word of a page that shows nothing of persons: refused looks at one are told
_NAMES = ("name", "id", "key", "q")  # how a form or a query names the object, if the path does not
_FIELD, _MOST = re.compile(r"[\w.:\[\]-]{1,64}"), 50  # names in our own forms; anything may be sent


def deed_of(declared: Registered, visit: Visit) -> Deed:
    """The audit line of what the manager is about to do. Raises: UnavailableError (retryable)."""
    hashes = stage().address_hashes
    user = _given(visit, "user")  # the user as whom something is shown
    asked = [
        user if declared.shows else "",
        *visit.path.values(),
        *(_given(visit, name) for name in _NAMES),
    ]
    thing = next((thing_of(one, hashes) for one in asked if one), None)
    if thing is None and (address := _given(visit, "address")):
        thing = hashes.owner("email", address)
    return _deed(declared, visit.manager.name, thing, visit.ip)


def _given(visit: Visit, name: str) -> str:
    return visit.typed(name) or visit.query.get(name, "").strip()


def fields_of(visit: Visit) -> Mapping[str, list[str]]:
    """The names of the fields that were filled in, not their contents."""
    fields = [name for name in sorted({*visit.form, *visit.files} - CARRIED) if _FIELD.fullmatch(name)][:_MOST]
    return {"fields": fields} if fields else {}


def demand_role(declared: Registered, session: Session, request: Request, path: Mapping[str, str]) -> None:
    """Raises: ForbiddenError (permanent)."""
    try:
        session.manager.demand(declared.role)
    except ForbiddenError as error:
        with aside("audit"):
            hashes = stage().address_hashes
            thing = next((thing_of(one, hashes) for one in path.values()), None) or declared.path
            stage().audit.refuse(_deed(declared, session.manager.name, thing, ip_of(request)), error)
        raise


def demand_form(declared: Registered, visit: Visit) -> None:
    """Raises: ForbiddenError (permanent): the form was not made for this session."""
    if visit.fresh:
        return
    error = ForbiddenError(Phrase("this form is not of this session: open the page again"))
    with aside("audit"):
        stage().audit.refuse(deed_of(declared, visit), error)
    raise error


def demand_proof(declared: Registered, visit: Visit) -> None:
    """The one guard of sensitive actions. Runs after the check for mistakes, since a code works only once. Raises:
    ProofError, InvalidError (permanent), TooManyRequestsError (later), UnavailableError (retryable)."""
    try:
        if declared.check is not None:
            declared.check(visit)
        if declared.proof is Proof.RECENT and not visit.session.proven:
            raise ProofError(Phrase("enter your password once more to do this"))
        if declared.proof is Proof.PRESENT:
            stage().authentication.prove(visit.manager.name, visit.secret("old"), visit.typed("present"), at=visit.at)
    except (ProofError, InvalidError, TooManyRequestsError) as error:
        stage().audit.refuse(deed_of(declared, visit), error)
        raise


def refuse_strangers(declared: Registered, request: Request) -> None:
    """Refuses a form that another site's page has sent; its sender is unknown. Raises: ForbiddenError (permanent)."""
    try:
        refuse_other_sites(request)
    except ForbiddenError as error:
        stage().audit.refuse(_deed(declared, NOBODY, declared.path, ip_of(request)), error)
        raise


def _deed(declared: Registered, by: str, thing: str | None, ip: str) -> Deed:
    return Deed(door=Door.PAGE, by=by, did=declared.does or declared.shows or OPEN, thing=thing, ip=ip)
