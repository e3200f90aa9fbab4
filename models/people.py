"""Who may decide what in a case, and who may not hold a role (independence rules 001-7b, 001-10).

The only place that answers these questions.
"""

from models.case import Case, role_key, role_title
from models.decisions import Assign
from models.events import Affiliation
from models.procedure import Rule
from models.refusal import Refusal


def must_hold(case: Case, person: str, *roles: str) -> None:
    """Refuse unless `person` holds one of these roles ("chair", "imr-author[health]") in the case."""
    if any(person in case.facts.holders.get(role, ()) for role in roles):
        return
    titles = " or ".join(role_title(case, role) for role in roles)
    holders = [holder for role in roles for holder in case.facts.holders.get(role, ())]
    who = f"it is for {', '.join(dict.fromkeys(holders))}" if holders else "nobody holds that role yet: assign it first"
    raise Refusal(f"{person!r} does not hold the role {titles} in this case; {who}.")


def must_manage(case: Case, person: str) -> None:
    """Refuse unless `person` manages the case (the procedure's `managed_by`)."""
    must_hold(case, person, *case.procedure.managed_by)


def must_be_independent(case: Case, decision: Assign) -> None:
    """Refuse an appointment that breaks a rule of independence, in the rule's own words with its source."""
    known = case.facts.affiliations.get(decision.person, Affiliation())
    employer = decision.employer or known.employer
    board_member = decision.board_member or known.board_member
    held = {key for key, people in case.facts.holders.items() if decision.person in people}
    held.add(role_key(decision.role, decision.agency))
    for rule in case.procedure.rule:
        for key in sorted(held):
            reason = _broken(case, rule, key, held, employer, board_member)
            if reason:
                raise Refusal(f"{decision.person!r} {reason}. The rule ({rule.row}): {rule.text}")


def must_not_employ(case: Case, agency: str) -> None:
    """Refuse to involve an agency that employs someone whose role forbids it (001-10): they stand down first."""
    for rule in case.procedure.rule:
        if not rule.not_employed_by_agency:
            continue
        for person in case.facts.holders.get(rule.role, ()):
            if case.facts.affiliations.get(person, Affiliation()).employer == agency:
                raise Refusal(
                    f"{person!r} is {role_title(case, rule.role)} and employed by this agency; let them stand down "
                    f"from that role first. The rule ({rule.row}): {rule.text}"
                )


def _broken(case: Case, rule: Rule, key: str, held: set[str], employer: str | None, board_member: bool) -> str | None:
    role, _, agency = key.partition("[")
    if role != rule.role:
        return None
    fact = case.facts.agencies.get(agency.rstrip("]"))
    if rule.except_agency_kind and fact and fact.kind == rule.except_agency_kind:
        return None
    title = role_title(case, key)
    for other in sorted(held):
        if other.partition("[")[0] in rule.not_roles:
            return f"cannot be both {title} and {role_title(case, other)}"
    if rule.not_employed_by_agency and employer in case.facts.agencies:
        return f"cannot be {title}: they are employed by {case.facts.agencies[employer].name}, which is involved"
    if rule.not_board_member and board_member:
        return f"cannot be {title}: they are a member of a Board involved"
    return None
