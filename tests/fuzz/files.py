"""Files that a board brings: procedures, boards, calendars, referrals; and a ring of keys."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from case_world import AGENCIES, ROOT, TINY, england, noon

from fuzz.driver import Target
from fuzz.mutating import ODD, bytes_of, text_of
from library import Library
from models import events as ev
from models.board import Board, read_board
from models.calendar import Calendar, read_calendar
from models.case import fold
from models.check import check_text
from models.deciding import decide
from models.decisions import Decide
from models.procedure import Procedure, read_procedure
from models.referral import Referral, opening_of, read_referral
from models.refusal import Refusal
from models.turn import opened, tick
from register.sealed import Ring

LIBRARY = Library()
TODAY = date(2026, 11, 22)


def texts(folder: str) -> list[str]:
    """The files of a folder of the repository."""
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).glob("*.toml"))]


class _Files(Target):
    """Files in TOML, some of them as they are but for a word or a line."""

    samples: Sequence[str]
    words: tuple[str, ...] = ()

    def make(self, random: Random) -> str:
        """The text of a file."""
        return text_of(random, self.samples, (*ODD, *self.words * 3))


class Procedures(_Files):
    """A procedure file: checked, and where nothing is wrong with it a case is opened and taken on under it."""

    name, share = "procedure files", 16
    seconds = 5.0
    words = (
        *("agency", "action", "quarter", "chair", "manager", "decide", "decide.go", "notified", "publication", "true"),
        *('"10 working days"', '"1 month"', '"immediately"', '"expiry"', '"5 working days before"', "[]", "within"),
        *("after", "of", "before", "at_least", "requires", "each", "searches", "evidence", "letters", "done", "group"),
    )

    def __init__(self) -> None:
        self.samples = (*[TINY] * 24, *texts("procedures"))
        self._templates = LIBRARY.templates()

    def give(self, made: Any) -> None:
        problems = check_text(made, "fuzzed.toml", self._templates)
        if problems:
            assert all(map(str, problems))
            raise Refusal("\n".join(map(str, problems)))
        procedure = read_procedure(made, "fuzzed.toml")
        assert Procedure.model_validate_json(procedure.model_dump_json(by_alias=True)) == procedure
        _take_on(procedure)


def _take_on(procedure: Procedure) -> None:
    """A case under a procedure that was found sound goes on: nothing but a refusal stands in its way."""
    holders = {
        key: (key,)
        for role, said in procedure.roles.items()
        for key in ([f"{role}[{agency}]" for agency in AGENCIES] if said.of else [role])
    }
    opening = ev.Opening(
        reference="DEMO-2013-001", board="demo", procedure=procedure, calendar=england(),
        notified_on=date(2013, 7, 8), holders=holders, agencies=AGENCIES,
    )  # fmt: skip
    log = opened(opening, noon("2013-07-08"))
    for number in range(8):
        case = fold(log)
        at = noon(f"2013-{8 + number // 3:02}-{1 + 7 * (number % 3):02}")
        log += tick(case, at)
        case = fold(log)
        for record in [record for record in case.open_steps if record.step in procedure.steps][:2]:
            step, by = procedure.steps[record.step], case.facts.holders.get(record.owner, ("nobody",))[0]
            said = {"id": f"decision-{number}-{len(log)}", "by": by, "made_on": at.date(), "because": "It is so."}
            outcome = list(step.outcomes)[number % len(step.outcomes)] if step.outcomes else "done"
            try:
                log += decide(case, Decide(**said, step=record.key, outcome=outcome, evidence="There."), at)
            except Refusal:
                continue
            case = fold(log)


class Boards(_Files):
    """A board's file."""

    name, share = "board files", 12

    def __init__(self) -> None:
        self.samples = texts("boards")
        self.words = ("chair", "health", '"chair"', "people", "agencies", "roles", "imr-author[health]", "sender")

    def give(self, made: Any) -> None:
        board = read_board(made)
        assert Board.model_validate_json(board.model_dump_json()) == board
        for role in board.roles:
            board.correspondent(role)


class Calendars(_Files):
    """A calendar's file."""

    name, share = "calendar files", 20

    def __init__(self) -> None:
        known = texts("calendars")
        heads = ["\n".join(text.splitlines()[:60]) for text in known]
        self.samples = (*known, *heads * 9)

    def give(self, made: Any) -> None:
        calendar = read_calendar(made)
        assert Calendar.model_validate_json(calendar.model_dump_json()) == calendar
        calendar.why_not_working(date(calendar.first_year, 12, 25))


class Referrals(_Files):
    """A referral, and the opening of the case that it makes."""

    name, share = "referrals", 45

    def __init__(self) -> None:
        known = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.toml"))}
        self.samples = (*known.values(), *[known["referral.toml"]] * 3)
        self.words = (
            *("demo", "wt2013", '"learning-year"', "2026-11-16", '"2026-11"', "2026-11-16T23:30:00Z", "health"),
            *("[family]", "[child]", "name", "email", '"x@y.example"', "tell-designated-person", "procedure"),
        )

    def give(self, made: Any) -> None:
        referral = read_referral(made, "fuzzed.toml")
        assert Referral.model_validate_json(referral.model_dump_json()) == referral
        board = LIBRARY.board(referral.board)
        procedure = LIBRARY.procedure(referral.procedure or board.procedure)
        calendar = LIBRARY.calendar(procedure.calendar)
        opening = opening_of(referral, "DEMO-2026-001", board, procedure, calendar, TODAY)
        fold(opened(opening, noon("2026-11-22")))


class KeyRings(Target):
    """The file of a ring of keys: what is accepted seals so that it can be opened again."""

    name, share = "key rings", 12

    def __init__(self) -> None:
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name) / "register.key"
        ring = Ring.load_or_make(self._path)
        ring.seal(b"", "a ring is made when it first seals")
        ring.rotate()
        good = self._path.read_text(encoding="utf-8")
        current = json.loads(good)["current"]
        self._samples = (good, good.replace(current, "ab12cd34"), good.replace(current, "ähnlich1"), "{}", "[]")
        self._path.unlink()

    def make(self, random: Random) -> bytes:
        """The content of a file."""
        if random.random() < 0.5:
            return text_of(random, self._samples).encode("utf-8", "surrogatepass")
        return bytes_of(random, [sample.encode() for sample in self._samples])

    def give(self, made: Any) -> None:
        self._path.write_bytes(made)
        ring = Ring.load_or_make(self._path)
        for key_id in ring.key_ids:
            assert len(key_id.encode()) == 8, key_id
        assert ring.unseal(ring.seal(b"plain", "here"), "here") == b"plain"

    def end(self) -> None:
        self._folder.cleanup()
