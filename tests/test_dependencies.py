"""What this product is made of: every package pinned, hashed and under a licence that we accept; and the audit."""

import importlib.metadata as metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[a-z,-]+\])?==(?P<version>\S+)(?P<marker> ; [^\\]+)? \\$")
LICENCES = (
    *("apache-2.0", "apache software license", "bsd", "isc", "mit", "mit-0", "psf-2.0", "3-clause bsd", "python-2.0"),
    *("python software foundation license", "mpl-2.0", "mozilla public license 2.0"),
)
"""Licences that we accept, as their names begin: free ones that ask nothing of what is built with them."""
OTHERWISE = {
    "psycopg": "LGPL-3.0-only: used as it is, as a library of its own that anybody can replace",
    "psycopg-binary": "LGPL-3.0-only: the same",
    "axe-playwright-python": "MIT by its repository; its wheel names none. For tests alone",
}
"""Packages under another licence, or none that they name, and why they are taken."""


def blocks() -> list[str]:
    """The lock's entries: a pinned name with its hashes."""
    return [block for block in re.split(r"\n(?=\S)", LOCK) if not block.startswith("#")]


def licence(package: str) -> str:
    """What an installed package says its licence is."""
    found = metadata.metadata(package).json
    classifiers = [line for line in found.get("classifier", []) if line.startswith("License ::")]
    said = found.get("license_expression") or (classifiers[-1].rpartition(":: ")[2] if classifiers else None)
    return str(said or found.get("license", "")).strip()


def test_every_package_is_pinned_and_has_a_hash_and_comes_from_the_index() -> None:
    assert len(blocks()) > 80
    for block in blocks():
        first, *rest = block.splitlines()
        assert PINNED.fullmatch(first), first
        assert any(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in rest), first
    for word in ("--index-url", "--extra-index-url", "--find-links", "git+", "http:", "https:", "file:", "-e "):
        assert word not in LOCK, word


def test_what_is_installed_is_what_is_pinned() -> None:
    for block in blocks():
        pinned = PINNED.fullmatch(block.splitlines()[0])
        assert pinned is not None
        if pinned["marker"] is None:
            assert metadata.version(pinned["name"]) == pinned["version"], pinned["name"]


def test_every_package_has_a_licence_that_we_accept() -> None:
    unknown = {}
    for block in blocks():
        name = re.split(r"[\[=]", block)[0]
        try:
            said = licence(name)
        except metadata.PackageNotFoundError:
            continue  # for another system than this one
        parts = [part.strip(" ()").casefold() for part in re.split(r" AND | OR ", said)]
        if name not in OTHERWISE and not all(part.startswith(LICENCES) for part in parts):
            unknown[name] = said
    assert not unknown


# ---- the audit ------------------------------------------------------------------------------------------------------


def audit(folder: Path, program: str | None) -> subprocess.CompletedProcess[str]:
    """`./dev audit` where pip-audit is this program, or is not there."""
    if program is not None:
        file, code = folder / "pip-audit", folder / "pip_audit.py"
        code.write_text(f"{program}\n", encoding="utf-8")
        # not "#!" and Python: its path may have a space in it
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{code}"\n', encoding="utf-8")
        file.chmod(0o755)
    command, where = [sys.executable, str(ROOT / "dev"), "audit"], os.environ | {"PATH": str(folder)}
    return subprocess.run(command, env=where, capture_output=True, text=True, check=False)


def answer(*weaknesses: str) -> str:
    """A pip-audit that knows of these."""
    found = {"dependencies": [{"name": "starlette", "version": "1.0", "vulns": [{"id": one} for one in weaknesses]}]}
    return f"print({json.dumps(found)!r}); raise SystemExit({int(bool(weaknesses))})"


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (None, "no pip-audit"),
        ("import sys; sys.exit('ERROR: Could not connect')", "Could not connect"),
        ("", "nothing"),
    ],
)
def test_what_cannot_be_asked_is_skipped_in_one_loud_line(tmp_path: Path, program: str | None, why: str) -> None:
    said = audit(tmp_path, program)
    assert (said.returncode, said.stderr, said.stdout.count("\n")) == (0, "", 1)
    assert said.stdout.startswith("== AUDIT SKIPPED: ")
    assert why in said.stdout


def test_a_known_weakness_is_named_and_fails(tmp_path: Path) -> None:
    said = audit(tmp_path, answer("PYSEC-0000-1", "PYSEC-0000-2"))
    assert said.returncode == 1
    assert said.stdout.splitlines()[:2] == ["starlette: PYSEC-0000-1", "starlette: PYSEC-0000-2"]
    assert audit(tmp_path, answer()).stdout == "== audit: 0 known weaknesses in the packages of requirements.lock\n"
