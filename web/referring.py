"""A referral question by question: begun, put aside and taken up again, looked through, sent."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import starter
from models.board import Board
from models.criteria import A_PERSON_DECIDES, criteria, limbs
from models.refusal import Refusal
from register import drafts
from register.drafts import Draft
from web.frame import form_of, now, office, page, refused, text_of, to, today, viewer
from web.questions import Question, procedure_of, questions, referral_of

MOST_DRAFTS = 20
"""How many referrals somebody may have begun at a time."""


async def begun(request: Request) -> Response:
    """The referrals that somebody has begun, and those that they have sent."""
    found = await drafts.drafts(office(request).register, viewer(request).account)
    return page(request, "refer.html.j2", drafts=found)


async def begin(request: Request) -> Response:
    """Begin a referral."""
    who = viewer(request)
    await form_of(request)
    register = office(request).register
    found = await drafts.drafts(register, who.account)
    if sum(_is_open(draft) for draft in found) >= MOST_DRAFTS:
        many = Refusal(f"You have begun {MOST_DRAFTS} referrals already; send one or throw one away first.")
        return refused(request, "refer.html.j2", many, "begun", drafts=found)
    return to(f"/refer/{await drafts.begin(register, who.account, now())}")


async def tasks(request: Request) -> Response:
    """What has been answered of a referral, and what has not."""
    draft = await _draft(request)
    if "filed" in draft.content:
        return page(request, "refer-filed.html.j2", draft=draft)
    if draft.content.get("sent"):
        return to(f"/refer/{draft.id}/check")
    given, asked = _given(draft), _questions(request, draft)
    sections = list(dict.fromkeys(question.section for question in asked))
    answered = [question.id for question in asked if question.is_answered(given)]
    context = {"given": given, "asked": asked, "sections": sections, "answered": answered}
    return page(request, "refer-tasks.html.j2", draft=draft, **context)


async def ask(request: Request) -> Response:
    """One question, with what was answered before."""
    draft = await _open_draft(request)
    question = _question(request, draft)
    again = request.query_params.get("then") == "check"
    typed = _given(draft).get(question.id, {})
    return page(request, "refer-question.html.j2", draft=draft, question=question, typed=typed, faults={}, again=again)


async def answer(request: Request) -> Response:
    """Keep an answer, and go on to the next question; what cannot be right is kept too where somebody will return."""
    form = await form_of(request)
    draft = await _open_draft(request)
    question = _question(request, draft)
    typed, faults = question.typed(form), question.faults(question.typed(form))
    later, again = text_of(form, "then") == "later", text_of(form, "again") == "check"
    if faults and not later:
        errors = [{"text": fault, "href": f"#{_anchor(question, name)}"} for name, fault in faults.items()]
        context = {"draft": draft, "question": question, "typed": typed, "faults": faults, "again": again}
        return page(request, "refer-question.html.j2", 422, errors=errors, **context)
    if any(typed.values()) or not faults:
        kept = draft.content | {"answers": _given(draft) | {question.id: typed}}
        await drafts.keep(office(request).register, viewer(request).account, draft.id, kept, now())
        draft = draft._replace(content=kept)
    return to(f"/refer/{draft.id}" if later else _next(request, draft, question, again=again))


async def look_through(request: Request) -> Response:
    """All answers, the limbs of the criteria that the facts meet, and the button that sends the referral."""
    draft = await _draft(request)
    return page(request, "refer-check.html.j2", **_to_check(request, draft))


async def send(request: Request) -> Response:
    """File the referral and open its case. Where the engine is down, the draft stays and the page says so."""
    await form_of(request)
    draft, who, own = await _draft(request), viewer(request), office(request)
    if "filed" in draft.content:
        return to(f"/refer/{draft.id}")
    context = _to_check(request, draft)
    try:
        referral = referral_of(_board(request), context["asked"], _given(draft))
        engine = await own.engine()
        # From here it may be filed: what is sent again must be the same, so that no second referral is filed.
        await drafts.keep(own.register, who.account, draft.id, draft.content | {"sent": True}, now())
        reference = await starter.refer(engine, own.register, own.library, referral)
    except starter.Unreachable:
        context["draft"] = await _draft(request)
        return page(request, "refer-check.html.j2", 503, down=True, **context)
    except Refusal as refusal:
        await drafts.keep(own.register, who.account, draft.id, draft.content | {"sent": False}, now())
        return refused(request, "refer-check.html.j2", refusal, "answers", **context)
    await drafts.keep(own.register, who.account, draft.id, {"filed": reference}, now())
    return to(f"/refer/{draft.id}")


async def ask_away(request: Request) -> Response:
    """Whether a draft is to be thrown away."""
    return page(request, "refer-away.html.j2", draft=await _open_draft(request))


async def throw_away(request: Request) -> Response:
    """Throw a draft away."""
    await form_of(request)
    draft = await _open_draft(request)
    await drafts.throw_away(office(request).register, viewer(request).account, draft.id)
    return to("/refer")


async def _draft(request: Request) -> Draft:
    """The draft of the address; 404 where the one who is signed in has none such."""
    found = await drafts.draft(office(request).register, viewer(request).account, request.path_params["draft"])
    if found is None:
        raise HTTPException(404)
    return found


async def _open_draft(request: Request) -> Draft:
    """A draft that can still be changed."""
    draft = await _draft(request)
    if not _is_open(draft):
        raise HTTPException(404)
    return draft


def _is_open(draft: Draft) -> bool:
    return "filed" not in draft.content and not draft.content.get("sent")


def _given(draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] = draft.content.get("answers", {})
    return found


def _board(request: Request) -> Board:
    return office(request).library.board(viewer(request).board)


def _questions(request: Request, draft: Draft) -> list[Question]:
    return questions(office(request).library, _board(request), today(), _given(draft))


def _question(request: Request, draft: Draft) -> Question:
    wanted = request.path_params["question"]
    found = next((question for question in _questions(request, draft) if question.id == wanted), None)
    if found is None:
        raise HTTPException(404)
    return found


def _anchor(question: Question, name: str) -> str:
    """The id of a field's first control."""
    field = next(field for field in question.fields if field.name == name)
    return f"{name}-day" if field.kind == "date" else name


def _next(request: Request, draft: Draft, question: Question, *, again: bool) -> str:
    """Where to go after an answer: to the next question that has none, else to look through all."""
    asked, given = _questions(request, draft), _given(draft)
    after = asked[[other.id for other in asked].index(question.id) + 1 :]
    left = next((other for other in after if not other.is_answered(given)), None)
    return f"/refer/{draft.id}/check" if again or left is None else f"/refer/{draft.id}/ask/{left.id}"


def _to_check(request: Request, draft: Draft) -> dict[str, Any]:
    """What the page shows on which all answers are looked through."""
    asked, given = _questions(request, draft), _given(draft)
    context: dict[str, Any] = {"draft": draft, "asked": asked, "given": given}
    context["left"] = [question for question in asked if not question.is_answered(given)]
    if not context["left"]:
        referral = referral_of(_board(request), asked, given)
        if procedure_of(office(request).library, _board(request), given).child:
            context |= {"limbs": limbs(referral.facts), "together": criteria(referral.facts), "says": A_PERSON_DECIDES}
    return context


ROUTES = [
    Route("/refer", begun, methods=["GET"]),
    Route("/refer", begin, methods=["POST"]),
    Route("/refer/{draft}", tasks, methods=["GET"]),
    Route("/refer/{draft}/ask/{question}", ask, methods=["GET"]),
    Route("/refer/{draft}/ask/{question}", answer, methods=["POST"]),
    Route("/refer/{draft}/check", look_through, methods=["GET"]),
    Route("/refer/{draft}/check", send, methods=["POST"]),
    Route("/refer/{draft}/throw-away", ask_away, methods=["GET"]),
    Route("/refer/{draft}/throw-away", throw_away, methods=["POST"]),
]
