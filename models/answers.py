"""The answers of which a referral is made, read one by one: on the command line and on the pages by the same rules.

Each function gives what an answer says, or raises Refusal in a sentence that says what would be right. Pure.
"""

from collections.abc import Iterable
from datetime import date

from models.refusal import Refusal
from models.timescale import Day, earliest, exact, latest, parse_day

FACTS = {
    "abuse_or_neglect": "Is abuse or neglect of the child known or suspected?",
    "died": "Has the child died, by suicide included?",
    "seriously_harmed": "Was the child seriously harmed?",
    "concern_how_agencies_worked": "Is there cause for concern about how agencies worked together?",
    "died_in_custody": "Did the child die in custody, on remand or after sentence, or in a secure establishment?",
    "died_while_detained": "Did the child die while detained under the Mental Health Act 1983?",
    "deprived_of_liberty": "Was the child, aged 16 or 17, deprived of liberty under the Mental Capacity Act 2005?",
}
"""What the criteria test on, as questions."""

_YES_OR_NO = {"y": True, "yes": True, "n": False, "no": False, "": None, "not known": None}


def words(answer: str) -> str:
    """An answer that must be given."""
    if not answer:
        raise Refusal("This cannot be left empty.")
    return answer


def perhaps(answer: str) -> str | None:
    """An answer that may be left out."""
    return answer or None


def one_of(answer: str, known: Iterable[str], what: str) -> str:
    """One of the ids that are known; `what` says of what they are."""
    if answer not in known:
        raise Refusal(f"{answer[:60]!r} is no {what} here; write one of {', '.join(known)}.")
    return answer


def agencies(answer: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The agencies that knew the child or the family, each once."""
    named = [name.strip() for name in answer if name.strip()]
    if not named:
        raise Refusal("Name at least one agency that knew the child or the family.")
    known = list(known)
    return tuple(dict.fromkeys(one_of(name, known, "agency") for name in named))


def email(answer: str) -> str:
    """An e-mail address."""
    if answer.count("@") != 1 or answer.startswith("@") or answer.endswith("@") or " " in answer:
        raise Refusal("That is no e-mail address; write it like name@organisation.example.")
    return answer


def perhaps_email(answer: str) -> str | None:
    """An e-mail address, or None where there is none."""
    return email(answer) if answer else None


def lines(answer: str) -> tuple[str, ...] | None:
    """The lines of an address, without empty ones; None where there are none."""
    return tuple(line.strip() for line in answer.splitlines() if line.strip()) or None


def received(answer: str, today: date) -> Day:
    """The day on which the Board first heard, perhaps known only by month; `today` is the local date."""
    day = parse_day(answer)
    if earliest(day) > today:
        raise Refusal("That lies in the future; give the day it was received.")
    return day


def stated(answer: str, until: Day) -> Day | None:
    """The day of a step before the case, not after the referral was received; None where it was not done."""
    if not answer:
        return None
    day = parse_day(answer)
    if earliest(day) > latest(until):
        raise Refusal("That is after the referral was received; give the day it was done.")
    return day


def whole_day(answer: str) -> date | None:
    """A whole day, or None where it is not known."""
    if not answer:
        return None
    day = exact(parse_day(answer))
    if day is None:
        raise Refusal("Write the whole date, like 2024-03-09, or leave it empty.")
    return day


def yes_or_no(answer: str) -> bool | None:
    """Yes, no, or None for not known."""
    if answer.lower() not in _YES_OR_NO:
        raise Refusal("Answer yes or no, or leave it empty.")
    return _YES_OR_NO[answer.lower()]
