"""`/view/{token}`: a letter in a browser, for mail programs that show it badly, and for whoever it was forwarded to."""

from http import HTTPStatus

from chalice.app import Response

from chalicelib.errors import NotFoundError, Phrase
from chalicelib.public.pages import PRIVATE
from chalicelib.public.views import Visitor, public_page
from chalicelib.security.signing import ExpiredLinkError, Purpose
from chalicelib.stage.app import stage

# The letter's own styles and pictures, and nothing that runs, asks, frames or is framed; links may be followed.
_POLICY = (
    "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


@public_page("/view/{token}", methods=["GET", "HEAD"])
def view_letter(visitor: Visitor) -> Response:
    """Changes nothing, and sends nobody a new link: too old is as unknown as never made."""
    try:
        claims = stage().tokens.read(Purpose.VIEW, visitor.path["token"])
    except ExpiredLinkError as error:
        raise NotFoundError(Phrase("this letter is not kept any more")) from error
    letter = stage().letter_view.letter(claims)
    headers = {
        **PRIVATE,
        "Content-Type": "text/html; charset=utf-8",
        "Content-Language": letter.locale,
        "Content-Security-Policy": _POLICY,
    }
    return Response(letter.parts["html"], headers=headers, status_code=HTTPStatus.OK.value)
