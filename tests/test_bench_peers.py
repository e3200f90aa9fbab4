"""The count after the kills finds what is missing and what is there twice."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the benchmarks are no installed package

from bench import story
from bench.peers.losses import count

CASE = [("case-1", number) for number in range(1, story.STEPS + 1)]
LETTERS = [f"case-1/s{number}.{to}" for number in story.WITH_LETTERS for to in story.RECIPIENTS]


def test_nothing_is_wrong_where_all_is_there_once() -> None:
    found = count(CASE, CASE, LETTERS)
    assert (found.decisions_lost, found.decisions_doubled) == (0, 0)
    assert (found.letters_missing, found.letters_doubled) == (0, 0)


def test_a_decision_that_is_not_kept_is_lost_and_one_kept_twice_is_doubled() -> None:
    found = count(CASE, [*CASE[1:], CASE[1]], LETTERS)
    assert (found.decisions_lost, found.decisions_doubled) == (1, 1)


def test_a_kept_decision_that_nobody_gave_counts_as_doubled() -> None:
    found = count(CASE, [*CASE, ("case-1", story.STEPS + 1)], LETTERS)
    assert (found.decisions_lost, found.decisions_doubled) == (0, 1)


def test_a_letter_that_was_not_sent_is_missing_and_one_sent_twice_is_doubled() -> None:
    found = count(CASE, CASE, [*LETTERS[2:], LETTERS[2], LETTERS[2]])
    assert (found.letters_missing, found.letters_doubled) == (2, 2)


def test_letters_are_due_for_acknowledged_decisions_alone() -> None:
    assert count(CASE[:4], CASE[:4], []).letters_missing == 0
