"""Who may decide what in a case, and who may not hold a role (independence rules 001-7b, 001-10).

The only place that answers these questions.
"""

from models.board import Board
from models.case import Case, role_key, role_title
from models.decisions import Assign
from models.events import Affiliation
from models.procedure import Procedure, Rule
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
    if decision.person in case.facts.recused:
        raise Refusal(
            f"{decision.person!r} has declared a conflict of interest in this case; assign somebody else, or correct "
            "that entry if it is mistaken."
        )
    employer = decision.employer or known.employer
    board_member = decision.board_member or known.board_member
    held = {key for key, people in case.facts.holders.items() if decision.person in people}
    held.add(role_key(decision.role, decision.agency))
    for rule in case.procedure.rule:
        for key in sorted(held):
            reason = _broken(case, rule, key, held, employer, board_member)
            if reason:
                raise Refusal(f"{decision.person!r} {reason}. The rule ({rule.row}): {rule.text}")
        _must_not_manage(case, rule, decision)


def _must_not_manage(case: Case, rule: Rule, decision: Assign) -> None:
    """Refuse where one who holds the rule's role manages one who holds a role of `not_manager_of` (004-11)."""
    known = {person: affiliation.line_manager for person, affiliation in case.facts.affiliations.items()}
    known[decision.person] = decision.line_manager or known.get(decision.person)
    holders = {rule.role: _everyone(case, rule.role), **{role: _everyone(case, role) for role in rule.not_manager_of}}
    if decision.role in holders:
        holders[decision.role].add(decision.person)
    for role in rule.not_manager_of:
        for person in sorted(holders[role]):
            if known.get(person) in holders[rule.role]:
                title, other = role_title(case, rule.role), role_title(case, role)
                raise Refusal(
                    f"{known[person]!r} manages {person!r}, so they cannot be {title} and {other}. "
                    f"The rule ({rule.row}): {rule.text}"
                )


def _everyone(case: Case, role: str) -> set[str]:
    """All who hold a role, for whichever agency."""
    return {person for key, held in case.facts.holders.items() if key.partition("[")[0] == role for person in held}


def must_file(case: Case, person: str, agency: str | None) -> None:
    """Refuse unless `person` may file a document of the case as a whole, or of one agency.

    Who manages the case may; for an agency, who holds one of its roles; for the whole, who holds a role that is no
    agency's. Others see nothing of an agency's part (domain part 6).
    """
    held = {key for key, people in case.facts.holders.items() if person in people}
    if held & set(case.procedure.managed_by):
        return
    if agency is not None and not any(key.endswith(f"[{agency}]") for key in held):
        name = case.facts.agencies[agency].name
        raise Refusal(f"{person!r} holds no role for {name} and does not manage the case; they file this document.")
    if agency is None and not any("[" not in key for key in held):
        raise Refusal(f"{person!r} holds no role in this case that is no agency's; those who do file this document.")


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


def must_manage_board(board: Board, procedure: Procedure, person: str) -> None:
    """Refuse unless `person` holds one of the roles by which the board's procedure is managed."""
    holders = [holder for role in procedure.managed_by for holder in board.holders(role)]
    if person not in holders:
        who = ", ".join(dict.fromkeys(holders)) or f"a holder of {' or '.join(procedure.managed_by)}, whom it has not"
        raise Refusal(f"{person!r} does not manage the reviews of {board.name}; it is for {who}.")
