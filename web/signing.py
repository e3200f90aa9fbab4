"""Signing in and out, the link that sets a password, and the limit on tries."""

import time
from collections import defaultdict, deque

from starlette.exceptions import HTTPException
from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.refusal import Refusal
from register import accounts
from web.frame import COOKIE, form_of, local_path, now, office, page, refused, text_of, to

MOST_TRIES, WINDOW = 10, 900.0
"""How many wrong passwords an address or an account has in so many seconds."""

_tries: defaultdict[str, deque[float]] = defaultdict(deque)


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
    form = await form_of(request)
    name, path = text_of(form, "name"), local_path(text_of(form, "next"))
    keys = (f"from {request.client.host if request.client else ''}", f"as {name}")
    _must_not_be_guessing(*keys)
    password = form.get("password", "")
    found = await accounts.sign_in(office(request).register, name, password if isinstance(password, str) else "", now())
    if found is None:
        for key in keys:
            _tries[key].append(time.monotonic())
        wrong = Refusal("Name or password is wrong; check both, or ask your administrator for a new link.")
        return refused(request, "sign-in.html.j2", wrong, "name", next=path, name=name)
    response = to(path)
    response.set_cookie(COOKIE, found, httponly=True, samesite="lax", secure=office(request).secure)
    return response


async def sign_out(request: Request) -> Response:
    """Sign out."""
    await form_of(request)
    await accounts.sign_out(office(request).register, request.cookies.get(COOKIE, ""))
    response = to("/sign-in")
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
        await accounts.set_password(office(request).register, token, given, now())
    except Refusal as refusal:
        return refused(request, "set-password.html.j2", refusal, "password", token=token)
    return to("/sign-in")


def _must_not_be_guessing(*keys: str) -> None:
    for key in keys:
        tries = _tries[key]
        while tries and tries[0] < time.monotonic() - WINDOW:
            tries.popleft()
        if len(tries) >= MOST_TRIES:
            raise HTTPException(429)


ROUTES = [
    Route("/sign-in", ask, methods=["GET"]),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/welcome/{token}", ask_password, methods=["GET"]),
    Route("/welcome/{token}", set_password, methods=["POST"]),
]
