"""docs/write-a-procedure.md, done as it says: its own pieces make a procedure that is checked and rehearsed."""

import re
import tomllib
from pathlib import Path

from library import ROOT, Library
from models.check import check_text
from rehearsal import read_scenario, rehearse

PAGE = (ROOT / "docs" / "write-a-procedure.md").read_text(encoding="utf-8")
PIECES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
PROCEDURE = "\n".join(PIECES[:5])
HEAD, ROLES, STORY = PIECES[5:8]


def board() -> str:
    """The demonstration's board with the lines of the page in place of its own."""
    text = (ROOT / "boards" / "demo.toml").read_text(encoding="utf-8")
    for line in HEAD.splitlines():
        text = re.sub(rf"^{line.partition(' = ')[0]} = .*$", line, text, count=1, flags=re.MULTILINE)
    return re.sub(r"^\[roles\]\n(.+\n)+", f"{ROLES}\n", text, count=1, flags=re.MULTILINE)


def test_the_pieces_of_the_page_make_a_sound_procedure() -> None:
    assert check_text(PROCEDURE, "county-rules.toml", Library().templates()) == []
    rows = {step["row"] for step in tomllib.loads(PROCEDURE)["step"]}
    table = set(re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE))
    assert rows == table


async def test_the_story_of_the_page_is_rehearsed(tmp_path: Path) -> None:
    own = tmp_path / "own"
    for folder, name, text in (("procedures", "county-rules", PROCEDURE), ("boards", "county", board())):
        (own / folder).mkdir(parents=True)
        (own / folder / f"{name}.toml").write_text(text, encoding="utf-8")
    played = await rehearse(read_scenario(STORY, "county-story.toml"), Library(own), tmp_path)
    account = next(record for record in played.deadlines if record.key == "account[health]")
    assert (str(account.due), account.late_by) == ("2026-04-17", 4)
    late = {event.kind for event in played.events if event.step == "account[health]"}
    assert {"reminded", "expired", "decided"} <= late
    assert {letter.state for letter in played.letters} == {"sent"}


def test_a_letter_of_ones_own_is_known_to_the_check(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "county-notice.md.j2").write_text("+++\ntitle = 'Notice'\n+++\nText.\n", encoding="utf-8")
    own = PROCEDURE.replace("referral-outcome", "county-notice")
    assert check_text(own, "county-rules.toml", Library().templates()) != []
    assert check_text(own, "county-rules.toml", Library(tmp_path).templates()) == []
