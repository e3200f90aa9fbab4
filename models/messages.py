"""What travels between people, workflow and activities: one model for each input and each answer."""

from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict

from models.case import Case
from models.events import Event, Opening
from models.letters import LetterOrder

WORKFLOW: Final = "SeriousCaseReview"
TASK_QUEUE: Final = "serious-case-reviews"
DECIDE: Final = "decide"
SENDER_RECORDS: Final = "sender_records"
CASE: Final = "case"
EVENTS: Final = "events"
RECORD_EVENTS: Final = "record_events"
SEND_LETTERS: Final = "send_letters"
REFUSED: Final = "Refused"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Carried(_Message):
    """What one run hands to the next: the case, the events that the register does not have yet, and all of them.

    `events` begins later than with the first where the case was carried on before they were kept.
    """

    case: Case
    unrecorded: tuple[Event, ...] = ()
    events: tuple[Event, ...] = ()


class CaseInput(_Message):
    """With what a run begins: the opening of a case, or what the run before carried on.

    `opened_at` is the case's aware moment at which whoever opens it has made its first events, and writes them to the
    register; where it is left out, the workflow does both when it begins.
    `behind` is how far the case's clock is behind the engine's: zero except in a rehearsal of the past.
    `writes_locally`: events go to the register by a local activity first. `sends_apart`: letters do not wait for those
    owed before them. `counts_no_overdue`: that something is overdue is asked of the next due date, not kept beside it.
    Cases begun before there was one of them do without.
    `renew_after` is the number of history events after which the run continues as new; the engine says when it is
    left out.
    """

    opening: Opening | None = None
    carried: Carried | None = None
    opened_at: datetime | None = None
    behind: timedelta = timedelta()
    renew_after: int | None = None
    writes_locally: bool = False
    sends_apart: bool = False
    counts_no_overdue: bool = False


AS_NOW: Final = {"writes_locally": True, "sends_apart": True, "counts_no_overdue": True}
"""How runs of a case are started now, and not always were."""


class Answer(_Message):
    """What a decision led to: the numbers of its events, and what follows in words.

    To a sender that writes the events to the register: the moment `at` which they were made, and their digest.
    """

    first: int
    last: int
    follows: tuple[str, ...] = ()
    at: datetime | None = None
    digest: str | None = None


class CaseEnd(_Message):
    """How a case ended, with the number of its last event."""

    reference: str
    closed: str
    events: int


class EventBatch(_Message):
    """Events for the register, in order.

    `confirmed` is the number of the last event that the engine has for certain; all of these where it is left out.
    Those after it may be made again otherwise, if the engine has the workflow task done again.
    """

    reference: str
    events: tuple[Event, ...]
    confirmed: int | None = None


class Mail(_Message):
    """Letters of a case to send."""

    reference: str
    board: str
    letters: tuple[LetterOrder, ...]
