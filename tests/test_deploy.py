"""What `deploy/` and the pages on operation promise: all settings are told, each alarm has its section, names agree."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from engine import ROOT

import health
from register.sealed import Ring
from worker import attribute_types

DEPLOY = ROOT / "deploy"
OPERATION = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
ALERTS = (DEPLOY / "alerts.yaml").read_text(encoding="utf-8")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ALARMS = re.findall(r"- alert: (\w+)", ALERTS)
_NAME = re.compile(r"""["'](SCR_[A-Z_]*[A-Z])["']""")
FOLLOWING = {"_FILE": ("SCR_SMTP_PASSWORD", "SCR_NOTIFY_KEY", "SCR_OIDC_SECRET")}
"""What the code makes of other names: a secret may lie in a file."""


def settings() -> set[str]:
    """Every setting that the product's own code names."""
    tests = ("tests", "bench", ".venv", ".data")
    files = [ROOT / "dev", *(path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in tests)]
    named = {name for file in files for name in _NAME.findall(file.read_text(encoding="utf-8"))}
    return named | {name + tail for tail, names in FOLLOWING.items() for name in names}


def table() -> set[str]:
    """The names of the table of settings."""
    part = OPERATION.partition("## Settings")[2].partition("\n## ")[0]
    return set(re.findall(r"`(SCR_[A-Z_]+)`", part))


def test_the_table_of_settings_is_complete_and_has_no_other() -> None:
    assert table() == settings()


def test_each_alarm_has_its_section_and_each_section_its_alarm() -> None:
    part = RUNBOOK.partition("\n# Alarms\n")[2].partition("\n# ")[0]
    sections = dict(re.findall(r"## (\w+)\n(.*?)(?=\n## |\Z)", part, re.DOTALL))
    assert list(sections) == ALARMS
    for name, section in sections.items():
        assert section.startswith("**Means** "), name
        assert "\n**Do** " in section, name
        assert f"docs/runbook.md#{name.lower()}" in ALERTS


def test_alarms_ask_for_numbers_that_there_are() -> None:
    own = {name for name, _ in health.GAUGES.values()}
    own |= {"scr_register_up", "scr_engine_up", "scr_upkeep_failures_total"}
    asked = set(re.findall(r"scr_[a-z_]+", "\n".join(re.findall(r"expr: (.*)", ALERTS))))
    assert asked <= own
    told = set(re.findall(r"`(scr_[a-z_]+)`", OPERATION))
    assert told == own


def test_links_within_the_pages_lead_somewhere() -> None:
    for name in ("operation", "hardening", "runbook", "pages"):
        text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        for path, anchor in re.findall(r"\]\((?!http)([^)#\s]*)(?:#([^)\s]+))?\)", text):
            target = (ROOT / "docs" / path) if path else ROOT / "docs" / f"{name}.md"
            assert target.exists(), (name, path)
            if anchor:
                heads = re.findall(r"^#+ (.*)", target.read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}, anchor


def test_files_and_secrets_of_the_compose_file_are_there(tmp_path: Path) -> None:
    for path in re.findall(r"\./((?:temporal|postgresql)[a-z/]*)", COMPOSE):
        assert (DEPLOY / path).is_dir(), path
    for script in re.findall(r"/scripts/([a-z.]+)", COMPOSE):
        assert (DEPLOY / "temporal" / script).is_file(), script
    subprocess.run([DEPLOY / "make-secrets", tmp_path / "secrets"], check=True)
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert made == set(re.findall(r"file: \./secrets/([a-z.-]+)", COMPOSE))
    ring = Ring.load_or_make(tmp_path / "secrets" / "register.key")
    assert ring.unseal(ring.seal(b"plain", "here"), "here") == b"plain"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()}
    assert (modes["register.key"], modes["pgpass"]) == (0o400, 0o400)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    again = subprocess.run([DEPLOY / "make-secrets", tmp_path / "secrets"], capture_output=True, check=False)
    assert again.returncode != 0, "secrets that are there are never replaced"
    assert Ring.load_or_make(tmp_path / "secrets" / "register.key").key_ids == ring.key_ids


@pytest.mark.parametrize("script", [DEPLOY / "make-secrets", *sorted(DEPLOY.rglob("*.sh"))], ids=lambda path: path.name)
def test_scripts_can_be_read_by_a_shell(script: Path) -> None:
    subprocess.run(["sh", "-n", script], check=True)


def test_the_engine_is_given_every_search_attribute() -> None:
    script = (DEPLOY / "temporal" / "namespace.sh").read_text(encoding="utf-8")
    assert [f"{name}={kind}" for name, kind in re.findall(r"--name (\w+) --type (\w+)", script)] == attribute_types()


def test_in_production_the_web_ui_writes_nothing_and_sends_the_session_along() -> None:
    assert 'TEMPORAL_DISABLE_WRITE_ACTIONS: "true"' in COMPOSE
    assert 'TEMPORAL_CODEC_INCLUDE_CREDENTIALS: "true"' in COMPOSE
    assert "inside: {internal: true}" in COMPOSE
    assert set(re.findall(r'ports: \["([\d.]+):', COMPOSE)) == {"127.0.0.1"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_run_what_there_is_and_are_shut_off(unit: Path) -> None:
    read = ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(unit)
    service = read["Service"]
    for module in re.findall(r"-m ([\w.]+)", service["ExecStart"]):
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file()
    strict = (
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "ProtectHome=yes",
        "UMask=0077",
        "User=scr",
    )
    assert [one for one in strict if service.get(one.partition("=")[0]) != one.partition("=")[2]] == []
    assert service["CapabilityBoundingSet"] == ""


def test_the_image_is_made_from_the_lock_and_runs_without_rights() -> None:
    image = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    assert "--no-deps --require-hashes --only-binary :all:" in image
    assert f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim" in image
    assert re.search(r"^USER 10001$", image, re.MULTILINE)
    assert "HEALTHCHECK" in image
