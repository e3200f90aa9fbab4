"""The search attributes of a case: the one registry of them. Nothing personal may ever stand in one."""

from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from models.case import Case, role_title, stage

BOARD = SearchAttributeKey.for_keyword("ScrBoard")
PROCEDURE = SearchAttributeKey.for_keyword("ScrProcedure")
STAGE = SearchAttributeKey.for_keyword("ScrStage")
WAITING_FOR = SearchAttributeKey.for_keyword_list("ScrWaitingFor")
NEXT_DUE = SearchAttributeKey.for_datetime("ScrNextDue")
OVERDUE = SearchAttributeKey.for_int("ScrOverdue")
"""Of cases begun before this was asked of `NEXT_DUE`: to count it took a write to the engine's index a deadline."""
LETTERS_FAILED = SearchAttributeKey.for_int("ScrLettersFailed")

REGISTRY: tuple[SearchAttributeKey[Any], ...] = (
    BOARD,
    PROCEDURE,
    STAGE,
    WAITING_FOR,
    NEXT_DUE,
    OVERDUE,
    LETTERS_FAILED,
)


def fixed(board: str, procedure: str) -> TypedSearchAttributes:
    """The attributes that a case has from its start and keeps."""
    return TypedSearchAttributes([SearchAttributePair(BOARD, board), SearchAttributePair(PROCEDURE, procedure)])


def values(case: Case, now: datetime | None = None) -> dict[SearchAttributeKey[Any], Any]:
    """What the list of workflows can be searched by; None takes an attribute away.

    `now`, an aware moment, is given where overdue steps are counted.
    """
    owed = case.open_steps
    expires = [record.expires for record in owed if record.expires is not None]
    return {
        STAGE: stage(case),
        WAITING_FOR: sorted({role_title(case, r.owner.partition("[")[0]) for r in owed}) or None,
        NEXT_DUE: min(expires, default=None),
        OVERDUE: None if now is None else sum(moment <= now for moment in expires),
        LETTERS_FAILED: sum(letter.state == "failed" for letter in case.letters.values()),
    }


def at_start(case: Case) -> TypedSearchAttributes:
    """All attributes of a case that begins, so that it need not change them at once."""
    fixed_ones = fixed(case.opening.board, case.opening.procedure.id).search_attributes
    known = {key: value for key, value in values(case).items() if value is not None}
    return TypedSearchAttributes([*fixed_ones, *(SearchAttributePair(key, value) for key, value in known.items())])


def changes(before: TypedSearchAttributes, now: dict[SearchAttributeKey[Any], Any]) -> list[SearchAttributeUpdate[Any]]:
    """The updates that lead from what a workflow has to these values."""
    return [
        key.value_set(value) if value is not None else key.value_unset()
        for key, value in now.items()
        if before.get(key) != value
    ]
