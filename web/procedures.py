"""The procedures as the tables of the guidance, with their remarks and the text of a diagram."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.procedure import Procedure
from models.refusal import Refusal
from models.show import mermaid, remarks, table
from web.documents import attachment
from web.frame import office, page, viewer


async def procedures(request: Request) -> Response:
    """The procedures there are; of a faulty one, what is wrong with it."""
    board = viewer(request).board
    library = office(request).library
    rows: list[tuple[str, Procedure | None, str]] = []
    for name in library.procedures():
        try:
            rows.append((name, library.procedure(name), ""))
        except Refusal as refusal:
            rows.append((name, None, str(refusal)))
    return page(request, "procedures.html.j2", rows=rows, own=library.board(board).procedure)


async def one_procedure(request: Request) -> Response:
    """A procedure as a table, as a list of what follows what, and as the text of a diagram."""
    shown = _procedure(request)
    follows = {
        step.id: [
            (words if len(step.outcomes) > 1 else "", started.title)
            for outcome, words in [("", ""), *step.outcomes.items()]
            for started in shown.started_by(f"{step.id}.{outcome}".rstrip("."))
        ]
        for step in shown.step
    }
    context = {"rows": table(shown), "remarks": remarks(shown), "diagram": mermaid(shown), "follows": follows}
    return page(request, "procedures-one.html.j2", shown=shown, **context)


async def diagram(request: Request) -> Response:
    """The text of the diagram as a file."""
    shown = _procedure(request)
    return attachment(mermaid(shown).encode(), f"{shown.id}.mmd", "text/plain; charset=utf-8")


def _procedure(request: Request) -> Procedure:
    viewer(request)
    try:
        return office(request).library.procedure(str(request.path_params["id"]))
    except Refusal as missing:  # there is none, or the list says what is wrong with it
        raise HTTPException(404) from missing


ROUTES = [
    Route("/procedures", procedures),
    Route("/procedures/{id}", one_procedure),
    Route("/procedures/{id}/diagram", diagram),
]
