"""Wording that boards edit: versions that stay, letters made of it apart and within limits, templates that attack."""

import asyncio
import io
import resource
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities import safe_rendering, samples
from activities.letters import LetterActivities
from activities.rendering import DEMONSTRATION, FillingError, LetterError, Renderer
from library import Library
from models.letters import LetterFacts, LetterOrder, LetterReport, RenderedLetter
from models.messages import Mail
from models.refusal import Refusal
from register import wordings
from register.errors import DatabaseError
from register.store import Register
from register.wordings import Overtaken, Wording

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LIBRARY = Library()
DEMO = LIBRARY.board("demo")
FOLDERS = LIBRARY.letter_folders("demo")


def version(number: int, source: str | None, by: str = "bm", letter: str = "reminder") -> Wording:
    return Wording(letter, number, NOW, by, "", source)


async def save(register: Register, *args: Any, **more: Any) -> Wording:
    return await wordings.save(register, "demo", version(*args, **more))


@pytest.fixture
def _short_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_rendering, "PROCESSOR_SECONDS", 2)


# ---- versions


async def test_versions_are_numbered_by_board_and_letter_and_the_newest_is_in_use(register: Register) -> None:
    first = await save(register, 1, "One\n")
    second = await save(register, 2, "Two\n", by="other")
    await save(register, 1, "Mine\n", letter="escalation")
    await wordings.save(register, "milton-keynes", version(1, "Theirs\n"))
    assert await wordings.versions(register, "demo", "reminder") == [second, first]
    assert await wordings.newest(register, "demo", "reminder") == second
    assert await wordings.newest(register, "demo", "cqc-notice") is None
    found = await wordings.in_use(register, "demo")
    assert {name: one.source for name, one in found.items()} == {"reminder": "Two\n", "escalation": "Mine\n"}


async def test_who_began_from_an_older_version_is_told_and_changes_nothing(register: Register) -> None:
    await save(register, 1, "One\n")
    with pytest.raises(Overtaken, match="Version 1 was saved meanwhile"):
        await save(register, 1, "Other\n", by="other")
    with pytest.raises(Overtaken):
        await save(register, 7, "Other\n")
    assert [one.source for one in await wordings.versions(register, "demo", "reminder")] == ["One\n"]


async def test_of_two_who_save_at_once_one_is_told(register: Register) -> None:
    both = (save(register, 1, f"{who}\n", by=who) for who in ("a", "b"))
    ended = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["Overtaken", "Wording"]
    assert len(await wordings.versions(register, "demo", "reminder")) == 1


async def test_a_double_click_has_one_effect_and_nothing_new_is_refused(register: Register) -> None:
    first = await save(register, 1, "One\n")
    assert await save(register, 1, "One\n") == first
    with pytest.raises(Refusal, match="in use"):
        await save(register, 2, "One\n")
    with pytest.raises(Refusal, match="in use"):
        await save(register, 1, None, letter="escalation")
    assert len(await wordings.versions(register, "demo", "reminder")) == 1


@pytest.mark.parametrize("statement", ["UPDATE wordings SET source = 'x'", "DELETE FROM wordings"])
async def test_the_database_itself_keeps_every_version(register: Register, statement: str) -> None:
    await save(register, 1, "One\n")
    with pytest.raises(DatabaseError, match="wordings are append-only"):
        await register.write(lambda db: db.execute(text(statement)))
    assert await wordings.newest(register, "demo", "reminder") == version(1, "One\n")


async def test_no_version_is_replaced_and_no_table_emptied(register: Register, where: Path | str) -> None:
    await save(register, 1, "One\n")
    sqlite = isinstance(where, Path)
    row = "('demo', 'reminder', 1, '2026-11-22', 'bm', '', 'x')"
    statement = f"INSERT OR REPLACE INTO wordings VALUES {row}" if sqlite else "TRUNCATE wordings"
    with pytest.raises(DatabaseError, match="wordings are append-only"):
        await register.write(lambda db: db.execute(text(statement)))


# ---- letters made apart


def wording(body: str, front: str = 'title = "A trial"') -> str:
    return f"+++\n{front}\n+++\n{body}\n"


def made(body: str, front: str = 'title = "A trial"') -> RenderedLetter:
    return safe_rendering.make(FOLDERS, LIBRARY.fonts, wording(body, front), samples.whole(DEMO, "reminder")[:1])[0]


def read(letter: RenderedLetter) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(letter.pdf)).pages).split())


def test_a_letter_made_apart_is_the_one_made_here() -> None:
    file = LIBRARY.letters("demo")["secure-records"]
    given = samples.whole(DEMO, "secure-records")
    apart = safe_rendering.make(FOLDERS, LIBRARY.fonts, file.read_text(), given)
    assert apart == [Renderer(FOLDERS, LIBRARY.fonts).render(*one.arguments) for one in given]
    assert DEMONSTRATION in read(apart[0])
    assert "Oriel Example-Thorne" in apart[0].text


def test_the_samples_accept_every_letter_that_a_board_can_send() -> None:
    boards = {file: (board, letter) for board in LIBRARY.boards() for letter, file in LIBRARY.letters(board).items()}
    assert len(boards) > len(LIBRARY.letters("demo"))
    for file, (board, letter) in boards.items():
        own, renderer = LIBRARY.board(board), Renderer(LIBRARY.letter_folders(board), LIBRARY.fonts)
        for given in (*samples.whole(own, letter), *samples.partly(own, letter)):
            assert renderer.fill(*given.arguments, file.read_text())


def test_every_fact_is_tried_and_told_to_who_edits() -> None:
    assert set(samples.FACTS) == set(LetterFacts.model_fields)
    assert {name.partition(" ")[0] for name in samples.PRINTED} >= set(LetterFacts.model_fields)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{{ due | day }}", "line 5.*a fact that the case has not given"),
        ("{% if due %}{{ act_by | day }}{% endif %}", "no act_by"),
        ("Words {% if outcome %}{{ reason }}{% endif %}", "no reason"),
        ("{% for term in terms or () %}{{ term.owner }}{% endfor %}", "no attribute"),
    ],
)
def test_what_fails_on_some_case_says_where_and_on_which(body: str, told: str) -> None:
    whole, partly = samples.whole(DEMO, "reminder"), list(samples.partly(DEMO, "reminder"))
    with pytest.raises(FillingError, match=told) as caught:
        safe_rendering.make(FOLDERS, LIBRARY.fonts, wording(f"Words.\n{body}"), whole, partly)
    assert str(caught.value).count("\n") == 0
    assert "tried with" in str(caught.value)


BOMBS = {
    "many loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "a long loop": "{% for i in range(10 ** 9) %}x{% endfor %}",
    "much memory": "{% if ('x' * 2000000000) | length %}Words.{% endif %}",
    "a great number": "{% if 9 ** (9 ** 9) %}x{% endif %}",
    "many paragraphs": "{% for i in range(99999) %}word\n\n{% for j in range(9) %}word\n\n{% endfor %}{% endfor %}",
    "a long text": "{% for i in range(50000) %}words {% endfor %}",
}


@pytest.mark.usefixtures("_short_of_time")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_only_its_own_process_down(name: str) -> None:
    told = {"a long loop": "OverflowError", "a long text": "at most 100,000 characters"}
    with pytest.raises(LetterError, match=told.get(name, "too much time or memory")):
        made(BOMBS[name])


@pytest.mark.usefixtures("_short_of_time")
def test_a_bomb_has_little_of_the_processor() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(LetterError, match="too much time or memory"):
        made(BOMBS["many loops"])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 4


def test_a_child_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stuck = tmp_path / "python"
    stuck.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "import threading; threading.Event().wait()"\n')
    stuck.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(stuck))
    monkeypatch.setattr(safe_rendering, "WALL_SECONDS", 0.5)
    with pytest.raises(LetterError, match="too much time or memory"):
        made("Words.")


PICKLE = r"cos\nsystem\n(S'touch FILE'\ntR."
ESCAPES = {
    "classes": "{{ ''.__class__.__mro__ }}",
    "classes by filter": "{{ '' | attr('__class__') }}",
    "classes by map": "{{ ['x'] | map(attribute='__class__') | list | first | string }}",
    "globals of a function": "{{ cycler.__init__.__globals__ }}",
    "the context": "{{ self._TemplateReference__context }}",
    "format": "{{ '{0.__class__}'.format(board) }}",
    "format_map": "{{ '{x.__class__}'.format_map({'x': board}) }}",
    "a file above": "{% include '../../register.key' %}",
    "a file by its path": "{% include '/etc/passwd' %}",
    "an import": "{% import '../../../etc/passwd' as x %}",
    "a parent": "{% extends '../letter.typ' %}",
    "a model that reads files": "{{ board.parse_file('/etc/passwd') }}",
    "a model that unpickles": f'{{{{ board.parse_raw("{PICKLE}", content_type="pickle", allow_pickle=True) }}}}',
    "the same by item": f'{{{{ sender["parse_raw"]("{PICKLE}", content_type="pickle", allow_pickle=True) }}}}',
    "a model's class": "{{ board.model_construct }}",
    "the child without leave": "{{ child.name }}",
    "chance": "{{ lipsum() }}",
    "chance by filter": "{{ [1, 2] | random }}",
}


@pytest.mark.parametrize("body", ESCAPES.values(), ids=ESCAPES)
def test_a_template_cannot_leave_its_sandbox(body: str, tmp_path: Path) -> None:
    """In this process, where nothing but the sandbox holds it."""
    got_out = tmp_path / "out"
    given = samples.whole(DEMO, "reminder")[0]
    with pytest.raises(LetterError) as caught:
        Renderer(FOLDERS, LIBRARY.fonts).fill(*given.arguments, wording(body.replace("FILE", str(got_out))))
    assert not got_out.exists()
    assert "root:" not in str(caught.value)


def test_typst_runs_nothing_of_a_wording() -> None:
    hostile = '#read("/etc/passwd") #panic() $x$ #import "x.typ" <label> @ref'
    letter = made(
        f"## {hostile}\n\n{hostile}\n\n| {hostile} | b |\n|---|---|\n| {hostile} | c |", f"title = '{hostile}'"
    )
    assert read(letter).count("#panic()") == 5
    assert letter.text.count("#panic()") == 4, "plain text leaves the heads of a table out"
    assert "root:" not in read(letter)


# ---- sending


def order(letter: str, number: int = 1, **facts: str) -> LetterOrder:
    on = date(2026, 11, 22)
    return LetterOrder(
        id=f"{number}-{letter}", template=letter, sender="chair", recipient="business-manager", on=on, facts=facts
    )


class Post:
    """The activity that sends letters, on a register and an outbox."""

    def __init__(self, register: Register, folder: Path) -> None:
        self.letters = LetterActivities(LIBRARY, register, folder / "outbox")
        self.folder = folder

    async def send(self, *orders: LetterOrder) -> list[LetterReport]:
        mail = Mail(reference="DEMO-2026-001", board="demo", letters=orders)
        env = ActivityEnvironment()
        env.info = replace(env.info, start_to_close_timeout=timedelta(minutes=5))
        reports: list[LetterReport] = await env.run(self.letters.send, mail)
        return reports

    def text(self, letter: str) -> str:
        return (self.folder / "outbox" / "DEMO-2026-001" / f"{letter}.eml").read_text()


@pytest.fixture
def post(register: Register, tmp_path: Path) -> Post:
    return Post(register, tmp_path)


async def test_a_letter_has_the_newest_wording_when_it_is_sent_and_keeps_it(register: Register, post: Post) -> None:
    await post.send(order("reminder", 1))
    await save(register, 1, wording("Wording by the Board, one."))
    await save(register, 2, wording("Wording by the Board, two."))
    reports = await post.send(order("reminder", 1), order("reminder", 2), order("escalation", 3))
    assert [report.because for report in reports] == [None, None, None]
    assert "Wording by the Board" not in post.text("1-reminder") + post.text("3-escalation")
    assert "Wording by the Board, two." in post.text("2-reminder")
    await save(register, 3, None)
    [again] = await post.send(order("reminder", 2))
    assert again == reports[1]
    assert "Wording by the Board, two." in post.text("2-reminder")
    await post.send(order("reminder", 4))
    assert "Wording by the Board" not in post.text("4-reminder")


async def test_another_boards_wording_is_not_used(register: Register, post: Post) -> None:
    await wordings.save(register, "milton-keynes", version(1, wording("Theirs.")))
    await post.send(order("reminder"))
    assert "Theirs." not in post.text("1-reminder")


@pytest.mark.usefixtures("_short_of_time")
async def test_a_bomb_is_a_failure_of_its_letter_and_the_others_go(register: Register, post: Post) -> None:
    await save(register, 1, wording(BOMBS["many loops"]))
    bomb, other = await post.send(order("reminder", 1), order("escalation", 2))
    assert "takes too much time or memory" in str(bomb.because)
    assert other.because is None


async def test_a_wording_that_fails_on_a_case_is_reported_without_quoting_it(register: Register, post: Post) -> None:
    await save(register, 1, wording("{{ reason | day }}"))
    [report] = await post.send(order("reminder", reason="Zephyrine"))
    assert "Version 1 of the Board's wording" in str(report.because)
    assert "Zephyrine" not in str(report.because)
