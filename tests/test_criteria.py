"""The criteria of a Serious Case Review: which limbs the facts meet."""

import itertools

import pytest

from models.criteria import ReferralFacts, criteria, limbs


def met(**facts: bool) -> dict[str, str]:
    return {limb.id: limb.met for limb in limbs(ReferralFacts(**facts))}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"abuse_or_neglect": True, "died": True}, "yes"),
        ({"abuse_or_neglect": True, "seriously_harmed": True, "concern_how_agencies_worked": True}, "yes"),
        ({"abuse_or_neglect": True, "seriously_harmed": True}, "not stated"),
        ({"abuse_or_neglect": False, "died": True}, "not stated"),
        ({"died_in_custody": True}, "yes"),
        ({"died_while_detained": True, "abuse_or_neglect": False}, "yes"),
        ({"deprived_of_liberty": True}, "yes"),
        ({}, "not stated"),
        (dict.fromkeys(ReferralFacts.model_fields, False), "no"),
    ],
)
def test_the_criteria(facts: dict[str, bool], expected: str) -> None:
    assert criteria(ReferralFacts(**facts)) == expected


def test_harm_alone_does_not_meet_b_ii() -> None:
    known = {"abuse_or_neglect": True, "seriously_harmed": True, "concern_how_agencies_worked": False}
    assert met(**known)["b-ii"] == "no"


def test_what_is_stated_beyond_doubt_never_changes_by_stating_more() -> None:
    names = list(ReferralFacts.model_fields)
    for values in itertools.product((None, True, False), repeat=len(names)):
        facts = ReferralFacts(**dict(zip(names, values, strict=True)))
        if criteria(facts) == "not stated":
            continue
        unknown = [name for name, value in zip(names, values, strict=True) if value is None]
        for more in (dict.fromkeys(unknown, True), dict.fromkeys(unknown, False)):
            assert criteria(facts.model_copy(update=more)) == criteria(facts)


def test_every_limb_names_its_source() -> None:
    assert all(limb.source and limb.words for limb in limbs(ReferralFacts()))
    assert [limb.id for limb in limbs(ReferralFacts())] == ["a", "b-i", "b-ii", "custody", "detention", "liberty"]
