"""How the command line prints: tables for people, one JSON value for programs."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from models.procedure import Procedure
from models.show import table as procedure_table
from models.timescale import Counted, Day, Period, days_between, earliest, exact, local_date, say
from register.history import in_words

if TYPE_CHECKING:
    from models.events import Event
    from models.messages import Answer
    from register.audit import Fault, Head
    from register.queries import CaseView, LetterView, StepView
    from rehearsal import Rehearsal

ZONE = "Europe/London"


def _console() -> Console:
    """Where tables go; without a terminal they are given room instead of being folded to 80 columns."""
    return Console(width=None if sys.stdout.isatty() else 150, highlight=False)


def as_json(value: Any) -> None:
    """Print one JSON value."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _table(*columns: str, title: str | None = None, whole: Sequence[str] = ()) -> Table:
    """A table; the columns of `whole` are never folded, so that what stands there can be copied."""
    shown = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold", no_wrap=column in whole)
    return shown


def _rows(shown: Table, rows: Iterable[Sequence[Any]]) -> None:
    for row in rows:
        shown.add_row(*(escape(str(cell)) if cell is not None else "" for cell in row))
    _console().print(shown)


def day(value: Day | None) -> str:
    """A day as people read it in a table: "Mon 8 Jul 2013"; a partial one as it is."""
    if value is None:
        return ""
    known = exact(value)
    return known.strftime("%a %-d %b %Y") if known else str(value)


@contextmanager
def progress(total: int, title: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A progress bar on stderr for long work; the function given is called once a piece."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task(title, total=total)
        yield lambda what: bar.update(task, advance=1, description=escape(what))


# ---- dates and procedures -------------------------------------------------------------------------------------------


def due(counted: Counted, period: Period, json_wanted: bool) -> None:
    """A counted date: due, act by, because. An hours' period gives the moment too."""
    moment = counted.due_at.isoformat() if period.unit == "hours" else None
    if json_wanted:
        value = {"due": counted.due, "act_by": counted.act_by, "because": counted.because}
        as_json(value | ({"moment": moment} if moment else {}))
        return
    print(f"Due     {say(counted.due)}{f' ({moment})' if moment else ''}")
    print(f"Act by  {say(counted.act_by)}")
    print(counted.because)


def procedures(known: Sequence[Procedure], json_wanted: bool) -> None:
    """The procedures there are."""
    if json_wanted:
        as_json([{"id": p.id, "title": p.title, "version": p.version, "steps": len(p.step)} for p in known])
        return
    _rows(_table("Id", "Title", "Version", "Steps"), [(p.id, p.title, p.version, len(p.step)) for p in known])


def procedure(shown: Procedure) -> None:
    """A procedure as the table of the guidance."""
    columns = ("Row", "Step", "What", "Who", "After", "Timescale", "Letters", "Outcomes")
    _rows(_table(*columns, title=f"{shown.title} ({shown.id})"), procedure_table(shown))


# ---- cases ----------------------------------------------------------------------------------------------------------


def referred(reference: str, json_wanted: bool) -> None:
    """The reference that a referral has been given."""
    if json_wanted:
        as_json({"reference": reference})
    else:
        print(f"The referral is filed as {reference}. `scr case {reference}` shows what the case waits for.")


def cases(found: "Sequence[CaseView]", today: date, json_wanted: bool) -> None:
    """A list of cases."""
    if json_wanted:
        as_json([view.model_dump(mode="json") | {"overdue": view.is_overdue(today)} for view in found])
        return
    shown = _table("Case", "Procedure", "Stage", "Next due", "", "Waits for")
    rows = [
        (v.reference, v.procedure, v.stage, day(v.next_due), _overdue(v.next_due, today), ", ".join(v.waiting_for))
        for v in found
    ]
    _rows(shown, rows)


def _overdue(due_on: date | None, today: date) -> str:
    late = days_between(due_on, today) if due_on else 0
    return f"{late} {'day' if late == 1 else 'days'} overdue" if late > 0 else ""


def case(view: "CaseView", steps: "Sequence[StepView]", today: date) -> None:
    """A case: where it is, what it waits for, what is done."""
    print(f"{view.reference}  {view.procedure_title}  ({view.board})")
    ended = f"closed, {view.how}" if view.state == "closed" else view.stage
    print(f"Notified {day(view.notified_on)}. Now: {ended}.\n")
    owed = [s for s in steps if s.state == "open"]
    shown = _table("Due", "Act by", "", "Step", "Whose turn", "What", title="Waits for", whole=("Due", "Act by", "Step"))
    rows = [(day(s.due), day(s.act_by), _overdue(s.due, today), s.key, s.owner, f"{s.title} ({s.row})") for s in owed]
    _rows(shown, rows)
    past = sorted((s for s in steps if s.state != "open"), key=lambda s: str(s.met_on))
    shown = _table("Done", "Due", "Step", "Outcome", "What", title="Done", whole=("Done", "Due", "Step"))
    _rows(shown, [(day(s.met_on), day(s.due), s.key, _outcome(s), f"{s.title} ({s.row})") for s in past])


def _outcome(step: "StepView") -> str:
    if step.state == "withdrawn":
        return "no longer owed"
    return ", ".join([step.outcome or "", *([f"{step.late_by} days late"] if step.late_by else [])])


def why(events: "Sequence[Event]") -> None:
    """How the date of each step was worked out, the latest reasoning of each."""
    reasons = {e.step: e.because for e in events if e.kind in ("started", "moved")}
    for key, because in reasons.items():
        print(f"{key}\n    {because}")


def history(events: "Sequence[Event]") -> None:
    """Everything that happened; decisions with their ids."""
    shown = _table("No", "On", "What", "Step", "In words", "Decision id")
    ids = (e.decision.id if hasattr(e, "decision") and not isinstance(e.decision, str) else "" for e in events)
    _rows(shown, [(e.seq, day(e.on), e.kind, e.step, in_words(e), i) for e, i in zip(events, ids, strict=True)])


def case_as_json(view: "CaseView", steps: "Sequence[StepView]", events: "Sequence[Event]") -> None:
    """A case as one JSON object."""
    as_json(
        {
            "case": view.model_dump(mode="json"),
            "deadlines": [step.model_dump(mode="json") for step in steps],
            "events": [event.model_dump(mode="json", exclude={"opening"}) for event in events],
        }
    )


def letters(found: "Sequence[LetterView]", folder: Path, json_wanted: bool) -> None:
    """The letters of a case; those that went lie in the folder as e-mail files."""
    if json_wanted:
        as_json([view.model_dump(mode="json") for view in found])
        return
    shown = _table("Letter", "State", "Why not")
    _rows(shown, [(v.letter, v.state, v.because) for v in found])
    if folder.is_dir():
        print(f"Those that were sent lie in {folder}, as LETTER.eml.")


def answer(reference: str, decision_id: str, given: "Answer", json_wanted: bool) -> None:
    """What a decision led to."""
    if json_wanted:
        as_json({"reference": reference, "decision": decision_id, **given.model_dump(mode="json")})
        return
    if given.last < given.first:
        print(f"{reference}: this decision was taken in before; nothing changed.")
        return
    print(f"{reference}: taken in (decision {decision_id}).")
    for line in given.follows:
        print(f"  {line}")


# ---- the register and the calendar ----------------------------------------------------------------------------------


def audit(faults: "Sequence[Fault]", heads: "Sequence[Head]", json_wanted: bool) -> None:
    """What is wrong with the chain, and the heads to be kept elsewhere."""
    if json_wanted:
        as_json({"faults": [fault._asdict() for fault in faults], "heads": [head._asdict() for head in heads]})
        return
    for fault in faults:
        print(fault.text, file=sys.stderr)
    _rows(_table("Case", "Last event", "Hash"), [tuple(head) for head in heads])
    if not faults:
        print(f"Nothing wrong in {len(heads)} {'case' if len(heads) == 1 else 'cases'}.")


def restored(references: Sequence[str], json_wanted: bool) -> None:
    """The cases that were started again."""
    if json_wanted:
        as_json({"restored": list(references)})
    else:
        print(f"Started again: {', '.join(references)}." if references else "Every open case runs already.")


def proclaimed(on: date, name: str, answers: "Mapping[str, Answer]", json_wanted: bool) -> None:
    """What a proclaimed day moved."""
    if json_wanted:
        as_json({"day": on, "name": name, "cases": {k: v.model_dump(mode="json") for k, v in answers.items()}})
        return
    print(f"{say(on)}, {name}, is a non-working day now. Open cases counted anew: {len(answers)}.")
    for reference, given in answers.items():
        for line in given.follows:
            print(f"  {reference}: {line}")


# ---- rehearsals -----------------------------------------------------------------------------------------------------


def rehearsal(played: "Rehearsal", json_wanted: bool) -> None:
    """A rehearsed story: each event with its date, the letters, the due dates."""
    if json_wanted:
        as_json(played.as_json())
        return
    print(f"{played.title}\n")
    for event in played.events:
        moment = local_date(event.at, ZONE)
        late = f"  (written {day(moment)})" if moment != earliest(event.on) else ""
        print(f"{day(event.on):15}  {event.kind:16}  {event.step or '':28}  {in_words(event)}{late}")
    shown = _table("Date", "Letter", "To", "State", title="Letters")
    _rows(shown, [(day(v.on), v.template, v.recipient, v.state) for v in played.letters])
    shown = _table("Step", "Due", "Act by", "Met", "Days late", title="Due dates")
    rows = [(r.key, day(r.due), day(r.act_by), day(r.met_on), r.late_by) for r in played.deadlines]
    _rows(shown, rows)
