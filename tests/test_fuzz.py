"""Hostile input: a bounded round of every target of `fuzz`, and each input that once went wrong, for good.

`python -m tests.fuzz --inputs N` is the long form (docs/attackers.md).
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
from fuzz.driver import Target, run
from fuzz.targets import ALL
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_world import Reader, read_by, signed_in, told

from library import Library
from models.calendar import read_calendar
from models.check import check_text
from models.period import PeriodError, parse_period
from models.procedure import ProcedureError, read_procedure
from models.referral import ReferralError, read_referral
from models.refusal import LONGEST, Refusal
from models.timescale import parse_day
from models.toml import read_toml
from register.sealed import Ring, SealError
from web.frame import COOKIE

SMALL = {
    "text of documents": 3, "letters in a child": 2, "pages": 100, "procedure files": 200, "board files": 300,
    "wording of letters": 300, "spreadsheets": 300, "kinds of documents": 300,
}  # fmt: skip
"""Inputs of what takes longer than the rest."""
INPUTS = 1_000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # readers warn of what is damaged; here everything is
@pytest.mark.parametrize("target", ALL, ids=lambda target: target.name)
def test_nothing_is_at_fault(target: type[Target]) -> None:
    tried = run(target(), SMALL.get(target.name, INPUTS), seed=2013)
    assert not tried.faults, "\n".join(
        f"{fault.where}: {fault.words}: {fault.shortest}" for fault in tried.faults.values()
    )
    assert tried.inputs == tried.refused + tried.taken
    assert tried.taken or tried.inputs < 100


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_at_all_is_a_period_or_refused(text: str) -> None:
    try:
        period = parse_period(text)
    except PeriodError:
        return
    assert parse_period(str(period)) == period


# ---- the driver itself ----------------------------------------------------------------------------------------------


class Faulty(Target):
    """Refuses a third of its inputs, takes a third and is at fault with the rest."""

    name, share = "faulty", 0

    def make(self, random: Any) -> int:
        return int(random.randrange(3))

    def give(self, made: Any) -> None:
        if made == 0:
            raise Refusal("Write another.")
        if made == 1:
            raise KeyError("ours")


def test_the_driver_counts_and_makes_each_input_again() -> None:
    whole = run(Faulty(), 60, seed=7)
    (fault,) = whole.faults.values()
    assert whole.refused + whole.taken + fault.times == 60
    assert run(Faulty(), 1, seed=7, first=fault.number).faults
    assert run(Faulty(), 60, seed=7).faults == whole.faults


# ---- what once went wrong -------------------------------------------------------------------------------------------

LONG_NUMBER, DEEP = "a = " + "9" * 5_000, "a = " + "[" * 5_000


@pytest.mark.parametrize("text", [LONG_NUMBER, DEEP], ids=["a number too long", "a list too deep"])
def test_toml_that_python_cannot_read_is_refused_like_any_other(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError, match="too long or a list too deep"):
        read_toml(text)
    with pytest.raises(ProcedureError, match="not readable as TOML"):
        read_procedure(text, "a.toml")
    with pytest.raises(ReferralError, match="not readable as TOML"):
        read_referral(text, "a.toml")
    with pytest.raises(Refusal, match="not valid TOML"):
        read_calendar(text)
    assert "not readable as TOML" in str(check_text(text, "a.toml", set())[0])


def test_a_refusal_shows_no_sign_that_steers_a_screen_and_has_no_endless_line() -> None:
    with pytest.raises(PeriodError) as refused:
        parse_period("\x1b[31m10 \u202edays\x00")
    assert r"\x1b[31m10 \u202edays\x00" in str(refused.value)
    assert str(Refusal("one\ntwo \ud800")) == "one\ntwo \\ud800"
    assert len(str(Refusal("a" * 99_999))) == LONGEST
    assert "\x1b" not in str(check_text('"\\u001b[31m" = 1', "a.toml", set())[0])


@pytest.mark.parametrize("read", [parse_period, parse_day])
def test_what_is_quoted_of_several_lines_is_quoted_in_one(read: Any) -> None:
    with pytest.raises(PeriodError, match='"1 year and a bit" is') as refused:
        read("1\n\n\nyear \r\n and\ta bit")
    assert str(refused.value).isprintable()


KEY = "a1EGhk6LPZI41gR0bDulR845fNF1bY3IGjwOq7npdRY="


@pytest.mark.parametrize(
    "content",
    [
        b"\xf2",
        b"[" * 100_000,
        json.dumps({"current": "ähnlich1", "keys": {"ähnlich1": KEY}}).encode(),
        json.dumps({"current": "éééé", "keys": {"éééé": KEY}}).encode(),
        json.dumps({"current": ["ab12cd34"], "keys": {"ab12cd34": KEY}}).encode(),
    ],
    ids=["no text", "too deep", "an id of other letters", "an id of eight bytes", "a list for an id"],
)
def test_a_ring_that_could_not_open_again_what_it_seals_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "register.key"
    path.write_bytes(content)
    with pytest.raises(SealError):
        Ring.load_or_make(path)
    assert path.read_bytes() == content


async def _asked(tmp_path: Path, method: str, path: str, **more: Any) -> httpx.Response:
    async with read_by(tmp_path, told()) as reader:
        await signed_in(reader.register, "bm's", "bm", "demo")
        return await _of(reader).request(method, path, **more)


def _of(reader: Reader) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(reader.app), base_url="http://pages", cookies={COOKIE: "bm's"}
    )


@pytest.mark.parametrize("path", ["/cases/DEMO-2013-001/documents/{}/chronology", "/wording/reminder/versions/{}"])
async def test_a_number_of_five_thousand_digits_in_an_address_is_no_page(tmp_path: Path, path: str) -> None:
    assert (await _asked(tmp_path, "GET", path.format("9" * 5_000))).status_code == 404


async def test_a_form_that_does_not_say_how_large_it_is_is_not_read(tmp_path: Path) -> None:
    async def endless() -> Any:
        yield b"csrf=token+of+forms&person=bm"
        raise AssertionError("more of it was asked for")

    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await _asked(tmp_path, "POST", "/sign-in", content=endless(), headers=form)
    assert answer.status_code == 411
    assert "Nothing was changed" in answer.text


def test_the_library_is_sound() -> None:
    """Against rounds that refuse everything because the corpus itself is refused."""
    library = Library()
    for name in library.procedures():
        assert not library.misfits(library.procedures()[name].read_text(encoding="utf-8"), f"{name}.toml")
