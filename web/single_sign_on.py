"""Single sign-on (OpenID Connect): leaving for the provider, coming back as somebody, and signing out there too."""

import logging
import secrets

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.refusal import Refusal
from register import single_sign_on as kept
from web.frame import COOKIE, local_path, now, office, page, to
from web.provider import BACK, Provider, SignOn, Unavailable
from web.signing import must_not_be_guessing

log = logging.getLogger(__name__)

SIGN_ON = "scr_sign_on"
"""The cookie of a browser that has left for the provider."""
MOST_BEGUN = 200
"""How many sign-ons an address may begin in a quarter of an hour: each of them asks the provider."""
ERRORS = {
    "access_denied": "You were not let in, or you broke off the sign-on; start again, or sign in with your password.",
    "login_required": "You are not signed in there; start again.",
    "temporarily_unavailable": "Single sign-on is overloaded; try again later.",
}
"""What a provider's answer means (RFC 6749, 4.1.2.1), where people can do something about it."""
_FAILED = "Single sign-on did not work; start again, and tell your administrator if it fails once more."


async def begin(request: Request) -> Response:
    """Leave for the provider."""
    provider, path = _provider(request), local_path(request.query_params.get("next", "/"))
    must_not_be_guessing(request, {f"begun from {request.client.host if request.client else ''}": MOST_BEGUN})
    sign_on = SignOn(secrets.token_urlsafe(32))
    try:
        there = await provider.leave_for(sign_on)
    except Refusal as refusal:
        return _told(request, refusal, path)
    await kept.begin(office(request).register, sign_on.token, path, now())
    response = to(there)
    # "lax": the provider sends people back from another site
    seconds, secure = int(kept.LONGEST.total_seconds()), office(request).secure
    response.set_cookie(
        SIGN_ON, sign_on.token, max_age=seconds, path=BACK, httponly=True, samesite="lax", secure=secure
    )
    return response


async def come_back(request: Request) -> Response:
    """Come back from the provider: find out who it is, and sign them in where they have an account."""
    provider = _provider(request)
    path = "/"
    try:
        sign_on = _begun(request)
        path = await kept.come_back(office(request).register, sign_on.token, now())
        token = await _signed_in(request, provider, sign_on)
    except Refusal as refusal:
        return _told(request, refusal, path)
    response = to(path)
    response.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=office(request).secure)
    response.delete_cookie(SIGN_ON, path=BACK)
    return response


async def ended(request: Request) -> Response:
    """Go on to the provider, after signing out here, so that its own session ends too."""
    try:
        there = await _provider(request).sign_out()
    except Unavailable as refusal:
        return _told(request, refusal, "/")
    if there is None:
        return to("/sign-in")
    response = page(request, "signed-out.html.j2", there=there)
    # A redirect would still belong to the form that signed out, which the policy keeps to this service.
    response.headers["Refresh"] = f"0; url={there}"
    return response


def _begun(request: Request) -> SignOn:
    """The sign-on that this browser has begun and that comes back now. Raises Refusal for any other."""
    sign_on = SignOn(request.cookies.get(SIGN_ON, ""))
    if not sign_on.token or not secrets.compare_digest(
        request.query_params.get("state", "").encode(), sign_on.state.encode()
    ):
        raise Refusal("This sign-on was not begun in this browser, or is over; start again.")
    return sign_on


async def _signed_in(request: Request, provider: Provider, sign_on: SignOn) -> str:
    """The token of a session of whoever the provider says it is. Raises Refusal where they may not sign in."""
    given, register = request.query_params, office(request).register
    if "code" not in given:
        error = given.get("error", "")
        code = error if error.isidentifier() and len(error) < 40 else "without a code"
        raise Refusal(ERRORS.get(error, _FAILED)) from ValueError(code)
    claims = await provider.claims(sign_on, given["code"])
    subject = str(claims["sub"])
    if not await kept.is_linked(register, provider.board, provider.issuer, subject):
        email = provider.email(claims).casefold()
        board = office(request).library.board(provider.board)
        people = [key for key, person in board.people.items() if person.email.casefold() == email]
        await kept.link(register, provider.board, people, provider.issuer, subject)
    return await kept.sign_in(register, provider.board, provider.issuer, subject, now())


def _provider(request: Request) -> Provider:
    """The provider; where there is none, there are no such pages."""
    provider = office(request).provider
    if provider is None:
        raise HTTPException(404)
    return provider


def _told(request: Request, refusal: Refusal, path: str) -> Response:
    """The page to sign in on, which says why single sign-on did not; the log has the cause, and nobody's name."""
    cause = " ".join(str(refusal.__cause__ or "").split())[:300]
    log.warning("single sign-on refused: %s%s", refusal, f" ({cause})" if cause else "")
    status = 503 if isinstance(refusal, Unavailable) else 422
    errors = [{"text": str(refusal), "href": "#single-sign-on"}]
    return page(request, "sign-in.html.j2", status, next=path, name="", errors=errors)


ROUTES = [
    Route("/sign-on", begin, methods=["GET"]),
    Route(BACK, come_back, methods=["GET"]),
    Route("/sign-on/ended", ended, methods=["GET"]),
]
