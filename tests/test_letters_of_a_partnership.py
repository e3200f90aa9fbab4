"""Letters of a safeguarding partnership speak neither of a Board nor of the law that Boards worked under."""

import re

import pytest
from test_letters import FULL, render

# What a partnership sends under Working Together 2023, beside its procedure's own letters.
OF_A_PARTNERSHIP = [
    "serious-incident-notification", "partnership-information-request", "rapid-review-outcome",
    "practice-reviewer-commission", "practice-review-before-publication", "practice-review-delay",
    "family-involvement", "publication-notice", "reminder", "overdue-notice", "escalation", "date-moved",
]  # fmt: skip


@pytest.mark.parametrize("template", OF_A_PARTNERSHIP)
def test_a_letter_of_a_partnership_speaks_of_no_board(template: str) -> None:
    facts = {**FULL, "who": "Safeguarding partners", "procedure_title": "Practice review", "outcome": "Commission"}
    body = re.split("Yours|With our", render(template, facts).text)[0]
    assert not re.search(r"\bBoard\b|LSCB|2006|14B", body)
