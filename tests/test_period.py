"""The period language: what it reads, and what it refuses in one sentence."""

import pytest
from pydantic import ValidationError

from models.timescale import Period, PeriodError, parse_period


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10 working days", "10 working days"),
        ("Within Ten Working Days", "10 working days"),
        ("at least  one week", "1 week"),
        ("no later than 28 days", "28 days"),
        ("twenty-eight days", "28 days"),
        ("twenty eight calendar days", "28 days"),
        ("thirty days", "30 days"),
        ("one calendar month", "1 month"),
        ("1 working days", "1 working day"),
        ("7 clear working day", "7 clear working days"),
        ("seven clear days", "7 clear days"),
        ("1 month from and including", "1 month from and including"),
        ("48 hours", "48 hours"),
        ("IMMEDIATELY", "immediately"),
    ],
)
def test_the_period_language(text: str, canonical: str) -> None:
    assert str(parse_period(text)) == canonical


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 days", "from 1 to 9999"),
        ("10000 days", "from 1 to 9999"),
        ("zero days", "whole number"),
        ("-5 working days", "whole number"),
        ("minus 5 days", "whole number"),
        ("1.5 months", "fraction"),
        ("1/2 day", "fraction"),
        ("half a day", "fraction"),
        ("1 year", '"12 months"'),
        ("two years", '"12 months"'),
        ("10 calendar working days", "is not a period"),
        ("thirty-one days", "words up to thirty"),
        ("soon", "is not a period"),
        ("", "is not a period"),
        ("٣ days", "is not a period"),
        ("10 working days or so", "is not a period"),
        ("1 clear month from and including", "only one of them"),
        ("48 clear hours", "elapsed time"),
        ("9" * 5000 + " days", "is not a period"),
    ],
)
def test_what_is_no_period_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(PeriodError) as refusal:
        parse_period(text)
    message = str(refusal.value)
    assert says in message
    assert len(message) < 300
    assert message.endswith(".")


def test_a_period_cannot_be_built_wrong_either() -> None:
    with pytest.raises(ValidationError, match="from 1 to 9999"):
        Period(count=0, unit="days")
    with pytest.raises(ValidationError, match="no number"):
        Period(count=1, unit="immediately")
