"""What else is decided in a case: dates, roles, agencies, the action plan, its end; and documents filed."""

from datetime import UTC, datetime
from pathlib import PurePosixPath

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import filing
from models.refusal import Refusal
from starter import Unreachable
from web import forms, giving
from web.fields import Faults
from web.frame import Seen, office, page, seen, to

LONGEST_NAME = 200
"""Characters of a file's name that are kept."""
DOWN = "The engine does not answer; your answers are kept. Choose the file again and send it in a while."
CHOOSE = "File: choose one."


async def listed(request: Request) -> Response:
    """The changes that the viewer may make."""
    one = await seen(request, "changes")
    desk = giving.desk_of(request, one)
    choices = {kind: forms.KINDS[kind](desk) for kind in forms.offered(desk)}
    return page(request, "change.html.j2", reference=one.reference, choices=choices)


async def change(request: Request) -> Response:
    """The form of one kind of change."""
    kind = str(request.path_params["kind"])
    if kind not in forms.KINDS:
        raise HTTPException(404)
    one = await seen(request, f"form to {kind}")
    desk = giving.desk_of(request, one)
    form = forms.KINDS[kind](desk)
    if request.method == "POST":
        return await (file(request, one, form) if kind == "file" else giving.give(request, one, form))
    if kind not in forms.offered(desk):
        raise HTTPException(404)
    return await giving.first(request, one, form)


async def file(request: Request, one: Seen, form: forms.Form) -> Response:
    """File a document at once: a browser does not send a file twice, and nothing but another version follows."""
    sent, data = await giving.sent_of(request, one, form)
    here = office(request)
    try:
        given = giving.given_by(sent)
        content, name = await _content(data)
        await filing.file(await here.engine(), here.register, one.reference, given, content, name, datetime.now(UTC))
    except Unreachable:
        return giving.show(request, sent, 503, (("file", DOWN),))
    except Refusal as refusal:
        return giving.refuse(request, sent, refusal)
    finally:
        await data.close()
    return to(f"/cases/{one.reference}/taken/{sent.id}")


async def _content(data: FormData) -> tuple[bytes, str]:
    upload = data.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        raise Faults(("file", CHOOSE))
    name = PurePosixPath(upload.filename.replace("\\", "/")).name[-LONGEST_NAME:]
    return await upload.read(), name


ROUTES = [
    Route("/cases/{reference}/change", listed, methods=["GET"], name="changes"),
    Route("/cases/{reference}/change/{kind}", change, methods=["GET", "POST"], name="change"),
]
