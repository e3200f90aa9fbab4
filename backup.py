"""A backup of the embedded default: one file with the register, the letters sent and the board's own files.

Not in it: the keys (whoever has both can read everything: keep them apart) and the engine's database, which
`scr restore` makes again from the register. The register is copied as of one moment while everything runs; every
other file is sealed, for letters name people.
"""

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from models.refusal import Refusal
from register.sealed import Ring, sync_folder

MANIFEST = "manifest.json"
REGISTER = "register.db"
_LEFT_OUT = ("register.db", "register.key", "engine.", "logs", "setup.lock", "up.lock")


class Contents(NamedTuple):
    """What a backup holds: the aware moment it was made, how many files, how many bytes."""

    made_at: datetime
    files: int
    size: int


def make(data: Path, file: Path, ring: Ring, progress: Callable[[str], None] = lambda _: None) -> Contents:
    """Write a backup of a data folder into a new file, which appears whole or not at all (mode 0600).

    Raises Refusal where there is no register or the file is there already, OSError where it cannot be written.
    """
    if not (data / REGISTER).is_file():
        raise Refusal(f"There is no register in {data}: name its folder in SCR_DATA.")
    if file.exists():
        raise Refusal(f"{file} is there already; name a new file.")
    if not file.parent.is_dir():
        raise Refusal(f"There is no folder {file.parent}; make it, or name another.")
    made_at = datetime.now(UTC)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder:
        copy, draft = Path(folder) / REGISTER, Path(folder) / "draft.tar.gz"
        _copy_register(data / REGISTER, copy)
        hashes = {REGISTER: _sha256(copy)}
        with tarfile.open(draft, "w:gz", compresslevel=6) as archive:
            progress(REGISTER)
            archive.add(copy, REGISTER)
            for path in _own_files(data):
                name = str(path.relative_to(data))
                progress(name)
                sealed = ring.seal(path.read_bytes(), _context(name))
                hashes[name] = hashlib.sha256(sealed).hexdigest()
                _add(archive, name, sealed)
            manifest = json.dumps({"made_at": made_at.isoformat(), "files": hashes}, indent=1)
            _add(archive, MANIFEST, manifest.encode())
        draft.chmod(0o600)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        os.link(draft, file)  # refuses where another was first
    sync_folder(file.parent)
    return Contents(made_at, len(hashes), file.stat().st_size)


def put_back(file: Path, data: Path, ring: Ring, progress: Callable[[str], None] = lambda _: None) -> Contents:
    """Put a backup into a data folder that has no register. Nothing is put there unless all of it is sound.

    Raises Refusal, and SealError for a key that the ring does not have.
    """
    if (data / REGISTER).exists():
        raise Refusal(f"{data} holds a register already; name an empty folder in SCR_DATA.")
    if not file.is_file():
        raise Refusal(f"There is no file {file}; name a backup.")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data, prefix=".restore-") as folder:
        unpacked = Path(folder)
        try:
            with tarfile.open(file, "r:gz") as archive:
                archive.extractall(unpacked, filter="data")
            manifest = json.loads((unpacked / MANIFEST).read_text(encoding="utf-8"))
            hashes, made_at = dict(manifest["files"]), datetime.fromisoformat(manifest["made_at"])
            found = {name: _sha256(unpacked / name) for name in hashes}
        except (tarfile.TarError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
            raise Refusal(f"{file} is no whole backup; take another one.") from error
        if wrong := sorted(name for name, sha256 in hashes.items() if found[name] != sha256):
            raise Refusal(f"{file} is damaged at {wrong[0]}; take another one.")
        own = sorted(name for name in hashes if name != REGISTER)
        for name in own:
            path = unpacked / name
            path.write_bytes(ring.unseal(path.read_bytes(), _context(name)))
            path.chmod(0o600)
        for name in [*own, REGISTER]:  # the register last: when it is there, all is
            progress(name)
            (data / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.replace(unpacked / name, data / name)
    return Contents(made_at, len(hashes), file.stat().st_size)


def _context(name: str) -> str:
    return f"file {name} of a backup"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _own_files(data: Path) -> Iterator[Path]:
    for path in sorted(data.rglob("*")):
        parts = path.relative_to(data).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not path.is_symlink() and not hidden and not parts[0].startswith(_LEFT_OUT):
            yield path


def _copy_register(path: Path, copy: Path) -> None:
    """Copy a SQLite database as of one moment, whatever is written to it meanwhile."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.chmod(0o600)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
