"""What travels between people, workflow and activities: one model for each input and each answer."""

from datetime import timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict

from models.case import Case
from models.events import Event, Opening
from models.letters import LetterOrder

WORKFLOW: Final = "SeriousCaseReview"
TASK_QUEUE: Final = "serious-case-reviews"
DECIDE: Final = "decide"
CASE: Final = "case"
RECORD_EVENTS: Final = "record_events"
SEND_LETTERS: Final = "send_letters"
REFUSED: Final = "Refused"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Carried(_Message):
    """What one run hands to the next: the case, and the events that the register does not have yet."""

    case: Case
    unrecorded: tuple[Event, ...] = ()


class CaseInput(_Message):
    """With what a run begins: the opening of a case, or what the run before carried on.

    `behind` is how far the case's clock is behind the engine's: zero except in a rehearsal of the past.
    `renew_after` is the number of history events after which the run continues as new; the engine says when it is
    left out.
    """

    opening: Opening | None = None
    carried: Carried | None = None
    behind: timedelta = timedelta()
    renew_after: int | None = None


class Answer(_Message):
    """What a decision led to: the numbers of its events, and what follows in words."""

    first: int
    last: int
    follows: tuple[str, ...] = ()


class CaseEnd(_Message):
    """How a case ended, with the number of its last event."""

    reference: str
    closed: str
    events: int


class EventBatch(_Message):
    """Events for the register, in order."""

    reference: str
    events: tuple[Event, ...]


class Mail(_Message):
    """Letters of a case to send."""

    reference: str
    board: str
    letters: tuple[LetterOrder, ...]
