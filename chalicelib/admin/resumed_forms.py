"""A form that arrives after its session has ended, or twice.

After the session: sign in without leaving the page, then see the same form with what was typed, to send again. Nothing
is executed before that: whoever signs in may be somebody else, and sees what they are about to save (ADR 0056).

Twice (a double click, a reload): it is executed once, and the second gets the answer of the first. The form is
identified by the second part of its token and by its content: a form that was changed and sent again is another one.
Answers are stored like those of the API's calls (`flow/idempotency.py`), sealed with the session's id.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from chalice.app import Request, Response

from chalicelib.accounts.authentication import SignInStep
from chalicelib.accounts.sessions import Session
from chalicelib.admin.browser import asks_for_a_part, at_of, from_us, language_of, read_form
from chalicelib.admin.edit_conflict import MINE, settled
from chalicelib.admin.forms import TYPED, Kept, Values, keep, unpacked
from chalicelib.admin.page_requests import Proof, Registered, Visit
from chalicelib.admin.responses import address_of, once_more, redirect
from chalicelib.admin.sign_in import begin, door, let_in, name_in, refusal
from chalicelib.admin.templating import Go, url, words
from chalicelib.errors import InvalidError, VestnikError
from chalicelib.stage.app import stage

_LOOKS = 40  # ten seconds, in which the second waits for the first

_AGAIN = Go("/admin/sign-in")


def session_over(declared: Registered, request: Request, path: Mapping[str, str]) -> Response:
    """The answer to a browser whose session has ended: the sign-in page, or for a form, sign-in in place."""
    if asks_for_a_part(request):  # of a page that stays as it is, with what is typed there
        headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
        text = words(language_of(request))["kept"]["ended"]
        return Response(text, headers=headers, status_code=HTTPStatus.UNAUTHORIZED.value)
    if request.method != "POST" or declared.again is None or not from_us(request):
        return redirect(_AGAIN)
    try:
        form, files = read_form(request, largest_file=declared.largest_file)
        form = settled(form) if MINE in form else form
    except InvalidError:
        return redirect(_AGAIN)
    if TYPED in form:
        return go_on(declared, request, path, form, session=None)
    kept = keep(form, files)
    return _door(request, kept, name="", status=HTTPStatus.UNAUTHORIZED) if kept else redirect(_AGAIN)


def proof_over(request: Request, visit: Visit) -> Response:
    """The answer to a signed-in browser when password and code are needed again."""
    kept = keep(visit.form, visit.files)
    return _door(request, kept, name=visit.manager.name, status=HTTPStatus.UNAUTHORIZED, session=visit.session)


def go_on(
    declared: Registered, request: Request, path: Mapping[str, str], form: Values, *, session: Session | None
) -> Response:
    """Signs in and shows the form as it was typed. Raises: InvalidError (permanent): what was kept is not a form."""
    typed, name, locale = unpacked(form, TYPED), name_in(form), language_of(request)
    kept = Kept(typed, files=bool(form.get("files")), secret=bool(form.get("secret")))
    again = partial(_door, request, kept, name=name, session=session)
    said, cookies = words(locale)["sign_in"], tuple[str, ...]()
    try:
        # Else the same form came twice: a code works once.
        if session is None or session.manager.name != name or _wants_proof(declared, session):
            found = let_in(form, request)
            if isinstance(found, SignInStep):
                problem = said["tired"] if found.tired else None
                return again(status=HTTPStatus.UNAUTHORIZED, problem=problem, step=found.state)
            if not found.may(declared.role):
                return again(status=HTTPStatus.FORBIDDEN, problem=said["not_yours"].format(name=name))
            value, cookies = begin(found, request)
            session = stage().sessions.find(value)
    except VestnikError as error:
        problem, status, step = refusal(error, form, locale=locale)
        return again(status=status, problem=problem, step=step)
    if declared.is_shut_to(session.manager):
        return redirect(Go("/admin/account", cookies=cookies))
    session.manager.demand(declared.role)
    visit = Visit(session, path, dict(request.query_params or {}), typed, {}, locale, at_of(request), fresh=True)
    note = "signed_in_file" if kept.files else "signed_in_secret" if kept.secret else "signed_in"
    note = "proved" if declared.proof is Proof.RECENT and not kept.secret else note
    response = once_more(declared.again, visit, request, kept=note) if declared.again else redirect(Go("/admin"))
    if cookies:
        response.headers["Set-Cookie"] = list(cookies)
    return response


def _wants_proof(declared: Registered, session: Session) -> bool:
    return declared.proof is Proof.RECENT and not session.proven


def _door(
    request: Request,
    kept: Kept,
    *,
    name: str,
    status: HTTPStatus,
    problem: str | None = None,
    step: str | None = None,
    session: Session | None = None,
) -> Response:
    values = {"typed": kept, "to": url(address_of(request)), "name": name, "step": step, "proof": session is not None}
    mistakes = {"mistakes": {"form": problem}} if problem else {}
    return door("signing_in", {**values, **mistakes}, request, status=status)


def once(visit: Visit, place: str, make: Callable[[], Response]) -> Response:
    """What `make` answers to this form here, or has answered before. Raises: as `Calls.once`."""
    _, _, form = visit.typed("token").partition(".")
    if not visit.fresh or not form:
        return make()
    call = _name(visit, place)
    kept, _ = stage().idempotency.once(call, lambda: _kept(make()), body=call, secret=visit.session.id, looks=_LOOKS)
    return Response(**kept)


def _kept(response: Response) -> dict[str, Any]:
    return {"body": response.body, "headers": response.headers, "status_code": response.status_code}


def _name(visit: Visit, place: str) -> str:
    files = [hashlib.sha256(one.content).hexdigest() for sent in visit.files.values() for one in sent]
    held = [visit.session.id, place, sorted(visit.path.items()), sorted(visit.form.items()), files]
    return f"form#{hashlib.sha256(json.dumps(held).encode()).hexdigest()}"
