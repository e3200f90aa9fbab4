"""How a decision goes from a form into its case: form, check of the answers with what will follow, confirmation.

One way for every kind. The id is made when the form is first shown and stays with it: a double click, the back button
and a second send have one effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import filing
import starter
from models import access
from models.anonymity import Report
from models.case import Case
from models.decisions import Assign, Decide, Decision, DecisionAdapter, Recuse, Searched
from models.gates import to_search
from models.procedure import Step, faults_of
from models.refusal import Refusal
from starter import Unreachable
from web import following
from web.fields import Faults, at_first, read, said, typed_of
from web.forms import Desk, Form
from web.frame import Seen, form_of, now, office, page, text_of, to, today, viewer

SENT_BEFORE = (
    "This form was sent before, with other answers, and those were taken in. Open the page of the case again for "
    "another decision."
)
DOWN = (
    "The engine does not answer, so it is not known whether this was taken in. Nothing that you typed is lost: send it "
    "again in a while. However often it is sent, it has one effect."
)
LOOK = "Look at each of the places that the search found, and say that you have."
OTHERS = "The search finds other places than those that you looked at: look again at what it finds now."


@dataclass(frozen=True)
class Sent:
    """A form that is being filled in: what was typed, and the id of the decision that it becomes."""

    desk: Desk
    form: Form
    id: str = field(default_factory=lambda: str(uuid4()))
    typed: Mapping[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> Seen:
        """The case as the viewer sees it."""
        return self.desk.seen


def desk_of(request: Request, one: Seen) -> Desk:
    """Where the viewer of a case fills in forms."""
    who = viewer(request)
    library = office(request).library
    return Desk(one, library.board(who.board), who.person, today(), library)


def id_of(form: FormData) -> str:
    """The id of the decision that a form carries. Raises HTTPException 403 for a form that is none of ours."""
    try:
        return str(UUID(text_of(form, "id")))
    except ValueError as error:
        raise HTTPException(403) from error


async def first(request: Request, one: Seen, form: Form) -> Response:
    """The form, empty but for what the address chooses."""
    typed = at_first(form.fields)
    asked = request.query_params
    typed |= {f.name: asked[f.name] for f in form.fields if f.name in asked and asked[f.name] in f.choices}
    return show(request, Sent(desk_of(request, one), form, typed=typed))


async def sent_of(request: Request, one: Seen, form: Form) -> tuple[Sent, FormData]:
    """What was sent, read by the fields of the form and by nothing else."""
    data = await form_of(request)
    typed = typed_of(form.fields, lambda name: text_of(data, name))
    return Sent(desk_of(request, one), form, id_of(data), typed), data


async def give(request: Request, one: Seen, form: Form) -> Response:
    """Take one of the steps that the form asks for: change the answers, check them, confirm them."""
    sent, data = await sent_of(request, one, form)
    if text_of(data, "stage") == "form":
        return show(request, sent)
    try:
        decision = decision_of(sent)
        if following.taken_in(one.events, sent.id):
            return repeated(sent, decision)
        decision, reports = await search(request, one, decision)
        following.trial(one.case, decision, now())
        if text_of(data, "stage") != "confirm":
            return check(request, sent, decision, reports)
        return await confirm(request, sent, decision, reports, data)
    except Refusal as refusal:
        return refuse(request, sent, refusal)


def decision_of(sent: Sent) -> Decision:
    """The decision that a form says. Raises Refusal."""
    try:
        return DecisionAdapter.validate_python(given_by(sent))
    except ValidationError as error:
        raise Faults(*(_fault(line, sent.form) for line in faults_of(error))) from error


def given_by(sent: Sent) -> dict[str, Any]:
    """The fields of the decision; who sends it is who is signed in, whatever the form says. Raises Refusal."""
    answers = read(sent.form.fields, sent.typed)
    person = sent.desk.person
    by = answers.pop("by", person)
    who = {"by": by, "recorded_by": None if by == person else person}
    return {**sent.form.make(answers), **who, "kind": sent.form.kind, "id": sent.id}


def _fault(line: str, form: Form) -> tuple[str, str]:
    place, _, words = line.removeprefix(f"{form.kind}.").partition(": ")
    words = words.removeprefix("value error, ")
    named = next((one for one in form.fields if one.name == place), None)
    return (place, f"{named.label}: {words}.") if named else ("", f"{words[:1].upper()}{words[1:]}.")


async def search(
    request: Request, one: Seen, decision: Decision
) -> tuple[Decision, dict[str, tuple[Report, int]] | None]:
    """The decision with the search that its outcome asks for, and what is found by document with the count."""
    record = one.case.steps.get(decision.step) if isinstance(decision, Decide) else None
    step = one.case.procedure.steps.get(record.step) if record else None
    if not isinstance(decision, Decide) or not isinstance(step, Step) or decision.outcome not in step.searches:
        return decision, None
    documents = to_search(one.case, step, decision.outcome)
    if not all(access.sees_document(one.sight, fact) for fact in documents.values()):
        raise Refusal("What the search finds is for those who see these documents; let one of them decide this.")
    desk = office(request)
    reports = await filing.search(desk.register, desk.library, one.case, documents)
    found = {key: (report, filing.places(report)) for key, report in reports.items()}
    searched = tuple(Searched(document=k, sha256=f.sha256, hits=found[k][1]) for k, f in documents.items())
    return decision.model_copy(update={"searched": searched}), found


async def confirm(
    request: Request,
    sent: Sent,
    decision: Decision,
    reports: dict[str, tuple[Report, int]] | None,
    data: FormData,
) -> Response:
    """Send the decision to its case. Where the engine does not answer, everything stays on the page."""
    looked = sum(places for _, places in reports.values()) if reports else 0
    if reports is not None and text_of(data, "found") != str(looked):
        return check(request, sent, decision, reports, 409, OTHERS)
    if looked and text_of(data, "looked") != "yes":
        return check(request, sent, decision, reports, 422, LOOK)
    here, reference = office(request), sent.seen.reference
    try:
        engine = await here.engine()
        if isinstance(decision, Decide) and reports is not None:  # the case itself refuses what lacks a search
            decision = await filing.with_search(engine, here.register, here.library, reference, decision, looked)
        await starter.decide(engine, here.register, reference, decision)
    except Unreachable:
        return check(request, sent, decision, reports, 503, DOWN)
    except Refusal as refusal:
        return await overtaken(request, sent, decision) or refuse(request, sent, refusal)
    return done(request, sent, decision)


async def overtaken(request: Request, sent: Sent, decision: Decision) -> Response | None:
    """The page of a step that somebody else has decided meanwhile, which the register may not know yet."""
    if not isinstance(decision, Decide):
        return None
    try:
        case = (await starter.ask(await office(request).engine(), sent.seen.reference)).case
    except (Refusal, Unreachable):
        return None
    sight = access.sight(case, viewer(request), emergency=sent.seen.sight.emergency)
    record = case.steps.get(decision.step)
    if sight is None or record is None or record.state == "open" or not access.sees_step(sight, record):
        return None
    return settled(request, sent.seen, case, decision.step, 409)


def done(request: Request, sent: Sent, decision: Decision) -> Response:
    """Go on to what follows; to no case for those who have just left it."""
    leaves = isinstance(decision, Recuse) or (isinstance(decision, Assign) and decision.stands_down)
    if leaves and decision.person == sent.desk.person:  # type: ignore[union-attr]
        text = "What you gave up is written down. What you may not see any more is no longer shown to you."
        return page(request, "error.html.j2", title="Taken in", text=text)
    return to(f"/cases/{sent.seen.reference}/taken/{sent.id}")


def repeated(sent: Sent, decision: Decision) -> Response:
    """A form that has been taken in and is sent again: the same page as the first time. Raises Refusal."""
    known = following.taken_in(sent.seen.events, sent.id)
    assert known is not None
    plain = known.decision.model_copy(update={"searched": ()} if isinstance(known.decision, Decide) else {})
    if plain != decision:
        raise Refusal(SENT_BEFORE)
    return to(f"/cases/{sent.seen.reference}/taken/{sent.id}")


# ---- pages ------------------------------------------------------------------------------------------------------


def show(request: Request, sent: Sent, status: int = 200, faults: tuple[tuple[str, str], ...] = ()) -> Response:
    """The form with what was typed, and what is wrong with it."""
    anchors = {field.name: field.anchor for field in sent.form.fields}
    errors = [{"text": words, "href": f"#{anchors.get(name, 'form')}"} for name, words in faults]
    context = {"sent": sent, "form": sent.form, "typed": sent.typed, "faults": dict(faults), "errors": errors}
    return page(request, "decide-form.html.j2", status, reference=sent.seen.reference, **context)


def refuse(request: Request, sent: Sent, refusal: Refusal, status: int = 422) -> Response:
    """The form again, with the refusal's words at its head."""
    if isinstance(refusal, Faults):
        return show(request, sent, status, refusal.faults)
    words = following.plainly(sent.seen.case, sent.desk.board, refusal)
    return show(request, sent, status, tuple(("", line) for line in words.splitlines()))


def check(
    request: Request,
    sent: Sent,
    decision: Decision,
    reports: dict[str, tuple[Report, int]] | None,
    status: int = 200,
    fault: str = "",
) -> Response:
    """The answers and what will follow from them, by the same code that the case uses."""
    case, events = following.trial(sent.seen.case, decision, now())
    answers = read(sent.form.fields, sent.typed)
    rows = [(one, said(one, answers.get(one.name))) for one in sent.form.fields]
    context = {
        "sent": sent,
        "form": sent.form,
        "rows": rows,
        "follows": following.consequences(case, events, sent.seen.sight, sent.desk.board),
        "reports": reports,
        "found": sum(places for _, places in reports.values()) if reports else 0,
        "errors": [{"text": fault, "href": "#looked" if fault == LOOK else "#confirm"}] if fault else [],
    }
    return page(request, "check-answers.html.j2", status, reference=sent.seen.reference, **context)


def settled(request: Request, one: Seen, case: Case, key: str, status: int = 200) -> Response:
    """A step that is not to be decided now: by whom it was, when and how, or why it is not owed."""
    desk = desk_of(request, one)
    record = case.steps[key]
    standing = following.last_decided(case, key)
    step = case.procedure.steps.get(record.step)
    outcome = step.outcomes.get(record.outcome or "", "Done") if step else "Done"
    people = [following.with_title(desk.board, who) for who in following.who_decided(standing)]
    context = {"record": record, "standing": standing, "outcome": outcome, "people": people, "group": step is None}
    may = desk.manages or record.owner in one.sight.roles
    return page(
        request,
        "decide-settled.html.j2",
        status,
        reference=one.reference,
        case=case,
        may=may,
        manages=desk.manages,
        **context,
    )


def not_yours(desk: Desk, owner: str) -> str | None:
    """Why the viewer cannot decide a step, where they can do so neither for themselves nor for others."""
    if desk.manages or owner in desk.seen.sight.roles:
        return None
    holders = desk.people(desk.case.facts.holders.get(owner, ()))
    return f"It is for {' or '.join(holders.values())}." if holders else "Nobody holds the role yet that decides it."
