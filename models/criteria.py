"""The criteria for a Serious Case Review held against the facts of a referral (domain part 1; 002-1, 003-1, 004-1).

It says which limbs the stated facts meet, which they miss and which nobody has stated. A person decides.
"""

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

Answer = Literal["yes", "no", "not stated"]

A_PERSON_DECIDES = "This is what the stated facts meet. Whether a review is held is for a person to decide."


class ReferralFacts(BaseModel):
    """What the criteria test on; None where the referrer does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    abuse_or_neglect: bool | None = None
    died: bool | None = None
    seriously_harmed: bool | None = None
    concern_how_agencies_worked: bool | None = None
    died_in_custody: bool | None = None
    died_while_detained: bool | None = None
    deprived_of_liberty: bool | None = None


class Limb(NamedTuple):
    """A limb of the criteria with its source, and whether the facts meet it."""

    id: str
    words: str
    source: str
    met: Answer


def limbs(facts: ReferralFacts) -> list[Limb]:
    """Every limb, in the order of the guidance, with whether the facts meet it."""
    regulation = "LSCB Regulations 2006, regulation 5(2)"
    guidance = "Working Together to Safeguard Children"
    harmed = (facts.seriously_harmed, facts.concern_how_agencies_worked)
    return [
        Limb("a", "Abuse or neglect of a child is known or suspected", regulation, _all(facts.abuse_or_neglect)),
        Limb("b-i", "The child has died, suicide included", regulation, _all(facts.died)),
        Limb(
            "b-ii",
            "The child has been seriously harmed and there is cause for concern about how the authority, its Board "
            "partners or other relevant persons worked together",
            regulation,
            _all(*harmed),
        ),
        Limb(
            "custody",
            "The child died in custody, on remand or after sentence, in a young offender institution, a secure "
            "training centre or a secure children's home",
            guidance,
            _all(facts.died_in_custody),
        ),
        Limb(
            "detention",
            "The child died while detained under the Mental Health Act 1983",
            guidance,
            _all(facts.died_while_detained),
        ),
        Limb(
            "liberty",
            "The child, aged 16 or 17, was deprived of liberty under the Mental Capacity Act 2005",
            guidance,
            _all(facts.deprived_of_liberty),
        ),
    ]


def criteria(facts: ReferralFacts) -> Answer:
    """Whether the facts meet the criteria: (a) with (b)(i) or (b)(ii), or one of the other limbs by itself."""
    met = {limb.id: limb.met for limb in limbs(facts)}
    serious = _and(met["a"], _or(met["b-i"], met["b-ii"]))
    return _or(serious, met["custody"], met["detention"], met["liberty"])


def _all(*stated: bool | None) -> Answer:
    return _and(*("not stated" if value is None else "yes" if value else "no" for value in stated))


def _and(*answers: Answer) -> Answer:
    return "no" if "no" in answers else "not stated" if "not stated" in answers else "yes"


def _or(*answers: Answer) -> Answer:
    return "yes" if "yes" in answers else "not stated" if "not stated" in answers else "no"
