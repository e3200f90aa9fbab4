"""Signing in and out, the link that sets a password, and the limit on tries."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.refusal import Refusal
from register import accounts
from register.sealed import SealError
from web.frame import COOKIE, form_of, local_path, now, office, page, refused, text_of, to

MOST_TRIES = 10
"""How many wrong passwords a name has in a quarter of an hour, from one address or in one browser that knows it."""
MOST_FROM_ADDRESS, MOST_AS_NAME = 30, 100
"""How many an address has for all names, and a name from all addresses, in browsers that do not know the name."""
KNOWN = "scr_known"
"""The cookie of a browser in which somebody has signed in: their name, under seal."""
KNOWN_FOR = 365 * 24 * 3600
"""For how many seconds a browser is known."""


async def know_who(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Find out who is signed in, before any page is asked for."""
    token = request.cookies.get(COOKIE, "")
    found = await accounts.signed_in(office(request).register, token, now()) if token else None
    request.state.signed_in = found
    return await call_next(request)


async def ask(request: Request) -> Response:
    """The page to sign in on."""
    return page(request, "sign-in.html.j2", next=local_path(request.query_params.get("next", "/")), name="")


async def sign_in(request: Request) -> Response:
    """Sign in with name and password."""
    form, provider = await form_of(request), office(request).provider
    name, path = text_of(form, "name"), local_path(text_of(form, "next"))
    limits = _limits(request, name)
    must_not_be_guessing(request, limits)
    given, linked_too = form.get("password", ""), provider is None or provider.passwords
    password = given if isinstance(given, str) else ""
    found = await accounts.sign_in(office(request).register, name, password, now(), linked_too=linked_too)
    if found is None:
        wrong = Refusal("Name or password is wrong; check both, or ask your administrator for a new link.")
        return refused(request, "sign-in.html.j2", wrong, "name", next=path, name=name)
    office(request).tries.give_back(limits)
    response = to(path)
    response.set_cookie(COOKIE, found, httponly=True, samesite="lax", secure=office(request).secure)
    _know(request, response, name)
    return response


async def sign_out(request: Request) -> Response:
    """Sign out."""
    await form_of(request)
    elsewhere = await accounts.sign_out(office(request).register, request.cookies.get(COOKIE, ""))
    response = to("/sign-on/ended" if elsewhere and office(request).provider else "/sign-in")
    response.delete_cookie(COOKIE)
    return response


async def ask_password(request: Request) -> Response:
    """The page of the link with which a password is set."""
    return page(request, "set-password.html.j2", token=request.path_params["token"])


async def set_password(request: Request) -> Response:
    """Set a password, once."""
    form, token = await form_of(request), str(request.path_params["token"])
    given, again = str(form.get("password", "")), str(form.get("again", ""))
    if given != again:
        differ = Refusal("The two passwords are not the same; type the same one twice.")
        return refused(request, "set-password.html.j2", differ, "password", token=token)
    try:
        name = await accounts.set_password(office(request).register, token, given, now())
    except Refusal as refusal:
        return refused(request, "set-password.html.j2", refusal, "password", token=token)
    response = to("/sign-in")
    _know(request, response, name)
    return response


def must_not_be_guessing(request: Request, limits: Mapping[str, int]) -> None:
    """Count a try for each key. Raises HTTPException 429 where one of them has had as many as it may."""
    if not office(request).tries.take(limits):
        raise HTTPException(429)


def _limits(request: Request, name: str) -> dict[str, int]:
    """What a try to sign in is counted by.

    A browser that knows the name counts by itself: whoever types the name elsewhere cannot keep its owner out.
    """
    cookie, address = request.cookies.get(KNOWN, ""), request.client.host if request.client else ""
    if name and _known(request, cookie) == name:
        return {f"in {_short(cookie)}": MOST_TRIES}
    named = _short(name)
    return {f"{named} from {address}": MOST_TRIES, f"from {address}": MOST_FROM_ADDRESS, f"as {named}": MOST_AS_NAME}


def _know(request: Request, response: Response, name: str) -> None:
    """Have the browser know a name whose owner has shown that they are at it."""
    sealed = urlsafe_b64encode(office(request).register.ring.seal(name.encode(), KNOWN)).decode()
    secure = office(request).secure
    response.set_cookie(KNOWN, sealed, max_age=KNOWN_FOR, httponly=True, samesite="lax", secure=secure)


def _known(request: Request, cookie: str) -> str | None:
    """The name that a browser knows; None where its cookie is not one of ours."""
    try:
        return office(request).register.ring.unseal(urlsafe_b64decode(cookie.encode()), KNOWN).decode()
    except (SealError, ValueError):
        return None


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()  # names are as long as somebody likes


ROUTES = [
    Route("/sign-in", ask, methods=["GET"]),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/welcome/{token}", ask_password, methods=["GET"]),
    Route("/welcome/{token}", set_password, methods=["POST"]),
]
