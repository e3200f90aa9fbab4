"""What the engine's list of cases can be searched by."""

from datetime import timedelta

from case_world import noon, wt2013_opening
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from models.case import Case, fold
from models.turn import opened
from workflows import attributes


def a_case() -> Case:
    return fold(opened(wt2013_opening(), noon("2013-07-08")))


def test_a_case_that_begins_counts_nothing_overdue_and_has_all_else() -> None:
    names = {pair.key for pair in attributes.at_start(a_case()).search_attributes}
    assert names == {*attributes.REGISTRY} - {attributes.OVERDUE}
    assert attributes.changes(attributes.at_start(a_case()), attributes.values(a_case())) == []


def test_a_case_from_before_lets_go_of_its_count_when_it_continues_as_new() -> None:
    values = attributes.values(a_case(), noon("2013-07-08") + timedelta(days=365))
    assert values[attributes.OVERDUE] == len([step for step in a_case().open_steps if step.expires])
    before = TypedSearchAttributes([SearchAttributePair(key, value) for key, value in values.items() if value])
    [change] = [one for one in attributes.changes(before, attributes.values(a_case())) if one.key == attributes.OVERDUE]
    assert change.value is None
