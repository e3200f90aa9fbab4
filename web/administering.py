"""Accounts, for a board's administrators: who may sign in, the links that let them, closing an account.

An administrator manages accounts and nothing else: what they see of cases follows from their roles, as for anybody.
"""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.access import Viewer
from models.board import Board
from models.refusal import Refusal
from register import accounts
from register.accounts import Account
from web.frame import address, form_of, now, office, page, refused, text_of, to, viewer


async def everybody(request: Request) -> Response:
    """The accounts of the board, and the form that invites somebody."""
    return page(request, "accounts.html.j2", **await _context(request, _administrator(request)))


async def invite(request: Request) -> Response:
    """Invite somebody, or give them a new link; the link is shown this once."""
    who, form = _administrator(request), await form_of(request)
    board, person = _board(request, who), text_of(form, "person")
    register, administrator = office(request).register, text_of(form, "administrator") == "yes"
    context = await _context(request, who) | {"chosen": person, "ticked": administrator}
    if person not in board.people:
        return refused(request, "accounts.html.j2", Refusal("Choose a person of your board."), "person", **context)
    if person == who.person:
        own = Refusal("You have an account; another administrator can give you a new link.")
        return refused(request, "accounts.html.j2", own, "person", **context)
    name = await accounts.name_for(register, board.id, person)
    try:
        token = await accounts.invite(register, name, board.id, person, now(), administrator=administrator)
    except Refusal as refusal:
        return refused(request, "accounts.html.j2", refusal, "person", **context)
    link = address(request, f"/welcome/{token}")
    return page(request, "account-invited.html.j2", name=name, person=board.people[person], link=link)


async def ask_close(request: Request) -> Response:
    """Whether an account is to be closed."""
    account = await _other(request, _administrator(request))
    return page(request, "account-close.html.j2", account=account)


async def close(request: Request) -> Response:
    """Close an account: it is signed out and signs in no more."""
    who = _administrator(request)
    await form_of(request)
    account = await _other(request, who)
    await accounts.close_account(office(request).register, account.name, now())
    return to("/accounts")


def _administrator(request: Request) -> Viewer:
    """The administrator who is signed in; for anybody else there is no such page."""
    who = viewer(request)
    if not who.administrator:
        raise HTTPException(404)
    return who


def _board(request: Request, who: Viewer) -> Board:
    return office(request).library.board(who.board)


async def _context(request: Request, who: Viewer) -> dict[str, Any]:
    board, found = _board(request, who), await accounts.accounts(office(request).register, who.board)
    people = sorted(board.people.items(), key=lambda one: (one[1].title.casefold(), one[1].name.casefold()))
    return {"accounts": found, "people": people, "chosen": "", "ticked": False}


async def _other(request: Request, who: Viewer) -> Account:
    """The open account of the address, of the administrator's own board and not their own."""
    found = await accounts.accounts(office(request).register, who.board)
    wanted = request.path_params["account"]
    account = next((one for one in found if one.name == wanted and one.open), None)
    if account is None or account.name == who.account:
        raise HTTPException(404)
    return account


ROUTES = [
    Route("/accounts", everybody, methods=["GET"]),
    Route("/accounts", invite, methods=["POST"]),
    Route("/accounts/{account}/close", ask_close, methods=["GET"]),
    Route("/accounts/{account}/close", close, methods=["POST"]),
]
