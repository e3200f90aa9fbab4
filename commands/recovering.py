"""The commands of `scr` for the day on which something is lost: restore, rebuild, backup, restore-backup."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import printing
from commands.cases import Json, with_register
from library import data_folder
from models.refusal import Refusal

if TYPE_CHECKING:
    from backup import Contents
    from register.store import Register

app = typer.Typer()
register_app = typer.Typer(no_args_is_help=True, help="The register as a whole.")


@app.command()
def restore(as_json: Json = False) -> None:
    """Start every open case that the engine does not have, from the register, with the same deadlines."""
    import recovery
    import starter

    async def work(register: "Register") -> None:
        client = await starter.connect(register.ring)
        with printing.progress(None, "Restoring cases") as advance:
            begun = await recovery.restore(client, register, lambda reference, _: advance(reference))
        _restored(begun, as_json)

    with_register(work)


@register_app.command()
def rebuild(as_json: Json = False) -> None:
    """Write the register from the living workflows, after it was lost or a backup of it put back."""
    import recovery
    import starter

    async def work(register: "Register") -> bool:
        client = await starter.connect(register.ring)
        with printing.progress(None, "Writing cases") as advance:
            written = await recovery.rebuild(client, register, lambda reference, _: advance(reference))
        _rebuilt(written, as_json)
        return any(isinstance(answer, Refusal) for answer in written.values())

    if with_register(work):
        raise typer.Exit(2)


@app.command("backup")
def backup_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, for example scr-2026-11-22.tar.gz.")],
    as_json: Json = False,
) -> None:
    """Back up the register, the letters and the board's own files, while all runs. Keep the keys elsewhere."""
    import backup
    from register import database
    from register.sealed import Ring

    data = data_folder()
    if not isinstance(database.where(data), Path):
        raise Refusal("The register is not in the data folder: back it up with its database's own means (pg_dump).")
    with printing.progress(None, "Backing up") as advance:
        contents = backup.make(data, file, Ring.of(data), advance)
    _contents("Backed up", contents, as_json)
    if not as_json:
        print("The keys are not in it: keep a copy of them elsewhere. `scr keys list` shows which there are.")


@app.command("restore-backup")
def restore_backup(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The copy of the key file.")] = None,
    as_json: Json = False,
) -> None:
    """Put a backup into a data folder without a register, and check its chain. `scr restore` then starts the cases."""
    import backup
    from register import audit
    from register.sealed import Ring

    data = data_folder()
    if key is not None and not key.is_file():
        raise Refusal(f"There is no file {key}; name the copy of the key file.")
    ring = Ring.load_or_make(key) if key is not None else Ring.of(data)
    with printing.progress(None, "Putting back") as advance:
        contents = backup.put_back(file, data, ring, advance)
    if key is not None and not (data / "register.key").exists():
        shutil.copyfile(key, data / "register.key")
        (data / "register.key").chmod(0o600)

    async def work(register: "Register") -> bool:
        faults = await audit.verify(register)
        for fault in faults:
            print(printing.plain(fault.text), file=sys.stderr)
        _contents("Put back", contents, as_json)
        return bool(faults)

    if with_register(work):
        raise typer.Exit(1)


def _restored(references: Sequence[str], json_wanted: bool) -> None:
    if json_wanted:
        printing.as_json({"restored": list(references)})
    else:
        print(f"Started again: {', '.join(references)}." if references else "Every open case runs already.")


def _rebuilt(written: Mapping[str, int | Refusal], json_wanted: bool) -> None:
    done = {reference: events for reference, events in written.items() if isinstance(events, int)}
    for reference, refusal in written.items():
        if isinstance(refusal, Refusal):
            print(printing.plain(f"{reference}: {refusal}"), file=sys.stderr)
    if json_wanted:
        printing.as_json({"written": done, "refused": sorted(set(written) - set(done))})
    else:
        print(f"The register has all events of {len(done)} living {'case' if len(done) == 1 else 'cases'}.")


def _contents(what: str, contents: "Contents", json_wanted: bool) -> None:
    if json_wanted:
        printing.as_json(contents._asdict())
    else:
        print(f"{what}: {contents.files} files of {contents.made_at:%Y-%m-%d %H:%M} UTC, {contents.size:,} bytes.")
