"""Who may what, in one small table, written down without the code that decides it: the pages are held against it.

Each row is a route with a method; where an address names something, a row has the things that stand there and whose
each of them is.
"""

from collections.abc import Iterator
from typing import NamedTuple

from case_world import AGENCIES


class Somebody(NamedTuple):
    """Somebody at the pages, and what they are by the words of the domain. `sees`: of the case; `whose`: their parts.

    `session` and `emergency` say how their sign-in and their emergency access stand.
    """

    person: str
    board: str = "demo"
    sees: str = "nothing"
    whose: frozenset[str] = frozenset()
    manages: bool = False
    keeps: bool = False
    figures: bool = False
    administrator: bool = False
    reads_engine: bool = False
    session: str = "open"
    emergency: str = ""

    @property
    def outside(self) -> bool:
        """Whether nobody is signed in."""
        return self.session != "open"


def _own(role: str) -> frozenset[str]:
    agency = role.partition("[")[2].rstrip("]")
    return frozenset({role, agency} - {""})


def _part(role: str) -> Somebody:
    return Somebody(role, sees="part", whose=_own(role))


def _whole(person: str, *, manages: bool = False, keeps: bool = False, figures: bool = False) -> Somebody:
    return Somebody(person, sees="whole", manages=manages, keeps=keeps, figures=figures)


OF_NO_AGENCY = (
    *("referrer", "designated-person", "health-manager", "family", "family-contact", "ofsted", "national-panel", "cqc"),
    "dfe-serious-incidents",
)
OF_AN_AGENCY = tuple(
    f"{role}[{agency}]" for role in ("chief-executive", "senior-manager", "imr-author") for agency in AGENCIES
)
PEOPLE: dict[str, Somebody] = {
    "signed out": Somebody("bm", session="none"),
    "with a token that is none": Somebody("bm", session="forged"),
    "of a session that is over": Somebody("bm", session="over"),
    "of a closed account": Somebody("mina", session="closed"),
    "manager of another board": Somebody("bm", "milton-keynes", keeps=True, figures=True),
    "administrator without a role": Somebody("no-role", administrator=True),
    "of the board without a role": Somebody("a-stranger"),
    "with a conflict of interest": Somebody("odd-one"),
    "with a conflict, in an emergency": Somebody("odd-one", emergency="now"),
    "of an agency that is not involved": Somebody("school-imr-author"),
    "whose role was withdrawn": Somebody("former"),
    "in an emergency": Somebody("on-call", sees="whole", emergency="now"),
    "whose emergency is over": Somebody("on-call-before", emergency="over"),
    "of an agency, in an emergency": _part("imr-author[health]")._replace(sees="whole", emergency="now"),
    "who reads the engine": Somebody("operator", reads_engine=True),
    "business manager": _whole("bm", manages=True, keeps=True, figures=True),
    "business manager of the case alone": _whole("mina", manages=True),
    "chair": _whole("chair", manages=True, figures=True),
    **{role: _whole(role) for role in ("sub-group", "lscb", "panel", "lead-reviewer")},
    **{role: _part(role) for role in (*OF_NO_AGENCY, *OF_AN_AGENCY)},
}
"""Every kind of viewer; the people of the case are those of `reading_world.told`."""


class Rule(NamedTuple):
    """Who may: a word of `may`, and for what stands at an address the values of its parts, with whose it is."""

    who: str
    things: tuple[tuple[dict[str, str], frozenset[str]], ...] = (({}, frozenset()),)


def may(rule: str, who: Somebody, whose: frozenset[str]) -> bool:
    """Whether somebody may, by a rule."""
    by_role = who.sees == "whole" and not who.emergency
    answers = {
        "all": True,
        "nobody": False,
        "staff": not who.outside,
        "administrators": who.administrator,
        "engine readers": who.reads_engine,
        "who keep the board's records": who.keeps,
        "who manage the board": who.figures,
        "who see the case": who.sees != "nothing",
        "whose it is": who.sees == "whole" or not whose.isdisjoint(who.whose),
        "who see all of it by a role": by_role,
        "who manage the case": who.manages,
        "who hold a role": who.sees != "nothing" and (not who.emergency or bool(who.whose)),
        "agencies and the whole by a role": by_role or (who.sees != "nothing" and bool(who.whose & set(AGENCIES))),
    }
    return answers[rule] and (rule == "all" or not who.outside)


def _each(name: str, of: dict[str, set[str]], **more: str) -> tuple[tuple[dict[str, str], frozenset[str]], ...]:
    return tuple(({name: value, **more}, frozenset(whose)) for value, whose in of.items())


STEPS: dict[str, set[str]] = {
    "recommend": set(), "decide": set(), "action-plan": set(), "notify-cqc": {"health-manager"},
    "tell-designated-person": {"designated-person"}, "ask-agencies[health]": {"health"},
    "agency-review[health]": {"health"}, "agency-review[police]": {"police"}, "secure-records[police]": {"police"},
}  # fmt: skip
DOCUMENTS: dict[str, set[str]] = {
    "chronology[health]": {"health"},
    "chronology[police]": {"police"},
    "overview-report": set(),
}
KINDS: dict[str, str] = {
    **dict.fromkeys(("plan", "extend", "correct", "assign", "stand-down"), "who manage the case"),
    **dict.fromkeys(("involve", "agree", "close"), "who manage the case"),
    "recuse": "who hold a role", "file": "agencies and the whole by a role",
}  # fmt: skip
WORDING = {"letter": "reminder", "version:int": "0"}
CASE, RECORDS = "/cases/{reference}", "who keep the board's records"
PLAIN: dict[str, str] = {
    **dict.fromkeys(("GET /health", "GET /ready", "GET /sign-in", "POST /sign-in", "POST /sign-out"), "all"),
    **dict.fromkeys(("GET /sign-on", "GET /sign-on/back", "GET /sign-on/ended"), "nobody"),  # there is no provider here
    **dict.fromkeys(("GET /", "GET /cases", "GET /emergency", "POST /emergency", "GET /exports"), "staff"),
    **dict.fromkeys(("GET /exports/cases.csv", "GET /exports/cases.xlsx"), "staff"),  # their own rows alone
    **dict.fromkeys(("GET /exports/waiting.csv", "GET /exports/waiting.xlsx"), "staff"),
    **dict.fromkeys(("GET /feed", "POST /feed", "POST /feed/revoke", "GET /procedures"), "staff"),
    **dict.fromkeys(("GET /refer", "POST /refer"), "staff"),
    **dict.fromkeys(("GET /accounts", "POST /accounts"), "administrators"),
    **dict.fromkeys(("GET /figures", "GET /exports/figures.csv", "GET /exports/figures.xlsx"), "who manage the board"),
    **dict.fromkeys(("GET /engine", "POST /codec/decode"), "engine readers"),
    **dict.fromkeys(("GET /wording", "GET /records", "GET /records/holiday", "POST /records/holiday"), RECORDS),
    **dict.fromkeys(("GET /records/publications", "GET /records/learning", "GET /records/retention"), RECORDS),
    **dict.fromkeys(("GET /records/learning/add", "POST /records/learning/add"), RECORDS),
    "GET /records/bulletins": RECORDS,
    **dict.fromkeys((f"GET {CASE}", f"GET {CASE}/timeline", f"GET {CASE}/dates"), "who see the case"),
    **dict.fromkeys((f"GET {CASE}/letters", f"GET {CASE}/documents"), "who see the case"),
    **dict.fromkeys((f"GET {CASE}/{end}" for end in ("chronology", "people", "actions")), "who see the case"),
    **dict.fromkeys((f"GET {CASE}/change", f"GET {CASE}/what-if"), "who see the case"),
    **dict.fromkeys((f"GET {CASE}/bundle", f"POST {CASE}/bundle"), "who see all of it by a role"),
    **dict.fromkeys((f"GET {CASE}/audit", f"GET {CASE}/records"), "who manage the case"),
}  # fmt: skip
FILES = (({"kind": "xlsx"}, frozenset[str]()), ({"kind": "pdf"}, frozenset[str]()))


def rules(letters: dict[str, str], decisions: dict[str, set[str]]) -> Iterator[tuple[str, Rule]]:
    """Every route with its method, and who may; `letters` are by recipient, `decisions` are ids with whose they are."""
    yield from ((route, Rule(who)) for route, who in PLAIN.items())
    to = _each("letter", {letter: {role} for role, letter in letters.items()})
    for end in ("", "/pdf"):
        yield f"GET {CASE}/letters/{{letter}}{end}", Rule("whose it is", to)
    yield f"POST {CASE}/letters/{{letter}}/posted", Rule("who manage the case", to[:3])
    steps = _each("key:path", STEPS)
    yield f"GET {CASE}/dates/{{key:path}}", Rule("whose it is", steps)
    for how in ("GET", "POST"):
        yield f"{how} {CASE}/decide/{{key:path}}", Rule("whose it is", steps)
    papers = tuple(one for number in "12" for one in _each("key:path", DOCUMENTS, **{"version:int": number}))
    there = tuple(one for one in papers if one[0] != {"key:path": "overview-report", "version:int": "2"})
    yield f"GET {CASE}/documents/{{version:int}}/{{key:path}}", Rule("whose it is", there)
    yield f"GET {CASE}/chronology.{{kind}}", Rule("who see the case", FILES)
    yield f"GET {CASE}/taken/{{decision}}", Rule("whose it is", _each("decision", decisions))
    for kind, who in KINDS.items():
        yield f"GET {CASE}/change/{{kind}}", Rule(who, _each("kind", {kind: set()}))
        # whoever sees the case gets the form again, with why it is refused
        yield f"POST {CASE}/change/{{kind}}", Rule("who see the case", _each("kind", {kind: set()}))
    entries = _each(
        "kind", {kind: set() for kind in ("publish", "withdraw", "hold", "release", "dispose", "identifiers")}
    )
    for how in ("GET", "POST"):
        yield f"{how} {CASE}/records/{{kind}}", Rule("who manage the case", entries)
    yield from _of_the_board()


def _of_the_board() -> Iterator[tuple[str, Rule]]:
    one = Rule("who keep the board's records", ((WORDING, frozenset()),))
    for how in ("GET", "POST"):
        yield f"{how} /wording/{{letter}}", one
        yield f"{how} /wording/{{letter}}/versions/{{version:int}}", one
        quarter = Rule(one.who, (({"quarter": "2026-Q3"}, frozenset()),))
        yield f"{how} /records/bulletins/{{quarter}}", quarter
    yield "GET /wording/{letter}/versions", one
    # of these there is none in this world: not even who may see such a thing gets one
    none = ({"quarter": "2026-Q3", "form": "pdf", "number:int": "1"}, frozenset[str]())
    yield "GET /records/bulletins/{quarter}.{form}", Rule("nobody", (none,))
    yield "GET /records/learning/{number:int}/withdraw", Rule("nobody", (none,))
    yield "POST /records/learning/{number:int}/withdraw", Rule(one.who, (none,))
    yield f"POST {CASE}/records/certificate/{{number:int}}", Rule("nobody", (none,))
    for how in ("GET", "POST"):
        yield (
            f"{how} /accounts/{{account}}/close",
            Rule("administrators", (({"account": "another@demo"}, frozenset()),)),
        )
        yield f"{how} /accounts/{{account}}/close", Rule("nobody", (({"account": "bm@milton-keynes"}, frozenset()),))
        for path in ("/refer/{draft}/ask/{question}", "/refer/{draft}/check", "/refer/{draft}/throw-away"):
            yield f"{how} {path}", Rule("staff", (({"draft": "their own", "question": "why"}, frozenset()),))
            yield f"{how} {path}", Rule("nobody", (({"draft": "another's", "question": "why"}, frozenset()),))
    yield "GET /refer/{draft}", Rule("staff", (({"draft": "their own"}, frozenset()),))
    yield "GET /refer/{draft}", Rule("nobody", (({"draft": "another's"}, frozenset()),))
    for path in ("/procedures/{id}", "/procedures/{id}/diagram"):
        yield f"GET {path}", Rule("staff", (({"id": "wt2013"}, frozenset()),))
    for how in ("GET", "POST"):
        yield f"{how} /welcome/{{token}}", Rule("all", (({"token": "x"}, frozenset()),))
    yield "GET /feed/{token}.ics", Rule("all", (({"token": "a feed's"}, frozenset()),))  # who has it may
    yield "GET /feed/{token}.ics", Rule("nobody", (({"token": "x"}, frozenset()),))


WITHOUT = {"OPTIONS /codec/decode": "a browser's question before it sends; it is answered with headers alone"}
"""Routes that stand in no rule, and why."""
