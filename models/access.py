"""Who may see what of a case: need to know, by the roles that a person holds in it (domain part 6). Pure.

The only place that answers this question; lists, pages, files, feeds and exports ask it.
"""

from collections.abc import Container
from typing import NamedTuple, Protocol

from models.board import Board
from models.case import Case, LetterRecord
from models.events import Action, DocumentFact, Event
from models.procedure import Procedure


class Viewer(NamedTuple):
    """Somebody signed in: the account, the board it is for and the person of that board."""

    account: str
    board: str
    person: str
    administrator: bool = False


class Sight(NamedTuple):
    """What a viewer sees of a case: all of it, or the part of these roles ("chair", "imr-author[health]").

    `emergency`: they hold no role and have opened it with a reason, which is written down.
    """

    whole: bool
    roles: frozenset[str]
    emergency: bool = False

    @property
    def agencies(self) -> frozenset[str]:
        """The agencies whose part of the case is seen, where it is not seen as a whole."""
        return frozenset(role.partition("[")[2].rstrip("]") for role in self.roles if "[" in role)


def sight(case: Case, viewer: Viewer, *, emergency: bool = False) -> Sight | None:
    """What a viewer sees of a case; None for nothing at all, not even that it exists.

    Whoever has a conflict of interest sees nothing, in an emergency neither.
    """
    if viewer.board != case.opening.board or viewer.person in case.facts.recused:
        return None
    held = frozenset(
        role
        for role, people in case.facts.holders.items()
        if viewer.person in people and counts(role, case.facts.agencies)
    )
    if any(sees_whole(case.procedure, role) for role in held):
        return Sight(True, held)
    if emergency:
        return Sight(True, held, emergency=True)
    return Sight(False, held) if held else None


def counts(role: str, agencies: Container[str]) -> bool:
    """Whether a role counts in a case: one of an agency does when the agency is involved."""
    agency = role.partition("[")[2].rstrip("]")
    return not agency or agency in agencies


def sees_whole(procedure: Procedure, role: str) -> bool:
    """Whether the holders of a role see the whole case: who manages it does, an agency's own people do not."""
    known = procedure.roles.get(role)
    return role in procedure.managed_by or (known is not None and known.of is None and known.sees == "case")


def manages(seen: Sight, procedure: Procedure) -> bool:
    """Whether the viewer manages the case; whoever opened it in an emergency does not."""
    return not seen.roles.isdisjoint(procedure.managed_by)


def sees_role(seen: Sight, procedure: Procedure, role: str) -> bool:
    """Whether the holders of a role are seen: all of them, or one's own, one's agency's, and who manages the case."""
    agency = role.partition("[")[2].rstrip("]")
    return seen.whole or role in seen.roles or role in procedure.managed_by or agency in seen.agencies


def sees_action(seen: Sight, action: Action) -> bool:
    """Whether an agreed action is seen: all of them, or one's own agency's."""
    return seen.whole or (action.agency is not None and action.agency in seen.agencies)


class Owed(Protocol):
    """A step as it is owed, in a case or in a list: `owner` is the role, `item` the agency or action it is for."""

    @property
    def owner(self) -> str:
        """The role that owes it."""

    @property
    def item(self) -> str | None:
        """The agency or action that it is done for."""


def sees_step(seen: Sight, record: Owed) -> bool:
    """Whether a step is seen: all of them, those that one owes, or one's own agency's."""
    return seen.whole or record.owner in seen.roles or (record.item or "") in seen.agencies


def sees_letter(seen: Sight, letter: LetterRecord) -> bool:
    """Whether a letter is seen: all of them, or those to a role that one holds."""
    return seen.whole or letter.recipient in seen.roles


def sees_document(seen: Sight, fact: DocumentFact) -> bool:
    """Whether a document is seen: all of them, or one's own agency's."""
    return seen.whole or (fact.agency is not None and fact.agency in seen.agencies)


def sees_event(seen: Sight, case: Case, event: Event) -> bool:
    """Whether an event is seen: all of them, or those of steps that are seen."""
    if seen.whole:
        return True
    record = case.steps.get(event.step or "")
    return record is not None and sees_step(seen, record)


def keeps_records(board: Board, viewer: Viewer) -> bool:
    """Whether the viewer keeps the board's publications, learning log, holds and disposals: as for the wording."""
    return words_letters(board, viewer)


def words_letters(board: Board, viewer: Viewer) -> bool:
    """Whether the viewer edits the wording of the board's letters: its standing Business Managers do."""
    return viewer.board == board.id and viewer.person in board.holders("business-manager")
