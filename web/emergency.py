"""Opening a case in an emergency: for somebody of the board who holds no role in it, with a reason, for one hour."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import access
from models.refusal import Refusal
from register import accounts
from web.frame import form_of, now, office, page, refused, text_of, to, viewer

SHORTEST, LONGEST = 10, 1_000
"""Characters of a reason."""
REFUSED = "emergency access refused"
"""What is written down where somebody tried to who may not."""


async def ask(request: Request) -> Response:
    """The form."""
    viewer(request)
    return page(request, "emergency.html.j2", reference=request.query_params.get("reference", "")[:40], because="")


async def open_case(request: Request) -> Response:
    """Open a case with a reason, which is written down before anything is shown."""
    who, form = viewer(request), await form_of(request)
    reference, because = text_of(form, "reference")[:40].upper(), text_of(form, "because")
    given = {"reference": reference, "because": because}
    if not SHORTEST <= len(because) <= LONGEST:
        short = Refusal(f"Say in {SHORTEST} to {LONGEST:,} characters why you must see this case now.")
        return refused(request, "emergency.html.j2", short, "because", **given, field="because")
    register = office(request).register
    known = await register.known(reference)
    case = known.case if known else None
    if case is None or access.sight(case, who, emergency=True) is None:
        if case is not None:
            await accounts.note_read(register, who, reference, REFUSED, now(), because)
        none = Refusal("There is no such case, or it is not for you. Check the reference.")
        return refused(request, "emergency.html.j2", none, "reference", **given, field="reference")
    plain = access.sight(case, who)
    if plain is None or not plain.whole:
        await accounts.note_read(register, who, reference, accounts.EMERGENCY, now(), because)
    return to(f"/cases/{reference}")


ROUTES = [
    Route("/emergency", ask, methods=["GET"]),
    Route("/emergency", open_case, methods=["POST"]),
]
