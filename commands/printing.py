"""How the command line prints: tables for people, one JSON value for programs."""

import json
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from models.calendar import ZONE
from models.criteria import A_PERSON_DECIDES, ReferralFacts, criteria, limbs
from models.procedure import Procedure
from models.refusal import Refusal
from models.show import remarks
from models.show import table as procedure_table
from models.telling import in_words
from models.timescale import Counted, Day, Period, days_between, earliest, exact, local_date, say

if TYPE_CHECKING:
    from models.case import Case
    from models.events import Event
    from models.messages import Answer
    from register.audit import Fault, Head
    from register.queries import CaseView, LetterView, StepView
    from rehearsal import Rehearsal


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that could command a terminal or turn the direction of writing; line feeds and tabs are let through."""


def plain(text: str) -> str:
    """A text as it may be shown on a terminal, whoever wrote it: control characters are spelled out."""
    return CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def _console() -> Console:
    """Where tables go; without a terminal they are given room instead of being folded to 80 columns."""
    return Console(width=None if sys.stdout.isatty() else 150, highlight=False)


def as_json(value: Any) -> None:
    """Print one JSON value."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table whose cells may have several lines; the first column is never folded."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(headings):
        shown.add_column(heading, overflow="fold", no_wrap=number == 0)
    for row in rows:
        shown.add_row(*(escape(plain(str(cell))) if cell is not None else "" for cell in row))
    console = _console()
    with console.capture() as printed:
        console.print(shown)
    print("\n".join(line.rstrip() for line in printed.get().splitlines()).strip("\n"))


def _wrapped(text: str) -> str:
    """A text, indented and folded to the terminal's width; names and ids are not broken."""
    width, indent = _console().width, " " * 6
    fold = textwrap.TextWrapper(width, indent, indent, break_long_words=False, break_on_hyphens=False)
    return fold.fill(plain(text))


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def _days(count: int, what: str) -> str:
    return f"{count} {'day' if count == 1 else 'days'} {what}"


def moment(value: datetime) -> str:
    """A moment by the local clock, "Mon 8 Jul 2013 14:05"."""
    return f"{day(local_date(value, ZONE))} {value.astimezone(ZoneInfo(ZONE)):%H:%M}"


def day(value: Day | None) -> str:
    """A day as people read it in a table: "Mon 8 Jul 2013"; a partial one as it is."""
    if value is None:
        return ""
    known = exact(value)
    return known.strftime("%a %-d %b %Y") if known else str(value)


@contextmanager
def progress(total: int | None, title: str) -> Iterator[Callable[[str], None]]:
    """A progress bar for long work, on stderr where that is a terminal; the function given is called once a piece."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda what: bar.update(task, advance=1, description=escape(what))


# ---- dates and procedures -------------------------------------------------------------------------------------------


def due(counted: Counted, period: Period, json_wanted: bool) -> None:
    """A counted date: due, act by, because. An hours' period gives the moment too."""
    moment = counted.due_at.astimezone(ZoneInfo(ZONE)).isoformat() if period.unit == "hours" else None
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
    table(("Id", "Title", "Version", "Steps"), [(p.id, p.title, p.version, len(p.step)) for p in known])


def procedure(shown: Procedure) -> None:
    """A procedure as the table of the guidance."""
    print(f"{shown.title} ({shown.id})")
    rows = [
        (
            r.row,
            _lines(r.step, r.title, r.who),
            _lines(f"after {r.after}" if r.after else "", r.timescale),
            _lines(r.outcomes, f"Letters: {r.letters}" if r.letters else ""),
        )
        for r in procedure_table(shown)
    ]
    table(("Row", "Step, and who owes it", "When", "What comes of it"), rows)
    print()
    for remark in remarks(shown):
        print(_wrapped(" ".join(remark.split())))


# ---- cases ----------------------------------------------------------------------------------------------------------


def referred(reference: str, facts: ReferralFacts, json_wanted: bool) -> None:
    """The reference that a referral has been given, and which limbs of the criteria its facts meet."""
    found = limbs(facts)
    if json_wanted:
        as_json({"reference": reference, "criteria": criteria(facts), "limbs": [limb._asdict() for limb in found]})
        return
    print(f"The referral is filed as {reference}. `scr case {reference}` shows what the case waits for.")
    held_against(facts)


def held_against(facts: ReferralFacts) -> None:
    """Which limbs of the criteria the facts of a referral meet; nothing where it states none."""
    if facts != ReferralFacts():
        print("Criteria for a Serious Case Review, as far as the referral states the facts:")
        for limb in limbs(facts):
            print(f"  {limb.met:10}  {limb.words}")
        print(f"  {criteria(facts):10}  all together. {A_PERSON_DECIDES}")


def cases(found: "Sequence[CaseView]", today: date, json_wanted: bool) -> None:
    """A list of cases."""
    if json_wanted:
        as_json([view.model_dump(mode="json") | {"overdue": view.is_overdue(today)} for view in found])
        return
    if not found:
        print("There are no such cases.")
        return
    rows = [
        (
            v.reference,
            _lines(day(v.next_due), _overdue(v.next_due, today)),
            ", ".join(v.waiting_for),
            v.how if v.state == "closed" else v.stage,
            v.procedure,
        )
        for v in found
    ]
    table(("Case", "Next due", "Waits for", "Stage", "Procedure"), rows)


def _overdue(due_on: date | None, today: date) -> str:
    late = days_between(due_on, today) if due_on else 0
    return _days(late, "overdue") if late > 0 else ""


def case(
    view: "CaseView",
    steps: "Sequence[StepView]",
    known: "Case",
    failed: "Sequence[LetterView]",
    today: date,
) -> None:
    """A case: where it is, what it waits for and from whom, what is done."""
    print(f"{view.reference}  {view.procedure_title}  ({view.board})")
    ended = f"closed, {view.how}" if view.state == "closed" else view.stage
    print(f"Notified {day(view.notified_on)}. Now: {ended}.")
    owed = [step for step in steps if step.state == "open"]
    if owed:
        rows = [(_dates(s, today), _step(s), _lines(s.owner, *_held_by(s.owner, known.facts.holders))) for s in owed]
        print("\nWaits for")
        table(("Due", "Step", "Whose turn"), rows)
    not_sent(view.reference, failed)
    if known.opening.criteria != ReferralFacts():
        print()
        held_against(known.opening.criteria)
    past = sorted((s for s in steps if s.state != "open"), key=lambda s: str(s.met_on))
    if past:
        print("\nDone")
        table(("Done", "Step", "Outcome"), [(day(s.met_on), _step(s), _outcome(s)) for s in past])


def _dates(step: "StepView", today: date) -> str:
    if step.due is None:
        return "no date"
    act_by = f"act by {day(step.act_by)}" if step.act_by != step.due else ""
    return _lines(day(step.due), act_by, _overdue(step.due, today))


def _step(step: "StepView") -> str:
    return _lines(step.key, f"{step.title} ({step.row})" if step.row else step.title)


def _held_by(role: str, holders: Mapping[str, Sequence[str]]) -> list[str]:
    """The people who hold a role, where their ids say more than the role's own."""
    people = ", ".join(holders.get(role, ()))
    return [f"({people})"] if people and people != role else []


def _outcome(step: "StepView") -> str:
    if step.state == "withdrawn":
        return "no longer owed"
    return _lines(step.outcome or "", _days(step.late_by, "late") if step.late_by else "")


def not_sent(reference: str, failed: "Sequence[LetterView]") -> None:
    """The letters that would not go, each a person's task, with the command that tries again."""
    if failed:
        print("\nLetters that could not be sent. When the cause is mended:")
    for letter in failed:
        print(plain(f"  {letter.because}\n  scr letters {reference} --resend '{letter.letter}' --by PERSON"))


def people(known: "Case") -> None:
    """Who holds which role in a case, what the rules of independence ask about them, and who takes no part."""
    facts, rows = known.facts, []
    for role, held in sorted(facts.holders.items()):
        for person in held:
            affiliation = facts.affiliations.get(person)
            told = [
                f"employed by {affiliation.employer}" if affiliation and affiliation.employer else "",
                "member of the Board" if affiliation and affiliation.board_member else "",
                f"managed by {affiliation.line_manager}" if affiliation and affiliation.line_manager else "",
            ]
            rows.append((role, person, _lines(*told)))
    print("\nPeople")
    table(("Role", "Person", "What the rules ask about them"), rows)
    for person in facts.recused:
        print(f"{person} has declared a conflict of interest and takes no part.")


def why(events: "Sequence[Event]") -> None:
    """How the date of each step was worked out, the latest reasoning of each."""
    print("\nWhy on these days")
    reasons = {e.step: e.because for e in events if e.kind in ("started", "moved")}
    for key, because in reasons.items():
        print(_lines(f"  {key}", _wrapped(because)))


def history(events: "Sequence[Event]") -> None:
    """Everything that happened; decisions with their ids."""
    print("\nHistory")
    _events(events)


def _events(events: "Sequence[Event]") -> None:
    """Each event with its day, and with the day it was written down where that is another."""
    for e in events:
        moment = local_date(e.at, ZONE)
        late = f"  (written {day(moment)})" if moment != earliest(e.on) else ""
        print(f"{e.seq:4}  {day(e.on):15}  {e.kind}{f'  {e.step}' if e.step else ''}{late}")
        known = getattr(e, "decision", "")  # a decision, or the id of one that was refused
        print(_lines(_wrapped(in_words(e)), _wrapped(f"Decision {getattr(known, 'id', known)}") if known else ""))


def case_as_json(view: "CaseView", steps: "Sequence[StepView]", events: "Sequence[Event]", known: "Case") -> None:
    """A case as one JSON object."""
    facts = known.opening.criteria
    as_json(
        {
            "case": view.model_dump(mode="json"),
            "criteria": {"met": criteria(facts), "limbs": [limb._asdict() for limb in limbs(facts)]},
            "people": {role: list(held) for role, held in known.facts.holders.items()},
            "recused": list(known.facts.recused),
            "documents": {key: fact.model_dump(mode="json") for key, fact in known.facts.documents.items()},
            "deadlines": [step.model_dump(mode="json") for step in steps],
            "events": [event.model_dump(mode="json", exclude={"opening"}) for event in events],
        }
    )


def answer(reference: str, decision_id: str, given: "Answer", json_wanted: bool) -> None:
    """What a decision led to."""
    if json_wanted:
        as_json({"reference": reference, "decision": decision_id, **given.model_dump(mode="json")})
        return
    if given.last < given.first:
        print(f"{reference}: this decision was taken in before; nothing changed.")
        return
    print(f"{reference}: taken in (decision {decision_id}).")
    for line, times in Counter(given.follows).items():
        print(plain(f"  {line}{f' ({times} times)' if times > 1 else ''}"))


# ---- the register and the calendar ----------------------------------------------------------------------------------


def audit(faults: "Sequence[Fault]", heads: "Sequence[Head]", json_wanted: bool) -> None:
    """What is wrong with the chain, and the heads to be kept elsewhere."""
    if json_wanted:
        as_json({"faults": [fault._asdict() for fault in faults], "heads": [head._asdict() for head in heads]})
        return
    for fault in faults:
        print(plain(fault.text), file=sys.stderr)
    if heads:
        table(("Case or journal", "Last event or entry", "Hash"), heads)
    if not faults:
        journals = sum(head.is_journal for head in heads)
        cases = len(heads) - journals
        besides = f" and {journals} {'journal' if journals == 1 else 'journals'}" if journals else ""
        print(f"Nothing wrong in {cases} {'case' if cases == 1 else 'cases'}{besides}.")


def proclaimed(on: date, name: str, answers: "Mapping[str, Answer | Refusal]", json_wanted: bool) -> None:
    """What a proclaimed day moved, and on stderr which cases refused it."""
    taken = {reference: given for reference, given in answers.items() if not isinstance(given, Refusal)}
    refused = {reference: str(given) for reference, given in answers.items() if isinstance(given, Refusal)}
    for reference, why in refused.items():
        print(plain(f"{reference}: {why}"), file=sys.stderr)
    if json_wanted:
        shown = {reference: given.model_dump(mode="json") for reference, given in taken.items()}
        as_json({"day": on, "name": name, "cases": shown, "refused": refused})
        return
    print(plain(f"{say(on)}, {name}, is a non-working day now. Open cases counted anew: {len(taken)}."))
    for reference, given in taken.items():
        for line in given.follows:
            print(plain(f"  {reference}: {line}"))


# ---- rehearsals -----------------------------------------------------------------------------------------------------


def rehearsal(played: "Rehearsal", json_wanted: bool) -> None:
    """A rehearsed story: each event with its date, the letters, the due dates."""
    if json_wanted:
        as_json(played.as_json())
        return
    print(plain(f"{played.title}\n"))
    _events(played.events)
    print("\nLetters")
    rows = [(day(v.on), v.template, v.recipient, v.state) for v in played.letters]
    table(("Date", "Letter", "To", "State"), rows)
    for letter in played.failed:
        print(plain(f"Could not be sent: {letter}"))
    print("\nDue dates")
    dates = [(r.key, day(r.due), day(r.act_by), day(r.met_on), r.late_by) for r in played.deadlines]
    table(("Step", "Due", "Act by", "Met", "Days late"), dates)
