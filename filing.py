"""The documents of a case: filed, searched for what identifies people, chronologies merged.

What is filed is kept in the register under seal before the case hears of it, so that no case knows a document that
is not there.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from temporalio.client import Client

import starter
from documents.kinds import checked, media_type
from documents.spreadsheets import read_sheet
from documents.text import text_of
from library import Library
from models import anonymity, chronology
from models.anonymity import Report
from models.case import Case
from models.chronology_rows import read_rows
from models.deciding import decide
from models.decisions import Decide, File, Searched
from models.events import DocumentFact
from models.gates import to_search
from models.identifiers import Identifier, identifiers_of
from models.messages import Answer
from models.procedure import Step, faults_of
from models.referral import Referral
from models.refusal import Refusal
from models.timescale import latest
from register import papers
from register.store import Register


async def file(
    client: Client,
    register: Register,
    reference: str,
    given: Mapping[str, Any],
    content: bytes,
    name: str,
    now: datetime | None = None,
) -> Answer:
    """File a document in a case: `given` are the fields of `File` but for what its content says. Raises Refusal.

    A chronology is read first and refused where a row is faulty. `now` is an aware moment, for a clock of its own.
    """
    sha256 = papers.hash_of(content)
    kind = checked(content, name)
    about = {"sha256": sha256, "media_type": media_type(kind), "size": len(content)}
    try:
        decision = File.model_validate({**given, **about})
    except ValidationError as error:
        raise Refusal(f"This document cannot be filed: {'; '.join(faults_of(error))}.") from error
    if decision.document == "chronology":
        agency, filed_on = decision.agency or "", latest(decision.made_on)
        await asyncio.to_thread(lambda: read_rows(agency, read_sheet(content, name), filed_on))
    await text_of(content, kind)  # refuses what acts by itself or cannot be read, in compressed parts too
    case = (await starter.ask(client, reference)).case
    decide(case, decision, now or datetime.now(UTC))  # refuses before anything is kept
    await papers.keep(register, reference, content, name)
    return await starter.decide(client, register, reference, decision)


async def identifiers(register: Register, library: Library, reference: str, board: str) -> tuple[Identifier, ...]:
    """What identifies people in a case: from its referral and the board's file, and what has been added."""
    added = [Identifier.model_validate(one) for one in await papers.identifiers(register, reference)]
    referral = Referral.model_validate(await register.referral(reference))
    return tuple(dict.fromkeys((*identifiers_of(referral, library.board(board)), *added)))


async def search(
    register: Register, library: Library, case: Case, documents: Mapping[str, DocumentFact]
) -> dict[str, Report]:
    """Search documents of a case, by key, for what identifies people. Raises Refusal where one cannot be read."""
    reference = case.opening.reference
    known = await identifiers(register, library, reference, case.opening.board)
    reports = {}
    for key, fact in documents.items():
        content = await papers.content(register, reference, fact.sha256)
        name = await papers.name(register, reference, fact.sha256)
        reports[key] = anonymity.search(await text_of(content, checked(content, "")), name, known)
    return reports


def places(report: Report) -> int:
    """How many places of a document a person has to look at: what was found, and what could not be searched."""
    return len(report.hits) + report.further + len(report.unread)


async def with_search(
    client: Client, register: Register, library: Library, reference: str, decision: Decide, seen: int
) -> Decide:
    """The decision with the search that its outcome asks for; as it is where none is asked for.

    `seen` is how many places the person who decides has looked at. Raises Refusal where the search finds another
    number now.
    """
    case = (await starter.ask(client, reference)).case
    record = case.steps.get(decision.step)
    step = case.procedure.steps.get(record.step) if record else None
    if not isinstance(step, Step) or decision.outcome not in step.searches:
        return decision
    documents = to_search(case, step, decision.outcome)
    reports = await search(register, library, case, documents)
    found = sum(places(report) for report in reports.values())
    if seen != found:
        raise Refusal(
            f"The search leaves {found} {'place' if found == 1 else 'places'} to look at, not {seen}: "
            f"look with `scr search {reference}`, then decide with `--found {found}` if it is right all the same."
        )
    searched = tuple(
        Searched(document=key, sha256=fact.sha256, hits=places(reports[key])) for key, fact in documents.items()
    )
    return decision.model_copy(update={"searched": searched})


async def merged(register: Register, case: Case) -> chronology.Merged:
    """The agencies' chronologies as they are now, in one order. Raises Refusal where none is filed.

    Read and merged in a thread of its own: thousands of entries take seconds, in which others are served.
    """
    reference = case.opening.reference
    filed = {}
    for fact in case.facts.documents.values():
        if fact.document == "chronology" and fact.agency:
            content = await papers.content(register, reference, fact.sha256)
            name = await papers.name(register, reference, fact.sha256)
            filed[fact.agency] = (content, name, latest(fact.filed_on))
    if not filed:
        raise Refusal(f"No chronology is filed in {reference} yet: `scr file {reference} chronology FILE` files one.")

    def work() -> chronology.Merged:
        read = {
            agency: read_rows(agency, read_sheet(content, name), on) for agency, (content, name, on) in filed.items()
        }
        return chronology.merge(read)

    return await asyncio.to_thread(work)
