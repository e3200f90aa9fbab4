"""A backup is made while all runs, checks itself, and becomes a register again; a broken one changes nothing."""

import os
import tarfile
from pathlib import Path

import pytest
from desk import Desk, Said

import backup
from register.sealed import Ring

pytestmark = pytest.mark.slow


def refused(said: Said, *words: str) -> None:
    assert (said.code, said.out) == (2, "")
    assert all(word in said.err for word in words), said.err


@pytest.fixture
def file(desk: Desk, case: str, tmp_path: Path) -> Path:
    """A backup of a data folder with a case, and a board's own wording."""
    own = desk.data / "letters" / "own.md.j2"
    own.parent.mkdir(exist_ok=True)
    own.write_text('+++\ntitle = "Own"\n+++\nOur own words.\n')
    made = desk("backup", tmp_path / "backup.tar.gz")
    assert (made.code, made.err) == (0, "")
    assert "The keys are not in it" in made.out
    return tmp_path / "backup.tar.gz"


def test_a_backup_is_put_back_as_it_was(
    desk: Desk,
    case: str,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    kept = desk("case", case, "--history", "--why").out
    letters = sorted(path.name for path in (desk.data / "outbox" / case).iterdir())
    key = tmp_path / "key"
    key.write_bytes((desk.data / "register.key").read_bytes())
    later = Desk(monkeypatch, capfd, desk.data, "127.0.0.1:1")
    elsewhere = Desk(monkeypatch, capfd, tmp_path / "elsewhere", "127.0.0.1:1")
    said = elsewhere("restore-backup", file, "--key", key)
    assert (said.code, said.err) == (0, "")
    assert elsewhere("case", case, "--history", "--why").out == kept
    assert sorted(path.name for path in (elsewhere.data / "outbox" / case).iterdir()) == letters
    assert (elsewhere.data / "letters" / "own.md.j2").read_text().endswith("Our own words.\n")
    assert elsewhere("audit", "verify").code == 0
    assert not [
        path for path in elsewhere.data.rglob("*") if path.stat().st_mode & 0o077 and path.name == "register.db"
    ]
    refused(elsewhere("restore-backup", file), "holds a register already", "name an empty folder")
    assert later.data != elsewhere.data


def test_a_backup_has_neither_the_keys_nor_the_engine_nor_anything_in_plain(desk: Desk, file: Path) -> None:
    with tarfile.open(file) as archive:
        names = archive.getnames()
        plain = b"".join(
            found.read() for name in names if (found := archive.extractfile(name)) and "outbox" not in name
        )
    assert "register.db" in names
    assert not [name for name in names if "key" in name or "engine" in name]
    assert b"Ottilie" not in plain
    assert b"Our own words" not in plain
    assert os.stat(file).st_mode & 0o777 == 0o600


def test_without_the_key_nothing_is_put_back_and_the_missing_key_is_named(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    elsewhere = Desk(monkeypatch, capfd, tmp_path / "elsewhere")
    refused(elsewhere("restore-backup", file), "is sealed with the key", "put that key back")
    refused(elsewhere("restore-backup", file, "--key", tmp_path / "nowhere"), "There is no file")
    assert list(elsewhere.data.iterdir()) == []


@pytest.mark.parametrize("harm", ["short", "altered", "no archive"])
def test_a_damaged_backup_changes_nothing(
    file: Path, tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if harm == "altered":
        with tarfile.open(file) as archive:
            archive.extractall(tmp_path / "x", filter="data")
        letter = next((tmp_path / "x" / "outbox").rglob("*.eml"))
        letter.write_bytes(letter.read_bytes() + b"!")
        with tarfile.open(file, "w:gz") as archive:
            archive.add(tmp_path / "x", ".")
    else:
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2] if harm == "short" else b"no archive")
    elsewhere = Desk(monkeypatch, capfd, tmp_path / "elsewhere")
    refused(elsewhere("restore-backup", file), "take another one")
    assert list(elsewhere.data.iterdir()) == []


def test_it_is_made_whole_or_not_at_all(
    desk: Desk, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(desk("backup", file), "is there already")
    refused(desk("backup", tmp_path / "nowhere" / "x"), "There is no folder")

    def broken(_: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        backup.make(desk.data, tmp_path / "second.tar.gz", Ring.of(desk.data), broken)
    assert sorted(path.name for path in tmp_path.iterdir() if "backup" in path.name or "second" in path.name) == [
        "backup.tar.gz"
    ]
    monkeypatch.setenv("SCR_DATA", str(tmp_path / "empty"))
    refused(desk("backup", tmp_path / "third.tar.gz"), "There is no register in")
