"""The commands of `scr` for the keys that seal what is confidential."""

from typing import TYPE_CHECKING

import typer

from commands import printing
from commands.cases import Json, with_register
from library import data_folder

if TYPE_CHECKING:
    from register.store import Register

app = typer.Typer(no_args_is_help=True, help="The keys that seal what is confidential.")


@app.command("list")
def keys(as_json: Json = False) -> None:
    """The keys by id, which one is current, and how much of the register each has sealed. No key itself is shown."""

    async def work(register: "Register") -> None:
        used = await register.sealed_under()
        rows = [
            {"key": key, "current": key == register.ring.current, "sealed": used.get(key, 0)}
            for key in sorted(register.ring.key_ids)
        ]
        if as_json:
            printing.as_json(rows)
            return
        for row in rows:
            current = "current" if row["current"] else "older  "
            print(f"{row['key']}  {current}  {row['sealed']} sealed in the register")
        if not rows:
            print("There is no key yet; the first is made when something is first sealed.")

    with_register(work)


@app.command()
def rotate(as_json: Json = False) -> None:
    """Add a new current key. What runs uses it from then on; the older keys stay, for what they have sealed."""
    from register.sealed import Ring

    ring = Ring.of(data_folder())
    key = ring.rotate()
    if as_json:
        printing.as_json({"key": key})
        return
    print(
        f"{key} is the current key now. Keep a copy of {ring.name} elsewhere, apart from the backups of the register."
    )
