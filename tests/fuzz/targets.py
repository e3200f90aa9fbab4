"""All targets by name, and how inputs are shared out among them."""

from fuzz.cases import Decisions, Events
from fuzz.dates import Days, Periods
from fuzz.driver import Target
from fuzz.files import Boards, Calendars, KeyRings, Procedures, Referrals
from fuzz.letters_in import Letters, Wordings
from fuzz.pages_in import Pages
from fuzz.papers_in import Documents, Kinds, Sheets
from fuzz.sealed_in import SealedPayloads

ALL: tuple[type[Target], ...] = (
    Periods, Days, Procedures, Boards, Calendars, Referrals, Decisions, Events, KeyRings, SealedPayloads, Sheets, Kinds,
    Documents, Wordings, Letters, Pages,
)  # fmt: skip
TARGETS = {target.name: target for target in ALL}


def shared(inputs: int) -> dict[str, int]:
    """How many of so many inputs over all each target has, at least one."""
    whole = sum(target.share for target in ALL)
    return {target.name: max(1, round(inputs * target.share / whole)) for target in ALL}
